//! Rows of sound: samples in patches, or patches of a mel spectrogram.

use super::mel::Spectrogram;
use crate::data::manifest::{Mel, Sound};
use crate::data::{SoundClip, Window};

/// A row is so many samples of every channel.
pub struct SampleRows {
    /// Samples a window, all channels together.
    samples: usize,
    /// Values of a row before its features.
    bytes: usize,
}

impl SampleRows {
    pub fn new(input: &Sound) -> Self {
        Self { samples: input.samples * input.channels, bytes: input.row() * input.channels }
    }

    /// `values`: f32 `[rows, channels]` of the slot. Missing sound is silence.
    pub fn write(&mut self, values: &mut [f32], channels: usize, window: &Window) {
        let rows = values.chunks_exact_mut(channels).map(|row| &mut row[..self.bytes]);
        match &window.sound {
            None => rows.for_each(|row| row.fill(0.0)),
            Some(sound) => {
                check_samples(sound, self.samples);
                let samples = sound.samples.chunks_exact(self.bytes);
                rows.zip(samples).for_each(|(row, samples)| row.copy_from_slice(samples));
            }
        }
    }
}

/// A row is a patch of a mel spectrogram.
pub struct SpectrogramRows {
    spectrogram: Spectrogram,
    /// Frames and bands of a patch.
    patch: [usize; 2],
    /// Values of a whole window, `[frames, bands]`.
    values: Vec<f32>,
}

impl SpectrogramRows {
    pub fn new(input: &Sound, mel: &Mel) -> Self {
        let spectrogram = Spectrogram::new(input, mel);
        let values = vec![0.0; spectrogram.values()];
        Self { spectrogram, patch: input.mel_patch(), values }
    }

    /// `values`: f32 `[rows, channels]` of the slot. Missing sound is silence.
    pub fn write(&mut self, values: &mut [f32], channels: usize, window: &Window) {
        self.spectrogram.run(window.sound.as_ref(), &mut self.values);
        let bands = self.spectrogram.bands();
        let [frames, width] = self.patch;
        let across = bands / width;
        for (index, row) in values.chunks_exact_mut(channels).enumerate() {
            let (t, f) = (index / across * frames, index % across * width);
            let lines = self.values[t * bands..].chunks_exact(bands);
            for (to, line) in row[..frames * width].chunks_exact_mut(width).zip(lines) {
                to.copy_from_slice(&line[f..f + width]);
            }
        }
    }
}

/// The window is made for this model: wrong sound is a fault of the program, not of the stream.
pub(super) fn check_samples(sound: &SoundClip, samples: usize) {
    assert_eq!(sound.samples.len(), samples, "a window has as many samples as the model wants");
}
