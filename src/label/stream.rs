//! The state machine of one stream.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus::{Gauge, IntCounter, IntGauge};

use super::phase::{Change, Look, Phase};
use super::rule::Rule;
use super::settings::LabelSettings;
use super::{Ids, onvif};
use crate::data::manifest::{Activation, Output};
use crate::data::{Clock, Event, EventKind, MediaTime, Stamp, StreamId, StreamState, WindowScores};
use crate::telemetry::metrics::StreamMetrics;

/// Labels of a stream that have series unless it is said which are watched: three series each,
/// so a hundred streams of them are 19,200, which Prometheus does not mind; of a thousand
/// labels it would be 300,000. In a model of more labels the first that are active have them.
const MOST_SERIES: usize = 64;

/// Scores that a `window` event of a softmax model carries, unless set.
const SOFTMAX_TOP: usize = 5;

/// Why a stream comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Nothing more comes: the file is done.
    Finished,
    /// The program stops.
    Shutdown,
}

impl Finish {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A label whose event lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveLabel {
    pub label: Arc<str>,
    /// The id of its `started` event.
    pub id: Arc<str>,
    /// Start of the first window that made it active.
    pub since: MediaTime,
    /// Wall time of `since`; `None` for files.
    pub since_wall: Option<SystemTime>,
    /// Latest score, in `[0, 1]`.
    pub score: f32,
}

/// All labels of one stream: told of its looks, its losses and its end, gives events.
///
/// Sets the stream's label metrics as it goes. The caller keeps the order: looks taken
/// before a loss are told before it.
pub struct StreamLabels {
    stream: StreamId,
    model: Arc<str>,
    softmax: bool,
    /// Most scores to tell.
    top: usize,
    labels: Vec<Label>,
    /// What is told of the latest look; empty while there is none.
    latest: Vec<(Arc<str>, f32)>,
    /// What the next looks are of, where the stream is many files.
    file: Option<Arc<str>>,
    /// Start and end of the latest look.
    last: Option<(Stamp, Stamp)>,
    state: Option<StreamState>,
    /// The same of the paired microphone.
    microphone: Option<StreamState>,
    /// Labels that may yet have series.
    series_left: usize,
    seq: u64,
    metrics: StreamMetrics,
    ids: Arc<Ids>,
}

struct Label {
    name: Arc<str>,
    /// Place in the manifest.
    index: usize,
    /// Whether it may start and end.
    watched: bool,
    topic: Option<&'static str>,
    rule: Rule,
    phase: Phase,
    /// The latest, in `[0, 1]`.
    score: f32,
    /// Whether the latest look gave one.
    judged: bool,
    series: Option<Series>,
}

struct Series {
    /// Absent until there is a score.
    score: Option<Gauge>,
    active: IntGauge,
    events: IntCounter,
}

impl StreamLabels {
    /// `model` is what events call it, `name version`. `settings` must have passed
    /// [`LabelSettings::check`]; `ids` is shared by all streams of the process.
    pub fn new(
        stream: StreamId,
        model: Arc<str>,
        output: &Output,
        settings: &LabelSettings,
        metrics: StreamMetrics,
        ids: Arc<Ids>,
    ) -> Self {
        let softmax = output.activation == Activation::Softmax;
        let kept = |(_, name): &(usize, &String)| !settings.ignore.contains(name);
        let labels: Vec<_> = output.labels.iter().enumerate().filter(kept).collect();
        let watched = |name: &String| settings.watch.as_ref().is_none_or(|w| w.contains(name));
        let all_have_series = settings.watch.is_some() || labels.len() <= MOST_SERIES;
        let label = |(index, name): (usize, &String)| Label {
            name: name.as_str().into(),
            index,
            watched: watched(name),
            topic: onvif::topic(name),
            rule: Rule::new(name, output, settings),
            phase: Phase::QUIET,
            score: 0.0,
            judged: false,
            series: (all_have_series && watched(name)).then(|| Series::new(&metrics, name)),
        };
        Self {
            stream,
            model,
            softmax,
            top: settings.top_k.unwrap_or(if softmax { SOFTMAX_TOP } else { usize::MAX }),
            labels: labels.into_iter().map(label).collect(),
            latest: Vec::new(),
            file: None,
            last: None,
            state: None,
            microphone: None,
            series_left: if all_have_series { 0 } else { MOST_SERIES },
            seq: 0,
            metrics,
            ids,
        }
    }

