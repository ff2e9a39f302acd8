//! What the model's numbers mean: scores, and labels that begin and end.
//!
//! ```text
//! logits ──► Calibrator ──► WindowScores ──► StreamLabels ──► Event
//! ```
//!
//! [`StreamLabels`] is the one state machine of a stream: events, metrics and the
//! API all say what it says. It reads no clock: times come with what it is told.

mod calibrate;
mod id;
mod onvif;
mod phase;
mod rule;
mod settings;
mod stream;

pub use calibrate::Calibrator;
pub use id::Ids;
pub use onvif::topic;
pub use settings::{LabelFault, LabelRule, LabelSettings};
pub use stream::{ActiveLabel, Finish, StreamLabels};
