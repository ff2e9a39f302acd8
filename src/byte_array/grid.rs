//! The grid of patches that pictures are cut into.

use crate::data::manifest::Pictures;

/// Rows lie in the order (time, y, x); a row's byte channels in the order (frame, y, x, colour).
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Patches along time, y and x.
    pub cells: [usize; 3],
    /// Frames, lines and columns of one patch.
    pub patch: [usize; 3],
    pub frames: usize,
    pub height: usize,
    pub width: usize,
}

impl Grid {
    /// `input` is checked: its patch divides its frames and size.
    pub fn new(input: &Pictures) -> Self {
        let [height, width] = input.size;
        let [t, y, x] = input.patch;
        Self {
            cells: [input.frames / t, height / y, width / x],
            patch: input.patch,
            frames: input.frames,
            height,
            width,
        }
    }

    /// Byte channels of a row: the values of its patch.
    pub fn bytes(&self) -> usize {
        self.patch.iter().product::<usize>() * 3
    }
}
