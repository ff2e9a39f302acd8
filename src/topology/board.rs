//! What is known of each stream right now, for the API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use crate::data::{StreamId, WindowScores};
use crate::label::StreamLabels;
use crate::telemetry::metrics::StreamMetrics;
use crate::web::{ActiveLabel, LastError, LastWindow, Snapshot, State, StreamSnapshot};

/// One entry a stream, written by the stream's thread and the model's. Cloning shares it.
#[derive(Clone)]
pub struct Board(Arc<Mutex<Inner>>);

struct Inner {
    model: Arc<str>,
    provider: &'static str,
    warm: bool,
    streams: BTreeMap<StreamId, Entry>,
}

struct Entry {
    shown: StreamSnapshot,
    /// `None` once the stream has finished: its series are gone, its last counts are shown.
    metrics: Option<StreamMetrics>,
}

impl Entry {
    fn refresh(&mut self) {
        if let Some(metrics) = &self.metrics {
            self.shown.reconnects = metrics.reconnects.get();
            self.shown.frames_decoded = metrics.frames_decoded.get();
            self.shown.windows = metrics.windows.get();
        }
    }

    fn enter(&mut self, state: State) {
        if self.shown.state != state {
            self.shown.state = state;
            self.shown.since = SystemTime::now();
        }
    }
}

impl Board {
    /// `model` is `name version`.
    pub fn new(model: Arc<str>, provider: &'static str) -> Self {
        let streams = BTreeMap::new();
        Self(Arc::new(Mutex::new(Inner { model, provider, warm: false, streams })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }

    fn with(&self, stream: &StreamId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.lock().streams.get_mut(stream) {
            change(entry);
        }
    }

    /// A stream that will be opened; `source` is its kind, such as `rtsp`.
    pub fn add(&self, stream: &StreamId, source: &'static str, metrics: StreamMetrics) {
        let mut inner = self.lock();
        let shown = StreamSnapshot {
            stream: stream.clone(),
            source,
            state: State::Connecting,
            since: SystemTime::now(),
            microphone: None,
            last_error: None,
            reconnects: 0,
            provider: inner.provider,
            model: inner.model.clone(),
            decode: None,
            frames_decoded: 0,
            windows: 0,
            last_window: None,
            active: Vec::new(),
        };
        inner.streams.insert(stream.clone(), Entry { shown, metrics: Some(metrics) });
    }

    /// The model has run its largest batch once.
    pub fn warm(&self) {
        self.lock().warm = true;
    }

    pub fn connected(&self, stream: &StreamId) {
        self.with(stream, |entry| entry.enter(State::Up));
    }

    pub fn decoding(&self, stream: &StreamId, mode: &'static str) {
        self.with(stream, |entry| entry.shown.decode = Some(mode));
    }

    /// `text` is for people and holds no credentials.
    pub fn lost(&self, stream: &StreamId, kind: &'static str, text: &str) {
        self.with(stream, |entry| {
            entry.enter(State::Lost);
            let at = SystemTime::now();
            entry.shown.last_error = Some(LastError { kind, text: text.to_owned(), at });
            entry.shown.active.clear();
        });
    }

    /// A microphone is paired with the stream, or is connected.
    pub fn microphone(&self, stream: &StreamId, state: State) {
        self.with(stream, |entry| entry.shown.microphone = Some(state));
    }

    /// As [`Self::lost`], of the microphone alone.
    pub fn microphone_lost(&self, stream: &StreamId, kind: &'static str, text: &str) {
        self.with(stream, |entry| {
            entry.shown.microphone = Some(State::Lost);
            let at = SystemTime::now();
            entry.shown.last_error = Some(LastError { kind, text: text.to_owned(), at });
        });
    }

    /// Nothing more comes of this stream: the handles to its series are let go.
    pub fn ended(&self, stream: &StreamId, finished: bool) {
        self.with(stream, |entry| {
            entry.refresh();
            if finished {
                entry.enter(State::Finished);
                entry.metrics = None;
            }
            entry.shown.active.clear();
        });
    }

    /// What the labels say after a look or a change of the stream.
    pub fn labels(&self, labels: &StreamLabels, window: Option<&WindowScores>, stream: &StreamId) {
        let active = labels
            .active()
            .map(|active| ActiveLabel {
                label: active.label,
                since: active.since_wall,
                media_start: active.since,
            })
            .collect();
        let last_window = window.map(|window| LastWindow {
            captured_at: window.end.captured_at,
            media_end: window.end.media,
            scores: labels.latest().to_vec(),
        });
        self.with(stream, |entry| {
            entry.shown.active = active;
            if last_window.is_some() {
                entry.shown.last_window = last_window;
            }
        });
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut inner = self.lock();
        let shown = |entry: &mut Entry| {
            entry.refresh();
            entry.shown.clone()
        };
        Snapshot {
            model_warm: inner.warm,
            streams: inner.streams.values_mut().map(shown).collect(),
        }
    }
}
