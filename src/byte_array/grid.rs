//! The grid of patches that one model input consists of.

use crate::data::manifest::{Input, Modality};

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
    /// Axes of the positions: 3 for video, 2 for images, whose time axis has one cell.
    pub axes: usize,
}

impl Grid {
    /// `input` is checked: its patch divides its frames and size.
    pub fn new(input: &Input) -> Self {
        let [height, width] = input.size;
        let [t, y, x] = input.patch;
        Self {
            cells: [input.frames / t, height / y, width / x],
            patch: input.patch,
            frames: input.frames,
            height,
            width,
            axes: match input.modality {
                Modality::Video => 3,
                Modality::Image => 2,
            },
        }
    }

    pub fn rows(&self) -> usize {
        self.cells.iter().product()
    }

    /// Byte channels of a row: the values of its patch.
    pub fn bytes(&self) -> usize {
        self.patch.iter().product::<usize>() * 3
    }
}
