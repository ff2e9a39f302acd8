//! Windows become model input, written straight into its batch slots.
//!
//! "Byte array" is the Perceiver papers' name for the `[rows, channels]` input
//! (Jaegle et al. 2021, section 3.1): it is f32, not an array of bytes. A row is one
//! patch of pixels, samples or spectrogram values followed by the Fourier features of its
//! place; a point is its features alone.
//!
//! On a grid the Fourier part never changes, so [`ByteArray`] writes it once and keeps
//! it; a window rewrites the values alone, and the time axis's features where the
//! frames' real times differ. [`RawClip`] is for models that hold their positions
//! inside and take bytes. [`ResidentInput`] is all inputs of a model, one a modality.

mod axis;
mod fourier;
mod grid;
mod input;
mod mel;
mod pictures;
mod points;
mod raw;
mod resident;
mod sound;

pub use fourier::fourier_features;
pub use input::ResidentInput;
pub use mel::Spectrogram;
pub use raw::RawClip;
pub use resident::ByteArray;
