//! What the model reads, whichever layout it wants.

use super::{ByteArray, RawClip};
use crate::data::manifest::{Input, Layout};
use crate::data::{ModelInput, Window};

/// The model's input, written in place and resident for the life of its owner.
pub enum ResidentInput {
    ByteArray(ByteArray),
    Raw(RawClip),
}

impl ResidentInput {
    /// Room for `max_batch` windows.
    pub fn new(input: &Input, max_batch: usize) -> Self {
        match input.layout {
            Layout::ByteArray => Self::ByteArray(ByteArray::new(input, max_batch)),
            Layout::Raw => Self::Raw(RawClip::new(input, max_batch)),
        }
    }

    /// `slot` counts from 0 and is below the `max_batch` that this was made with.
    pub fn write(&mut self, slot: usize, window: &Window) {
        match self {
            Self::ByteArray(rows) => rows.write(slot, window),
            Self::Raw(clip) => clip.write(slot, window),
        }
    }

    /// The first `batch` slots.
    pub fn view(&self, batch: usize) -> ModelInput<'_> {
        match self {
            Self::ByteArray(rows) => {
                ModelInput::ByteArray { rows: rows.rows(batch), shape: rows.shape() }
            }
            Self::Raw(clip) => {
                ModelInput::Raw { pixels: clip.pixels(batch), times: clip.times(batch) }
            }
        }
    }
}
