//! Windows become model input, written straight into its batch slots.
//!
//! "Byte array" is the Perceiver papers' name for the `[rows, channels]` input
//! (Jaegle et al. 2021, section 3.1): it is f32, not an array of bytes. A row is one
//! patch of pixels followed by the Fourier features of its place.
//!
//! On a grid the Fourier part never changes, so [`ByteArray`] writes it once and keeps
//! it; a window rewrites the pixels alone, and the time axis's features where the
//! frames' real times differ. [`RawClip`] is for models that hold their positions
//! inside and take bytes.

mod axis;
mod fourier;
mod grid;
mod input;
mod raw;
mod resident;

pub use fourier::fourier_features;
pub use input::ResidentInput;
pub use raw::RawClip;
pub use resident::ByteArray;
