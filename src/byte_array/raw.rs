//! The input buffers of models that hold their positions inside.

use super::grid::Grid;
use super::mel::Spectrogram;
use super::pictures::check_frames;
use super::sound::check_samples;
use crate::data::Window;
use crate::data::manifest::{Mel, Pictures, Points, Sound};

/// Pictures of layout `raw`: u8 `[max_batch, frames, height, width, 3]` and f32 `[max_batch, frames]`.
pub struct RawClip {
    grid: Grid,
    pixels: Vec<u8>,
    /// Seconds relative to the window's end, so at most 0.
    times: Vec<f32>,
}

impl RawClip {
    /// `input` is a checked manifest's.
    pub fn new(input: &Pictures, max_batch: usize) -> Self {
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

    /// Puts `window` into a slot; no pictures are black, all at its end.
    ///
    /// # Panics
    /// If the slot does not exist, or the window's frames are not of this model's number and size.
    pub fn write(&mut self, slot: usize, window: &Window) {
        let (frames, bytes) = (self.grid.frames, self.grid.height * self.grid.width * 3);
        let pixels = &mut self.pixels[slot * frames * bytes..][..frames * bytes];
        let times = &mut self.times[slot * frames..][..frames];
        if window.frames.is_empty() {
            pixels.fill(0);
            return times.fill(0.0);
        }
        check_frames(window, &self.grid);
        for (to, frame) in pixels.chunks_exact_mut(bytes).zip(&window.frames) {
            to.copy_from_slice(&frame.pixels);
        }
        for (to, age) in times.iter_mut().zip(window.ages()) {
            *to = -age.as_secs_f32();
        }
    }
}

/// Sound and points of layout `raw`: f32 `[max_batch, ..]`.
pub struct RawValues {
    /// Values of one window.
    length: usize,
    values: Vec<f32>,
    kind: Kind,
}

enum Kind {
    Samples,
    Spectrogram(Box<Spectrogram>),
    Points,
}

impl RawValues {
    pub fn sound(input: &Sound, mel: Option<&Mel>, max_batch: usize) -> Self {
        match mel {
            None => Self::new(input.samples * input.channels, Kind::Samples, max_batch),
            Some(mel) => {
                let spectrogram = Spectrogram::new(input, mel);
                Self::new(spectrogram.values(), Kind::Spectrogram(spectrogram.into()), max_batch)
            }
        }
    }

    pub fn points(input: &Points, max_batch: usize) -> Self {
        Self::new(input.points * input.dimensions, Kind::Points, max_batch)
    }

    fn new(length: usize, kind: Kind, max_batch: usize) -> Self {
        Self { length, values: vec![0.0; max_batch * length], kind }
    }

    /// The first `batch` slots.
    pub fn values(&self, batch: usize) -> &[f32] {
        &self.values[..batch * self.length]
    }

    /// Puts `window` into a slot; no sound is silence, no points are zeros.
    ///
    /// # Panics
    /// If the slot does not exist, or what the window holds is not of this model's size.
    pub fn write(&mut self, slot: usize, window: &Window) {
        let values = &mut self.values[slot * self.length..][..self.length];
        let given = match &mut self.kind {
            Kind::Spectrogram(spectrogram) => {
                return spectrogram.run(window.sound.as_ref(), values);
            }
            Kind::Samples => window.sound.as_ref().map(|sound| {
                check_samples(sound, self.length);
                &sound.samples
            }),
            Kind::Points => window.points.as_ref(),
        };
        match given {
            Some(given) => values.copy_from_slice(given),
            None => values.fill(0.0),
        }
    }
}
