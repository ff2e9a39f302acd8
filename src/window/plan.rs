//! How often to sample frames so that every look has the clip that the model wants.

use std::time::Duration;

use crate::data::Manifest;
use crate::data::manifest::{Pictures, Sound};

/// Gaps longer than the model's accepted interval by this share still pass: key frames jitter.
const GAP_TOLERANCE: f64 = 1.05;

/// Sampling of one stream's pictures for one model input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Frames a window.
    pub frames: usize,
    /// Media time between sampled frames.
    pub step: Duration,
    /// A window takes every `stride`-th sampled frame.
    pub stride: usize,
    /// One look every so many sampled frames.
    pub looks_every: usize,
    /// A longer gap between sampled frames begins anew; `None` for single pictures.
    pub longest_gap: Option<Duration>,
    /// Spacing of sampled frames that suits the model, `(least, most)`; `None` for a fixed rate.
    pub interval: Option<(Duration, Duration)>,
}

/// The sound of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundPlan {
    /// Hertz, above zero.
    pub rate: u32,
    /// Above zero.
    pub channels: u16,
    /// Samples a channel, above zero.
    pub samples: usize,
    /// Media time from one window to the next, where no pictures lead.
    pub hop: Duration,
    /// A window has sound only where it was to be heard from beginning to end: labels judge the
    /// sound itself, and would take padding for silence.
    pub whole: bool,
    /// Sound whose pictures fail to make windows has windows of its own: the model is told that the
    /// pictures are missing.
    pub alone: bool,
}

impl SoundPlan {
    /// For the `input` of a model with this checked manifest; `hop` must be above zero.
    pub fn new(input: &Sound, hop: Duration, manifest: &Manifest) -> Result<Self, HopError> {
        if hop.is_zero() {
            return Err(HopError::Zero);
        }
        Ok(Self {
            rate: input.sample_rate.max(1),
            channels: u16::try_from(input.channels).unwrap_or(u16::MAX).max(1),
            samples: input.samples.max(1),
            hop,
            whole: manifest.judges_sound(),
            alone: manifest.present.is_some(),
        })
    }

    /// How long a window's sound is.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.samples as f64 / f64::from(self.rate))
    }
}

/// Why a hop cannot be had with a model.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum HopError {
    #[error("hop must be above zero")]
    Zero,
    #[error(
        "hop {hop:?} is too short for a model that wants frames at least {least:?} apart: \
         use {shortest:?} or more"
    )]
    TooShort { hop: Duration, least: Duration, shortest: Duration },
}

/// Sampling faster than this only costs memory: windows overlap almost wholly.
const MOST_STRIDE: usize = 16;

impl Plan {
    /// Plans one look every `hop` of media time for a model with this `input`.
    ///
    /// A hop within the accepted interval samples at the hop. A longer one samples
    /// several times a hop; a shorter one gives windows that overlap more.
    pub fn new(input: &Pictures, hop: Duration) -> Result<Self, HopError> {
        if hop.is_zero() {
            return Err(HopError::Zero);
        }
        let frames = input.frames;
        let single = Self {
            frames,
            step: hop,
            stride: 1,
            looks_every: 1,
            longest_gap: None,
            interval: None,
        };
        if let Some(fps) = input.fps.filter(|_| frames > 1) {
            let step = Duration::from_secs_f64(1.0 / fps);
            let looks_every = (hop.as_secs_f64() * fps).round().max(1.0) as usize;
            return Ok(Self { step, looks_every, longest_gap: Some(step * 2), ..single });
        }
        let Some([least, most]) = input.interval.filter(|_| frames > 1) else {
            return Ok(single);
        };
        let (least, most) = (Duration::from_secs_f64(least), Duration::from_secs_f64(most));
        let looks_every = hop.as_secs_f64() / most.as_secs_f64();
        let looks_every = (looks_every - 1e-9).ceil().max(1.0) as usize;
        let step = hop.div_f64(looks_every as f64);
        let stride = (least.as_secs_f64() / step.as_secs_f64() - 1e-9).ceil().max(1.0) as usize;
        if stride > MOST_STRIDE {
            let shortest = least.div_f64(MOST_STRIDE as f64);
            return Err(HopError::TooShort { hop, least, shortest });
        }
        Ok(Self {
            step,
            stride,
            looks_every,
            longest_gap: Some(most.mul_f64(GAP_TOLERANCE / stride as f64)),
            // Key frames much rarer than the wanted step would make looks rarer than asked.
            interval: Some((least.min(step), most.div_f64(stride as f64).min(step * 2))),
            ..single
        })
    }

