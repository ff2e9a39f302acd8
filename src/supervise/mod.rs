//! Stops, waits and tries again.

mod backoff;
mod stop;

pub use backoff::Backoff;
pub use stop::Stop;
