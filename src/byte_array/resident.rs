//! The model's input buffer, whose constant part stays where it is.

use super::fourier::{Columns, Feature};
use super::pictures::PictureRows;
use super::points::PointRows;
use super::sound::{SampleRows, SpectrogramRows};
use crate::data::Window;
use crate::data::manifest::Input;

/// The resident input of layout `byte_array`: f32 `[max_batch, rows, channels]`, row-major.
///
/// A row's channels are its patch's values, then the Fourier features of its place.
/// [`ByteArray::write`] touches the values alone, and the features only where they depend on the
/// window: the time axis of a model that wants real times, and points.
pub struct ByteArray {
    rows: usize,
    channels: usize,
    values: Vec<f32>,
    filling: Filling,
}

/// What a window writes into its slot.
enum Filling {
    Pictures(PictureRows),
    Samples(SampleRows),
    Spectrogram(SpectrogramRows),
    Points(PointRows),
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
        let (rows, channels) = input.byte_array_shape();
        let mut values = vec![0.0; max_batch * rows * channels];
        if !matches!(input, Input::Points(_))
            && let Some((first, others)) = values.split_at_mut_checked(rows * channels)
        {
            write_constants(first, input, channels);
            for slot in others.chunks_exact_mut(first.len()) {
                slot.copy_from_slice(first);
            }
        }
        let filling = match input {
            Input::Image(pictures) | Input::Video(pictures) => {
                Filling::Pictures(PictureRows::new(pictures, channels, max_batch))
            }
            Input::Audio(sound) => match &sound.mel {
                None => Filling::Samples(SampleRows::new(sound)),
                Some(mel) => Filling::Spectrogram(SpectrogramRows::new(sound, mel)),
            },
            Input::Points(points) => Filling::Points(PointRows::new(points)),
        };
        Self { rows, channels, values, filling }
    }

    /// Rows and channels of one window.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.channels)
    }

    /// Windows that the buffer holds.
    pub fn max_batch(&self) -> usize {
        self.values.len() / (self.rows * self.channels)
    }

    /// The first `batch` slots: f32 `[batch, rows, channels]`.
    pub fn rows(&self, batch: usize) -> &[f32] {
        &self.values[..batch * self.rows * self.channels]
    }

    /// Puts `window` into a slot. A modality that the window lacks is written as black or silent.
    ///
    /// # Panics
    /// If the slot does not exist, or what the window holds is not of this model's number and size.
    pub fn write(&mut self, slot: usize, window: &Window) {
        let length = self.rows * self.channels;
        let values = &mut self.values[slot * length..][..length];
        match &mut self.filling {
            Filling::Pictures(rows) => rows.write(values, slot, window),
            Filling::Samples(rows) => rows.write(values, self.channels, window),
            Filling::Spectrogram(rows) => rows.write(values, self.channels, window),
            Filling::Points(rows) => rows.write(values, self.channels, window),
        }
    }
}

/// Writes the Fourier channels of every row of one slot, f32 `[rows, channels]`.
///
/// Each feature depends on one axis only, so they come from one small table an axis.
fn write_constants(slot: &mut [f32], input: &Input, channels: usize) {
    let position = input.position().expect("a checked byte array has positions");
    let (cells, columns) = (input.cells(), Columns::new(position));
    assert_eq!(cells.len(), position.bands.len(), "a checked manifest has bands for every axis");
    let tables: Vec<Vec<Feature>> = cells
        .iter()
        .enumerate()
        .map(|(axis, &cells)| Feature::of_axis(position, axis, cells))
        .collect();
    let bytes = channels - columns.count();
    for (index, row) in slot.chunks_exact_mut(channels).enumerate() {
        let mut rest = index;
        for axis in (0..cells.len()).rev() {
            tables[axis][rest % cells[axis]].write(&mut row[bytes..], axis, &columns);
            rest /= cells[axis];
        }
    }
}
