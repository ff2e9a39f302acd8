//! The one place that knows every module: builds the channels, starts the threads.
//!
//! ```text
//! one thread a stream                 one thread                      tokio
//! source ► decode ► window ──Inbox──► byte_array ► model ► label ──► publish, web
//! ```
//!
//! The end travels the way data does: sources end, their queues close, the model's thread
//! reads what is left and ends, the sinks flush.

mod board;
mod clip;
mod decoders;
mod inbox;
mod keep_up;
mod launch;
mod pair;
mod perceive;
mod pictures;
mod run;
mod stream;
mod wants;

pub use clip::{ClipError, watch_clip};
pub use decoders::Decoders;
pub use perceive::Batching;
pub use pictures::{PictureError, Singles};
pub use run::{Report, RunError, Setup, run};
pub use stream::{StreamJob, describe};
pub use wants::Wants;
