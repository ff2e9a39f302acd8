//! What Percept says of itself: metrics for Prometheus, logs for people.
//!
//! Holds no state of the line: modules are handed metric handles and count.

pub mod bars;
pub mod logging;
mod masked_line;
pub mod metrics;
pub mod names;
mod rate_limit;
pub mod redact;
pub mod standard_error;

pub use rate_limit::RateLimit;
