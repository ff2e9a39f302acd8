//! The model's thread: batches the streams' windows, runs the model, tells the labels.

use std::time::{Duration, Instant};

use super::board::Board;
use super::inbox::{Inbox, Port, StreamItem};
use super::keep_up::KeepUp;
use crate::byte_array::ModelInputBuffer;
use crate::data::{Event, Window, WindowScores};
use crate::label::{Calibrator, Finish};
use crate::model::Model;
use crate::publish::{Hub, Urgency};
use crate::supervise::Stop;
use crate::telemetry::metrics::ModelMetrics;

/// How long the thread sleeps at most before it shows that it is alive.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// When a batch is closed.
#[derive(Debug, Clone, Copy)]
pub struct Batching {
    /// Windows at most.
    pub max_windows: usize,
    /// From the first window of a batch that is not full.
    pub max_wait: Duration,
}
