//! What goes into a model and what comes out.

/// One batch, as it lies in the resident buffers; nothing is copied.
#[derive(Debug, Clone, Default)]
pub struct ModelInput<'a> {
    /// One an ONNX input.
    pub feeds: Vec<Feed<'a>>,
}

/// The values of one ONNX input, `[batch, shape..]`.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    pub name: &'a str,
    /// Of one window, without the batch.
    pub shape: &'a [usize],
    pub values: Values<'a>,
}

#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    F32(&'a [f32]),
    U8(&'a [u8]),
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
