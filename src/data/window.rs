//! The clip that a model looks at.

use std::sync::Arc;
use std::time::Duration;

use super::manifest::Modality;
use super::{SoundClip, Stamp, StreamId, VideoFrame};

/// What one look sees, of every modality that the model wants.
///
/// All of it shares one segment: no window spans a reconnect or a time jump. With video the
/// window ends with its newest frame, and its sound is the last samples before that.
#[derive(Debug, Clone)]
pub struct Window {
    pub stream: StreamId,
    /// Counts the windows made of this stream in this process, from 0.
    pub seq: u64,
    pub start: Stamp,
    pub end: Stamp,
    /// Oldest first, as many as the model's manifest asks for; none if it wants none or the stream
    /// has none.
    pub frames: Vec<VideoFrame>,
    /// `None` if the model wants none or the stream has none.
    pub sound: Option<SoundClip>,
    /// f32 `[points, dimensions]`.
    pub points: Option<Arc<Vec<f32>>>,
}

impl Window {
    /// A window of pictures alone.
    ///
    /// # Panics
    /// If there are none.
    pub fn of_frames(stream: StreamId, seq: u64, frames: Vec<VideoFrame>) -> Self {
        let (start, end) = (frames[0].stamp, frames[frames.len() - 1].stamp);
        Self { frames, ..Self::empty(stream, seq, start, end) }
    }

    /// A window that holds nothing yet.
    pub fn empty(stream: StreamId, seq: u64, start: Stamp, end: Stamp) -> Self {
        Self { stream, seq, start, end, frames: Vec::new(), sound: None, points: None }
    }

    /// Whether there is something of this in it.
    pub fn has(&self, modality: Modality) -> bool {
        match modality {
            Modality::Pictures => !self.frames.is_empty(),
            Modality::Sound => self.sound.is_some(),
            Modality::Points => self.points.is_some(),
        }
    }

    /// How long before the window's end each frame was taken; the last is zero.
    pub fn ages(&self) -> impl Iterator<Item = Duration> + '_ {
        let end = self.end.media;
        self.frames.iter().map(move |frame| end.since(frame.stamp.media))
    }
}
