//! Stops, waits and tries again.

mod backoff;
mod stop;

pub use backoff::{Backoff, Run};
pub use stop::Stop;
