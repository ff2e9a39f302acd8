//! Microphones and line-in, through the system's sound library.
//!
//! The library's own thread puts samples into a ring and does nothing that could make it wait;
//! [`Microphone::read`] makes packets of them, of f32 samples at the device's own rate. Does
//! not resample and does not choose among a device's rates: its default is taken.

mod calls;
mod capture;
mod device;
mod find;
mod quiet;

pub use device::{Microphone, check_microphone};
pub use find::{MicrophoneDevice, microphones};
