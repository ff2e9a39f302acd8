//! The input buffer of models that hold their positions inside.

use super::grid::Grid;
use super::resident::check_frames;
use crate::data::Window;
use crate::data::manifest::Input;

/// The input of layout `raw`: u8 `[max_batch, frames, height, width, 3]` and f32 `[max_batch, frames]`.
pub struct RawClip {
    grid: Grid,
    pixels: Vec<u8>,
    /// Seconds relative to the window's end, so at most 0.
    times: Vec<f32>,
}

impl RawClip {
    /// `input` is a checked manifest's.
    pub fn new(input: &Input, max_batch: usize) -> Self {
        let grid = Grid::new(input);
        let bytes = grid.frames * grid.height * grid.width * 3;
        Self { grid, pixels: vec![0; max_batch * bytes], times: vec![0.0; max_batch * grid.frames] }
    }

    /// Windows that the buffer holds.
    pub fn max_batch(&self) -> usize {
        self.times.len() / self.grid.frames
    }

    /// The first `batch` slots: u8 `[batch, frames, height, width, 3]`.
    pub fn pixels(&self, batch: usize) -> &[u8] {
        &self.pixels[..batch * self.grid.frames * self.grid.height * self.grid.width * 3]
    }

    /// The first `batch` slots: f32 `[batch, frames]`, seconds relative to the window's end.
    pub fn times(&self, batch: usize) -> &[f32] {
        &self.times[..batch * self.grid.frames]
    }

    /// Puts `window` into a slot.
    ///
    /// # Panics
    /// If the slot does not exist, or the window's frames are not of this model's number and size.
    pub fn write(&mut self, slot: usize, window: &Window) {
        check_frames(window, &self.grid);
        let (frames, bytes) = (self.grid.frames, self.grid.height * self.grid.width * 3);
        let pixels = self.pixels[slot * frames * bytes..][..frames * bytes].chunks_exact_mut(bytes);
        for (to, frame) in pixels.zip(&window.frames) {
            to.copy_from_slice(&frame.pixels);
        }
        for (to, age) in self.times[slot * frames..][..frames].iter_mut().zip(window.ages()) {
            *to = -age.as_secs_f32();
        }
    }
}
