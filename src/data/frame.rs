//! One decoded picture at the model's size.

use std::sync::Arc;

use super::Stamp;

/// A picture as the model will see it: u8 RGB, `[height, width, 3]` row-major, no padding.
///
/// Cloning shares the pixels. A frame is looked at by several overlapping windows.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pub stamp: Stamp,
    pub width: u32,
    pub height: u32,
    /// `height * width * 3` bytes.
    pub pixels: Arc<Vec<u8>>,
}
