//! What Percept says of itself: metrics for Prometheus, logs for people.
//!
//! Holds no state of the line: modules are handed metric handles and count.

pub mod metrics;
pub mod names;
pub mod redact;
