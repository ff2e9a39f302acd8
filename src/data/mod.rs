//! What travels along the line, and its times.
//!
//! Every module may use this one. It performs no I/O, starts no thread and reads
//! no clock.

mod chunk;
mod event;
mod fault;
mod frame;
pub mod manifest;
mod model_input;
#[cfg(feature = "ffmpeg")]
mod packet;
mod scores;
mod sound;
mod stream_id;
mod time;
mod window;

pub use chunk::AudioChunk;
pub use event::{Event, EventKind, StreamState};
pub use fault::{Fault, Remedy, chain};
pub use frame::VideoFrame;
pub use manifest::Manifest;
pub use model_input::{Feed, Logits, ModelInput, Values};
#[cfg(feature = "ffmpeg")]
pub use packet::{AudioTrack, Packet, Track, VideoTrack};
pub use scores::WindowScores;
pub use sound::SoundClip;
pub use stream_id::{InvalidStreamId, StreamId};
pub use time::{Clock, MediaTime, Stamp};
pub use window::Window;