    /// Sampled frames from a window's first to its last.
    pub fn reach(&self) -> usize {
        (self.frames - 1) * self.stride + 1
    }

    /// The longest that windows of pictures may be in coming, `(the first, each further one)`: as
    /// far apart as the model accepts its frames, and a hop longer.
    pub fn patience(&self) -> (Duration, Duration) {
        let times = |duration: Duration, count: usize| {
            duration.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
        };
        let hop = times(self.step, self.looks_every);
        let gap = self.longest_gap.unwrap_or(self.step);
        (times(gap, self.reach() - 1) + hop, times(gap, self.looks_every) + hop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn input(frames: usize, extra: &str) -> Pictures {
        let json = format!(
            r#"{{"name":"video","layout":"byte_array","frames":{frames},
                "size":[8,8],"position":{{"bands":[2,2,2],"max_resolution":[2,2,2],
                "order":"positions_sines_cosines"}}{extra}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn clip() -> Pictures {
        input(4, r#","interval":[0.5,4.0]"#)
    }

    #[test]
    fn hop_within_the_interval_samples_at_the_hop() {
        let plan = Plan::new(&clip(), 2000 * MS).unwrap();
        assert_eq!((plan.step, plan.stride, plan.looks_every), (2000 * MS, 1, 1));
        assert_eq!(plan.interval, Some((500 * MS, 4000 * MS)));
    }

    #[test]
    fn long_hop_samples_in_between_so_that_frames_stay_close_enough() {
        let plan = Plan::new(&clip(), 10_000 * MS).unwrap();
        assert_eq!((plan.stride, plan.looks_every), (1, 3));
        assert!(plan.step <= 4000 * MS && plan.step * 3 >= 9_999 * MS, "{:?}", plan.step);
        assert_eq!(Plan::new(&clip(), 8000 * MS).unwrap().looks_every, 2);
    }

    #[test]
    fn short_hop_strides_so_that_frames_stay_far_enough_apart() {
        let plan = Plan::new(&clip(), 200 * MS).unwrap();
        assert_eq!((plan.step, plan.stride, plan.looks_every), (200 * MS, 3, 1));
        let (_, most) = plan.interval.unwrap();
        assert_eq!(most, 400 * MS, "key frames much rarer than the hop are not enough");
    }

    #[test]
    fn pictures_may_take_as_long_as_their_longest_gaps_and_a_hop() {
        let patience = |hop: Duration| Plan::new(&clip(), hop).unwrap().patience();
        assert_eq!(patience(2000 * MS), (14_600 * MS, 6200 * MS));
        let (first, further) = patience(12_000 * MS);
        assert_eq!((first, further), (24_600 * MS, 24_600 * MS), "a look takes three frames");
        let single = Plan::new(&input(1, ""), 2000 * MS).unwrap();
        assert_eq!(single.patience(), (2000 * MS, 4000 * MS));
    }

    #[test]
    fn hop_out_of_reach_is_refused() {
        assert_eq!(Plan::new(&clip(), Duration::ZERO), Err(HopError::Zero));
        assert!(matches!(Plan::new(&clip(), MS), Err(HopError::TooShort { .. })));
    }

    #[test]
    fn fixed_rate_and_single_pictures() {
        let video = Plan::new(&input(16, r#","fps":25.0"#), 1000 * MS).unwrap();
        assert_eq!((video.step, video.looks_every), (40 * MS, 25));
        let picture = Plan::new(&input(1, ""), 2000 * MS).unwrap();
        assert_eq!((picture.step, picture.longest_gap), (2000 * MS, None));
    }
}
