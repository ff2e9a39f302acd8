//! Sound at the model's rate.

use std::sync::Arc;

/// The sound of one window: f32 `[samples, channels]`, interleaved, full scale 1.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundClip {
    pub samples: Arc<Vec<f32>>,
    /// Samples a channel that are silence put where the stream had none.
    pub silent_gap: usize,
}
