//! What the model reads, whichever layouts and modalities it wants.

use super::raw::RawValues;
use super::{ByteArray, RawClip};
use crate::data::manifest::{Input, Layout, Manifest, Modality};
use crate::data::{Feed, ModelInput, Values, Window};

/// The model's inputs, written in place and resident for the life of their owner.
pub struct ResidentInput {
    parts: Vec<Part>,
    present: Option<Present>,
}

/// One modality.
struct Part {
    name: String,
    /// Of one window.
    shape: Vec<usize>,
    modality: Modality,
    buffer: Buffer,
}

enum Buffer {
    ByteArray(Box<ByteArray>),
    Clip { clip: RawClip, times: Option<Times> },
    Values(RawValues),
}

/// The ONNX input of the frames' times, f32 `[batch, frames]`.
struct Times {
    name: String,
    shape: [usize; 1],
}

/// The ONNX input that says which modalities are there, f32 `[batch, inputs]`.
struct Present {
    name: String,
    shape: [usize; 1],
    values: Vec<f32>,
}

impl ResidentInput {
    /// Room for `max_batch` windows of a checked manifest's model.
    pub fn new(manifest: &Manifest, max_batch: usize) -> Self {
        let parts: Vec<_> =
            manifest.inputs.iter().map(|input| Part::new(input, max_batch)).collect();
        let present = manifest.present.clone().map(|name| Present {
            name,
            shape: [parts.len()],
            values: vec![0.0; max_batch * parts.len()],
        });
        Self { parts, present }
    }

    /// `slot` counts from 0 and is below the `max_batch` that this was made with.
    pub fn write(&mut self, slot: usize, window: &Window) {
        let modalities = self.parts.len();
        for (index, part) in self.parts.iter_mut().enumerate() {
            match &mut part.buffer {
                Buffer::ByteArray(rows) => rows.write(slot, window),
                Buffer::Clip { clip, .. } => clip.write(slot, window),
                Buffer::Values(values) => values.write(slot, window),
            }
            if let Some(present) = &mut self.present {
                let there = window.has(part.modality);
                present.values[slot * modalities + index] = f32::from(u8::from(there));
            }
        }
    }

    /// The first `batch` slots.
    pub fn view(&self, batch: usize) -> ModelInput<'_> {
        let mut feeds = Vec::with_capacity(self.parts.len() + 2);
        for part in &self.parts {
            let values = match &part.buffer {
                Buffer::ByteArray(rows) => Values::F32(rows.rows(batch)),
                Buffer::Clip { clip, .. } => Values::U8(clip.pixels(batch)),
                Buffer::Values(values) => Values::F32(values.values(batch)),
            };
            feeds.push(Feed { name: &part.name, shape: &part.shape, values });
            if let Buffer::Clip { clip, times: Some(times) } = &part.buffer {
                let values = Values::F32(clip.times(batch));
                feeds.push(Feed { name: &times.name, shape: &times.shape, values });
            }
        }
        if let Some(present) = &self.present {
            let values = Values::F32(&present.values[..batch * self.parts.len()]);
            feeds.push(Feed { name: &present.name, shape: &present.shape, values });
        }
        ModelInput { feeds }
    }
}

impl Part {
    fn new(input: &Input, max_batch: usize) -> Self {
        let modality = input.modality();
        let name = input.name().to_owned();
        if input.layout() == Layout::ByteArray {
            let rows = ByteArray::new(input, max_batch);
            let shape = vec![rows.shape().0, rows.shape().1];
            return Self { name, shape, modality, buffer: Buffer::ByteArray(rows.into()) };
        }
        let buffer = match input {
            Input::Image(pictures) | Input::Video(pictures) => Buffer::Clip {
                clip: RawClip::new(pictures, max_batch),
                times: (pictures.times.clone())
                    .map(|name| Times { name, shape: [pictures.frames] }),
            },
            Input::Audio(sound) => {
                Buffer::Values(RawValues::sound(sound, sound.mel.as_ref(), max_batch))
            }
            Input::Points(points) => Buffer::Values(RawValues::points(points, max_batch)),
        };
        Self { name, shape: input.raw_shape(), modality, buffer }
    }
}
