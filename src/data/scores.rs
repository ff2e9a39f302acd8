//! What the model said of one window.

use super::{Stamp, StreamId};

/// Calibrated scores of one window, one a label, in the manifest's order.
#[derive(Debug, Clone)]
pub struct WindowScores {
    pub stream: StreamId,
    pub seq: u64,
    pub start: Stamp,
    pub end: Stamp,
    /// `[labels]`, each in `[0, 1]`; `None` where a label judges an input that the window lacks.
    pub scores: Vec<Option<f32>>,
}
