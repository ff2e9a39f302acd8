//! What is decoded, how often, and how it is brought to the model's size.

use std::time::Duration;

use crate::data::manifest::{Filter, Pictures, Resize};

/// Which frames are decoded at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodeMode {
    /// Key frames only where they come often enough for the model, else all.
    #[default]
    Auto,
    All,
    KeyFrames,
}

/// What is decoded right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActiveMode {
    All,
    KeyFrames,
}

impl ActiveMode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::KeyFrames => "key_frames",
        }
    }
}

/// A part of the upright picture: fractions of its width and height, from the upper left.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    /// Whether it lies within the picture and is not empty.
    pub fn is_valid(&self) -> bool {
        let span = |from: f32, size: f32| from >= 0.0 && size > 0.0 && from + size <= 1.0 + 1e-6;
        span(self.x, self.width) && span(self.y, self.height)
    }
}

/// What sound is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundSettings {
    /// Hertz, above zero.
    pub rate: u32,
    /// Above zero; 1 is the mean of all but the bass channel, weighted as FFmpeg does.
    pub channels: u16,
}

#[derive(Debug, Clone)]
pub struct DecodeSettings {
    /// `[height, width]` of the frames that are given out, in pixels.
    pub size: [usize; 2],
    pub resize: Resize,
    /// With [`Resize::Crop`]: the share of the largest centred crop that is taken, in `(0, 1]`.
    pub crop_fraction: f64,
    pub filter: Filter,
    pub mode: DecodeMode,
    /// The part of the picture that is looked at; all of it if `None`.
    pub crop: Option<Rect>,
    /// Parts of the whole picture painted grey (128), such as a burnt-in clock.
    pub masks: Vec<Rect>,
    /// Spacing of looked-at frames that the model accepts, `(least, most)`; `None` for a
    /// fixed rate.
    pub interval: Option<(Duration, Duration)>,
    /// Wanted spacing of looked-at frames, media time.
    pub step: Duration,
    /// Threads of the decoder; 0 lets FFmpeg choose.
    pub threads: usize,
}

impl DecodeSettings {
    /// As a model's input wants pictures, at a spacing.
    pub fn of(input: &Pictures, step: Duration) -> Self {
        Self {
            resize: input.resize,
            crop_fraction: input.crop_fraction,
            filter: input.filter,
            ..Self::new(input.size, step)
        }
    }

    /// Defaults for a model's size and a spacing.
    pub fn new(size: [usize; 2], step: Duration) -> Self {
        Self {
            size,
            resize: Resize::default(),
            crop_fraction: 1.0,
            filter: Filter::default(),
            mode: DecodeMode::default(),
            crop: None,
            masks: Vec::new(),
            interval: None,
            step,
            threads: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rects_outside_the_picture_are_invalid() {
        let rect = |x, y, width, height| Rect { x, y, width, height }.is_valid();
        assert!(rect(0.0, 0.0, 1.0, 1.0) && rect(0.9, 0.0, 0.1, 0.1));
        assert!(!rect(0.5, 0.0, 0.6, 1.0) && !rect(-0.1, 0.0, 0.5, 1.0));
        assert!(!rect(0.0, 0.0, 0.0, 1.0) && !rect(f32::NAN, 0.0, 1.0, 1.0));
    }
}
