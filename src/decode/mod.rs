//! Packets as a few pictures at the model's size: u8 RGB, upright, evenly sampled; and as all
//! of the sound, f32 at the model's rate and channels, on the pictures' timeline.
//!
//! Decodes no more than is looked at: where key frames come often enough for the model,
//! only those. Does not deinterlace: a weave of two fields is scaled down as it is, which
//! at a model's size averages the fields. Does not map HDR to SDR, and does not undo
//! mirroring.

#[cfg(any(feature = "ffmpeg", test))]
mod bicubic;
#[cfg(feature = "ffmpeg")]
mod decoder;
#[cfg(any(feature = "ffmpeg", test))]
mod downmix;
#[cfg(feature = "ffmpeg")]
mod error;
#[cfg(feature = "ffmpeg")]
mod ffi;
#[cfg(any(feature = "ffmpeg", test))]
mod geometry;
#[cfg(any(feature = "ffmpeg", test))]
mod pool;
#[cfg(feature = "ffmpeg")]
mod rgb;
#[cfg(feature = "ffmpeg")]
mod scale;
#[cfg(any(feature = "ffmpeg", test))]
mod select;
mod settings;
#[cfg(feature = "ffmpeg")]
mod sound;
#[cfg(feature = "ffmpeg")]
mod still;
#[cfg(feature = "ffmpeg")]
mod swr;
mod timeline;
#[cfg(any(feature = "ffmpeg", test))]
mod ycc;

#[cfg(feature = "ffmpeg")]
pub use decoder::Decoder;
#[cfg(feature = "ffmpeg")]
pub use error::DecodeError;
pub use settings::{ActiveMode, DecodeMode, DecodeSettings, Rect, SoundSettings};
#[cfg(feature = "ffmpeg")]
pub use sound::SoundDecoder;
#[cfg(feature = "ffmpeg")]
pub use still::StillDecoder;
pub use timeline::{Beside, Moment, RawTime, Timeline};
