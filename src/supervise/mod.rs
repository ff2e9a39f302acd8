//! Stops, waits and tries again.

mod backoff;
mod stop;

pub use backoff::{Backoff, Reconnect, Run};
pub use stop::Stop;
