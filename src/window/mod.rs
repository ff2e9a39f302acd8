//! Assembles the clips that a model looks at, in media time.
//!
//! Takes the frames that the decoder picked from its sampling grid and gives a
//! [`Window`](crate::data::Window) for each look. Does not read a clock, choose
//! frames or touch pixels.

mod assemble;
mod plan;
mod sound;
mod stretch;

pub use assemble::Windower;
pub use plan::{HopError, Plan};
pub use sound::SoundBuffer;