    /// The stream came, or came back. `now` is `None` for files.
    pub fn connected(&mut self, now: Option<SystemTime>, out: &mut Vec<Event>) {
        self.change(StreamState::Connected, None, now, out);
    }

    /// The looks that follow are of this file, until another one is named.
    pub fn of_file(&mut self, file: Arc<str>) {
        self.file = Some(file);
    }

    /// The stream was lost, or could not be opened: active labels end. `reason` is a
    /// short fixed word such as `timeout`. Tries that fail after it are not told again.
    pub fn lost(&mut self, reason: &str, now: Option<SystemTime>, out: &mut Vec<Event>) {
        self.end_all("stream_lost", out);
        self.forget_scores();
        self.change(StreamState::Lost, Some(reason.to_owned()), now, out);
    }

    /// The microphone that is paired with the stream came, or was lost for such a reason; its labels
    /// end by themselves, as there is nothing to judge.
    pub fn microphone(
        &mut self,
        came: Result<(), &'static str>,
        now: Option<SystemTime>,
        out: &mut Vec<Event>,
    ) {
        let state = match came {
            Ok(()) => StreamState::MicrophoneConnected,
            Err(_) => StreamState::MicrophoneLost,
        };
        if self.microphone.replace(state) != Some(state) {
            self.tell_of_stream(state, came.err().map(str::to_owned), now, out);
        }
    }

    /// What comes of the stream makes no windows any more: nobody knows whether a label that is
    /// active still holds, so each of them ends.
    pub fn blind(&mut self, out: &mut Vec<Event>) {
        self.end_all("input_lost", out);
        self.forget_scores();
    }

    /// The stream's last words: active labels end.
    pub fn finish(&mut self, why: Finish, now: Option<SystemTime>, out: &mut Vec<Event>) {
        self.end_all(why.as_str(), out);
        let reason = (why == Finish::Shutdown).then(|| why.as_str().to_owned());
        self.change(StreamState::Finished, reason, now, out);
    }

    /// Takes the scores of one look, `[labels]` in the manifest's order, and tells of it:
    /// first the `window` event, whose `active` is the state after it, then what changed.
    pub fn observe(&mut self, window: &WindowScores, out: &mut Vec<Event>) {
        let window_id = self.ids.make();
        let gap = self.gap(&window.end);
        self.last = Some((window.start, window.end));
        for label in &mut self.labels {
            let score = window.scores.get(label.index).copied().flatten();
            label.score = score.unwrap_or(label.score);
            label.judged = score.is_some();
        }
        let best = self.labels.iter().map(|l| l.score).fold(0.0, f32::max);
        let mut changes = Vec::new();
        for label in self.labels.iter_mut().filter(|label| label.watched) {
            let eligible = !self.softmax || label.score >= best;
            let look = Look {
                start: &window.start,
                end: window.end.media,
                gap,
                score: label.judged.then_some(label.score),
                eligible,
            };
            match label.phase.observe(look, &label.rule, || self.ids.make()) {
                Change::None => {}
                Change::Started(id, start) => {
                    let may_have_series = self.series_left > 0 && label.series.is_none();
                    self.series_left -= usize::from(may_have_series);
                    if may_have_series {
                        label.series = Some(Series::new(&self.metrics, &label.name));
                    }
                    changes.push((id, start, label.started()));
                }
                Change::Ended(id, start) => {
                    let reason = if label.judged { "recovered" } else { "input_lost" };
                    changes.push((id, start, label.ended(reason)));
                }
            }
            let Some(series) = &mut label.series else { continue };
            if label.judged {
                let score = || self.metrics.label_score(&label.name);
                series.score.get_or_insert_with(score).set(label.score.into());
            } else if series.score.take().is_some() {
                self.metrics.forget_score(&label.name);
            }
        }
        self.latest = self.best_scores();
        let active = self.active().map(|a| a.label).collect();
        let scores = self.latest.clone();
        let kind = EventKind::Window { scores, active, file: self.file.clone() };
        self.tell(window_id, window.start.media, kind, out);
        for (id, start, kind) in changes {
            self.tell(id, start.media, kind, out);
        }
    }

    /// Labels whose events last, in the manifest's order.
    pub fn active(&self) -> impl Iterator<Item = ActiveLabel> + '_ {
        self.labels.iter().filter_map(|label| match &label.phase {
            Phase::Quiet { .. } => None,
            Phase::Active { id, start, .. } => Some(ActiveLabel {
                label: label.name.clone(),
                id: id.clone(),
                since: start.media,
                since_wall: start.captured_at,
                score: label.score,
            }),
        })
    }

