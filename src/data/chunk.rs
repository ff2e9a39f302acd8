//! A piece of decoded sound.

use std::time::Duration;

use super::{MediaTime, Stamp};

/// Consecutive samples: f32 `[samples, channels]`, interleaved, full scale 1.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioChunk {
    /// Of the first sample; may lie before media time zero, which is the first picture.
    pub stamp: Stamp,
    /// Hertz, above zero.
    pub rate: u32,
    /// Above zero.
    pub channels: u16,
    pub samples: Vec<f32>,
}

impl AudioChunk {
    /// Samples a channel.
    pub fn len(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.len() as f64 / f64::from(self.rate.max(1)))
    }

    /// The moment after the last sample.
    pub fn end(&self) -> MediaTime {
        self.stamp.media + self.duration()
    }
}
