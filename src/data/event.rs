//! What the world is told, one JSON object each.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::{Clock, MediaTime, StreamId};

/// One message, the same on every transport. See `docs/event.schema.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Stable for what it tells of: a label's `started` and `ended` share it.
    pub id: Arc<str>,
    /// Counts this stream's events in this process, from 0.
    pub seq: u64,
    pub stream: StreamId,
    /// `name version` of the model.
    pub model: Arc<str>,
    pub media_start: MediaTime,
    pub media_end: MediaTime,
    /// Wall time of `media_end`.
    pub captured_at: Option<SystemTime>,
    pub clock: Clock,
    /// When the newest packet behind this event was read; not published.
    pub arrived: Option<Instant>,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// One look: the score of every label whose input was there.
    ///
    /// `file`: the picture that was looked at, where one stream is many files.
    Window { scores: Vec<(Arc<str>, f32)>, active: Vec<Arc<str>>, file: Option<Arc<str>> },
    /// A label became active.
    Started { label: Arc<str>, score: f32, topic: Option<&'static str> },
    /// A label is no longer active. `reason` is `recovered`, `input_lost`, `stream_lost`, `finished`
    /// or `shutdown`.
    Ended { label: Arc<str>, score: f32, topic: Option<&'static str>, reason: &'static str },
    /// The stream came, went or finished, or the microphone that is paired with it came or went.
    Stream { state: StreamState, reason: Option<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    Connected,
    Lost,
    Finished,
    MicrophoneConnected,
    MicrophoneLost,
}
