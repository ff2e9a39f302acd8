//! Rows of pictures and video.

use super::axis;
use super::fourier::{Columns, Feature};
use super::grid::Grid;
use crate::data::manifest::{Pictures, TimeAxis};
use crate::data::{VideoFrame, Window};

/// Writes the bytes of a window's frames, and the time axis's features where the model wants real
/// times and they changed.
pub struct PictureRows {
    grid: Grid,
    channels: usize,
    /// `(v / 255 - mean) / std` of every byte, one table a colour.
    normalised: Box<[[f32; 256]; 3]>,
    time: Option<RealTime>,
}

/// The time axis of a model that wants the frames' real times.
struct RealTime {
    columns: Columns,
    bands: Vec<f64>,
    /// Seconds of the longest window that the model accepts; its first frame is at -1.
    span: f64,
    /// The place of each time step as last written, a slot: `[max_batch, time steps]`.
    written: Vec<f64>,
    /// The features about to be written.
    feature: Feature,
}

impl PictureRows {
    pub fn new(input: &Pictures, channels: usize, max_batch: usize) -> Self {
        let grid = Grid::new(input);
        let position = input.position.as_ref().expect("a checked byte array has positions");
        let time = (position.time == TimeAxis::Real).then(|| {
            let most =
                input.interval.expect("a checked manifest has an interval where times are real")[1];
            let bands = axis::bands(position.bands[0], position.max_resolution[0]);
            RealTime {
                span: (grid.frames - 1) as f64 * most,
                written: vec![f64::NAN; max_batch * grid.cells[0]],
                feature: Feature::new(0.0, &bands, position.sine_only),
                columns: Columns::new(position),
                bands,
            }
        });
        Self { grid, channels, normalised: normalised(input), time }
    }

    /// `values`: f32 `[rows, channels]` of the slot.
    pub fn write(&mut self, values: &mut [f32], slot: usize, window: &Window) {
        let grid = self.grid;
        if window.frames.is_empty() {
            return self.black(values);
        }
        check_frames(window, &grid);
        let plane = grid.cells[1] * grid.cells[2] * self.channels;
        for (step, rows) in values.chunks_exact_mut(plane).enumerate() {
            let first = step * grid.patch[0];
            let frames = &window.frames[first..first + grid.patch[0]];
            write_bytes(rows, self.channels, frames, &grid, &self.normalised);
            if let Some(time) = &mut self.time {
                let place = time.place(window, first, grid.patch[0]);
                let written = &mut time.written[slot * grid.cells[0] + step];
                if *written != place {
                    *written = place;
                    time.feature.set(place, &time.bands);
                    for row in rows.chunks_exact_mut(self.channels) {
                        time.feature.write(&mut row[grid.bytes()..], 0, &time.columns);
                    }
                }
            }
        }
    }

    fn black(&self, values: &mut [f32]) {
        let black = self.normalised.each_ref().map(|table| table[0]);
        for row in values.chunks_exact_mut(self.channels) {
            for pixel in row[..self.grid.bytes()].chunks_exact_mut(3) {
                pixel.copy_from_slice(&black);
            }
        }
    }
}

impl RealTime {
    /// Where the patch of `count` frames from `first` lies: -1 is a whole span before the window's end, 1 is its end.
    fn place(&self, window: &Window, first: usize, count: usize) -> f64 {
        let end = window.end.media;
        let seconds: f64 = window.frames[first..first + count]
            .iter()
            .map(|f| -end.since(f.stamp.media).as_secs_f64())
            .sum();
        (1.0 + 2.0 * seconds / count as f64 / self.span).clamp(-1.0, 1.0)
    }
}

/// `(v / 255 - mean) / std` in f32, the order in which training scripts compute it.
fn normalised(input: &Pictures) -> Box<[[f32; 256]; 3]> {
    let mut tables = Box::new([[0.0; 256]; 3]);
    for (colour, table) in tables.iter_mut().enumerate() {
        for (byte, value) in table.iter_mut().enumerate() {
            *value = (byte as f32 / 255.0 - input.mean[colour]) / input.std[colour];
        }
    }
    tables
}

/// Writes the byte channels of one time step's rows, f32 `[rows of y, rows of x, channels]`.
///
/// `frames` are the patch's. Row by row, so that each is touched while it is in the cache.
fn write_bytes(
    rows: &mut [f32],
    channels: usize,
    frames: &[VideoFrame],
    grid: &Grid,
    tables: &[[f32; 256]; 3],
) {
    let [_, lines, columns] = grid.patch;
    let run = columns * 3;
    let stride = grid.width * 3;
    for (y, band) in rows.chunks_exact_mut(grid.cells[2] * channels).enumerate() {
        for (time, frame) in frames.iter().enumerate() {
            for line in 0..lines {
                let source = &frame.pixels[(y * lines + line) * stride..][..stride];
                let at = (time * lines + line) * run;
                for (row, pixels) in band.chunks_exact_mut(channels).zip(source.chunks_exact(run)) {
                    for (value, pixel) in
                        row[at..at + run].chunks_exact_mut(3).zip(pixels.chunks_exact(3))
                    {
                        value[0] = tables[0][pixel[0] as usize];
                        value[1] = tables[1][pixel[1] as usize];
                        value[2] = tables[2][pixel[2] as usize];
                    }
                }
            }
        }
    }
}

/// The window is made for this model: a wrong frame is a fault of the program, not of the stream.
pub(super) fn check_frames(window: &Window, grid: &Grid) {
    assert_eq!(window.frames.len(), grid.frames, "a window has as many frames as the model wants");
    for frame in &window.frames {
        let size = (frame.height as usize, frame.width as usize, frame.pixels.len());
        assert_eq!(
            size,
            (grid.height, grid.width, grid.height * grid.width * 3),
            "frames have the model's size"
        );
    }
}
