//! What goes into a model and what comes out.

/// One batch, as it lies in the resident buffers; nothing is copied.
#[derive(Debug, Clone, Copy)]
pub enum ModelInput<'a> {
    /// `rows` f32 `[batch, rows, channels]`, `shape` the rows and channels of one window.
    ByteArray { rows: &'a [f32], shape: (usize, usize) },
    /// `pixels` u8 `[batch, frames, height, width, 3]`, `times` f32 `[batch, frames]` in seconds
    /// relative to the window's end.
    Raw { pixels: &'a [u8], times: &'a [f32] },
}

/// What a model said of a batch: f32 `[batch, labels]`, unbounded, all finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    pub labels: usize,
    pub values: Vec<f32>,
}

impl Logits {
    /// One window after another, each `[labels]`.
    pub fn windows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.labels)
    }
}
