//! The model's input buffer, whose constant part stays where it is.

use super::axis;
use super::fourier::{Columns, Feature};
use super::grid::Grid;
use crate::data::manifest::{Input, TimeAxis};
use crate::data::{VideoFrame, Window};

/// The resident input of layout `byte_array`: f32 `[max_batch, rows, channels]`, row-major.
///
/// A row's channels are its patch's normalised bytes, then the Fourier features of its
/// place. [`ByteArray::write`] touches the bytes alone, and the time axis's features
/// where the model wants real times and they changed.
pub struct ByteArray {
    grid: Grid,
    channels: usize,
    /// `(v / 255 - mean) / std` of every byte, one table a colour.
    normalised: Box<[[f32; 256]; 3]>,
    time: Option<RealTime>,
    values: Vec<f32>,
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

impl ByteArray {
    /// Allocates all slots and writes their constant part.
    ///
    /// `input` is a checked manifest's: its patch divides its size, it has bands and a
    /// `max_resolution` an axis, and an `interval` where real times are wanted.
    ///
    /// # Panics
    /// If `input` breaks that.
    pub fn new(input: &Input, max_batch: usize) -> Self {
        let grid = Grid::new(input);
        let columns = Columns::new(&input.position);
        assert_eq!(
            grid.axes,
            input.position.bands.len(),
            "a checked manifest has bands for every axis"
        );
        let channels = grid.bytes() + columns.count();
        let mut values = vec![0.0; max_batch * grid.rows() * channels];
        if let Some((first, others)) = values.split_at_mut_checked(grid.rows() * channels) {
            write_constants(first, &grid, input, &columns);
            for slot in others.chunks_exact_mut(first.len()) {
                slot.copy_from_slice(first);
            }
        }
        let time = (input.position.time == TimeAxis::Real).then(|| {
            let most =
                input.interval.expect("a checked manifest has an interval where times are real")[1];
            let bands = axis::bands(input.position.bands[0], input.position.max_resolution[0]);
            RealTime {
                span: (grid.frames - 1) as f64 * most,
                written: vec![f64::NAN; max_batch * grid.cells[0]],
                feature: Feature::new(0.0, &bands, input.position.sine_only),
                columns,
                bands,
            }
        });
        Self { grid, channels, normalised: normalised(input), time, values }
    }

    /// Rows and channels of one window.
    pub fn shape(&self) -> (usize, usize) {
        (self.grid.rows(), self.channels)
    }

    /// Windows that the buffer holds.
    pub fn max_batch(&self) -> usize {
        self.values.len() / (self.grid.rows() * self.channels)
    }

    /// The first `batch` slots: f32 `[batch, rows, channels]`.
    pub fn rows(&self, batch: usize) -> &[f32] {
        &self.values[..batch * self.grid.rows() * self.channels]
    }

    /// Puts `window` into a slot.
    ///
    /// # Panics
    /// If the slot does not exist, or the window's frames are not of this model's number and size.
    pub fn write(&mut self, slot: usize, window: &Window) {
        let grid = self.grid;
        check_frames(window, &grid);
        let plane = grid.cells[1] * grid.cells[2] * self.channels;
        let slot_len = grid.cells[0] * plane;
        let values = &mut self.values[slot * slot_len..][..slot_len];
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
}

impl RealTime {
    /// Where the patch of `count` frames from `first` lies: -1 is a whole span before the window's end, 1 is its end.
    fn place(&self, window: &Window, first: usize, count: usize) -> f64 {
        let end = window.end().media;
        let seconds: f64 = window.frames[first..first + count]
            .iter()
            .map(|f| -end.since(f.stamp.media).as_secs_f64())
            .sum();
        (1.0 + 2.0 * seconds / count as f64 / self.span).clamp(-1.0, 1.0)
    }
}

/// `(v / 255 - mean) / std` in f32, the order in which training scripts compute it.
fn normalised(input: &Input) -> Box<[[f32; 256]; 3]> {
    let mut tables = Box::new([[0.0; 256]; 3]);
    for (colour, table) in tables.iter_mut().enumerate() {
        for (byte, value) in table.iter_mut().enumerate() {
            *value = (byte as f32 / 255.0 - input.mean[colour]) / input.std[colour];
        }
    }
    tables
}

/// Writes the Fourier channels of every row of one slot, f32 `[rows, channels]`.
///
/// Each feature depends on one axis only, so they come from one small table an axis.
fn write_constants(slot: &mut [f32], grid: &Grid, input: &Input, columns: &Columns) {
    let position = &input.position;
    // An image's rows have no time axis: its axis 0 is y.
    let cells = &grid.cells[3 - grid.axes..];
    let tables: Vec<Vec<Feature>> = (0..grid.axes)
        .map(|axis| {
            let bands = axis::bands(position.bands[axis], position.max_resolution[axis]);
            axis::grid(cells[axis])
                .into_iter()
                .map(|place| Feature::new(place, &bands, position.sine_only))
                .collect()
        })
        .collect();
    let channels = grid.bytes() + columns.count();
    for (index, row) in slot.chunks_exact_mut(channels).enumerate() {
        let mut rest = index;
        for axis in (0..grid.axes).rev() {
            tables[axis][rest % cells[axis]].write(&mut row[grid.bytes()..], axis, columns);
            rest /= cells[axis];
        }
    }
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
