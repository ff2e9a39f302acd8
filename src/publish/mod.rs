//! Delivers events: one JSON object a line, to every sink.
//!
//! ```text
//! Event ──► wire ──► Hub ──► one bounded queue and one task a sink ──► stdout, files
//! ```

mod hub;
mod lines;
mod settings;
mod sink;
pub mod wire;

pub use hub::{CloseReport, Hub, SinkReport, Urgency};
pub use settings::{PublishError, SinkSettings};
