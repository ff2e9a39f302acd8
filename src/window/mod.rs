//! Assembles the clips that a model looks at, in media time.
//!
//! Takes the frames that the decoder picked from its sampling grid, and all of the sound, and
//! gives a [`Window`](crate::data::Window) for each look. Does not read a clock, choose
//! frames or touch pixels.

mod assemble;
mod listener;
mod plan;
mod sight;
mod sound;
mod stretch;
mod windower;

pub use plan::{HopError, Plan, SoundPlan};
pub use sound::SoundBuffer;
pub use windower::Windower;