    /// Scores of the latest look, as its `window` event told them; empty before the
    /// first look and after a loss.
    pub fn latest(&self) -> &[(Arc<str>, f32)] {
        &self.latest
    }

    /// The stream's state as last told; `None` before it was first opened.
    pub fn state(&self) -> Option<StreamState> {
        self.state
    }

    /// Time since the latest look of the same segment. A new segment interrupts what was about to start.
    fn gap(&mut self, end: &Stamp) -> Duration {
        match &self.last {
            Some((_, last)) if last.segment == end.segment => end.media.since(last.media),
            _ => {
                self.labels.iter_mut().for_each(|label| label.phase.interrupt());
                Duration::ZERO
            }
        }
    }

    /// All scores of this look in the manifest's order, or the best `top`, best first.
    fn best_scores(&self) -> Vec<(Arc<str>, f32)> {
        let judged = self.labels.iter().filter(|label| label.judged);
        let mut scores: Vec<_> = judged.map(|l| (l.name.clone(), l.score)).collect();
        if self.top < scores.len() {
            scores.sort_by(|a, b| b.1.total_cmp(&a.1));
            scores.truncate(self.top);
        }
        scores
    }

    /// A score that is no longer measured is not shown.
    fn forget_scores(&mut self) {
        for series in self.labels.iter_mut().filter_map(|label| label.series.as_mut()) {
            series.score = None;
        }
        self.metrics.forget_scores();
    }

    fn end_all(&mut self, reason: &'static str, out: &mut Vec<Event>) {
        for place in 0..self.labels.len() {
            let label = &mut self.labels[place];
            if let Some((id, start)) = label.phase.end() {
                let kind = label.ended(reason);
                self.tell(id, start.media, kind, out);
            }
        }
        self.latest.clear();
    }

    /// Tells of the stream itself, unless nothing changed.
    fn change(
        &mut self,
        state: StreamState,
        reason: Option<String>,
        now: Option<SystemTime>,
        out: &mut Vec<Event>,
    ) {
        if self.state.replace(state) != Some(state) {
            self.tell_of_stream(state, reason, now, out);
        }
    }

    fn tell_of_stream(
        &mut self,
        state: StreamState,
        reason: Option<String>,
        now: Option<SystemTime>,
        out: &mut Vec<Event>,
    ) {
        let at = self.last.map_or(MediaTime::ZERO, |(_, end)| end.media);
        let event = Event {
            id: self.ids.make(),
            seq: self.next_seq(),
            stream: self.stream.clone(),
            model: self.model.clone(),
            media_start: at,
            media_end: at,
            captured_at: now,
            clock: if now.is_some() { Clock::Arrival } else { Clock::None },
            arrived: None,
            kind: EventKind::Stream { state, reason },
        };
        out.push(event);
    }

    /// Tells of something that ends with the latest look.
    fn tell(
        &mut self,
        id: Arc<str>,
        media_start: MediaTime,
        kind: EventKind,
        out: &mut Vec<Event>,
    ) {
        let Some((_, end)) = self.last else { return };
        out.push(Event {
            id,
            seq: self.next_seq(),
            stream: self.stream.clone(),
            model: self.model.clone(),
            media_start,
            media_end: end.media,
            captured_at: end.captured_at,
            clock: end.clock,
            arrived: Some(end.arrived),
            kind,
        });
    }

    fn next_seq(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        seq
    }
}

impl Label {
    /// Counts and describes an event that starts.
    fn started(&mut self) -> EventKind {
        if let Some(series) = &self.series {
            series.active.set(1);
            series.events.inc();
        }
        EventKind::Started { label: self.name.clone(), score: self.score, topic: self.topic }
    }

    fn ended(&mut self, reason: &'static str) -> EventKind {
        if let Some(series) = &self.series {
            series.active.set(0);
        }
        let (label, score, topic) = (self.name.clone(), self.score, self.topic);
        EventKind::Ended { label, score, topic, reason }
    }
}

impl Series {
    fn new(metrics: &StreamMetrics, label: &str) -> Self {
        let (active, events) = (metrics.label_active(label), metrics.label_events(label));
        Self { score: None, active, events }
    }
}

#[cfg(test)]
mod tests;
