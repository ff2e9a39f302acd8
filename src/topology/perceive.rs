//! The model's thread: batches the streams' windows, runs the model, tells the labels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::board::Board;
use super::inbox::{Inbox, Port, StreamItem};
use super::keep_up::KeepUp;
use super::stream::describe;
use crate::byte_array::ResidentInput;
use crate::data::{Event, Fault, Logits, Remedy, Window, WindowScores};
use crate::label::Calibrator;
use crate::model::{Model, ModelError};
use crate::publish::{Hub, Urgency};
use crate::telemetry::metrics::{DropReason, Metrics, ModelMetrics};

/// The thread shows at least this often that it is alive.
const BEAT: Duration = Duration::from_millis(500);
/// Without a beat for so long the thread hangs: no batch takes a minute.
const HUNG: Duration = Duration::from_secs(60);

/// When a batch is closed.
#[derive(Debug, Clone, Copy)]
pub struct Batching {
    /// Windows at most.
    pub max_windows: usize,
    /// How long a batch that is not full waits for more, from its first window.
    pub max_wait: Duration,
}

/// Shows whether a thread is alive.
#[derive(Clone)]
pub struct Heartbeat {
    origin: Instant,
    /// Milliseconds from `origin` to the latest beat.
    latest: Arc<AtomicU64>,
}

impl Heartbeat {
    pub fn new() -> Self {
        Self { origin: Instant::now(), latest: Arc::default() }
    }

    fn beat(&self) {
        self.latest.store(self.origin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Says what hangs, if it does.
    pub fn check(&self) -> Result<(), String> {
        let latest = Duration::from_millis(self.latest.load(Ordering::Relaxed));
        let quiet = self.origin.elapsed().saturating_sub(latest);
        if quiet < HUNG {
            return Ok(());
        }
        Err(format!("the model's thread has said nothing for {} s", quiet.as_secs()))
    }
}

/// Owns the model and everything behind it.
pub struct Perceiver {
    model: Model,
    input: ResidentInput,
    calibrator: Calibrator,
    batching: Batching,
    metrics: ModelMetrics,
    all_metrics: Metrics,
    hub: Hub,
    board: Board,
    heartbeat: Heartbeat,
    events: Vec<Event>,
    /// Windows for which the model gave no numbers.
    skipped: u64,
}

impl Perceiver {
    pub fn new(
        model: Model,
        batching: Batching,
        all_metrics: Metrics,
        hub: Hub,
        board: Board,
        heartbeat: Heartbeat,
    ) -> Self {
        let manifest = model.manifest();
        let metrics = all_metrics.model(&manifest.name, model.provider());
        let input = ResidentInput::new(manifest, batching.max_windows);
        let calibrator = Calibrator::new(manifest);
        let events = Vec::new();
        Self {
            model,
            input,
            calibrator,
            batching,
            metrics,
            all_metrics,
            hub,
            board,
            heartbeat,
            events,
            skipped: 0,
        }
    }

    /// Runs until every stream has ended and was read to its end; gives the windows that were skipped.
    ///
    /// # Errors
    /// The model failed: no later window can fare better.
    pub fn run(mut self, mut inbox: Inbox) -> Result<u64, ModelError> {
        let mut batch = Vec::with_capacity(self.batching.max_windows);
        let mut keep_up = KeepUp::new(Instant::now());
        self.board.warm();
        while !inbox.is_done() {
            self.heartbeat.beat();
            inbox.wait(BEAT);
            self.metrics_of_queue(&inbox);
            self.gather(&mut inbox, &mut batch);
            if !batch.is_empty() {
                let began = Instant::now();
                self.look(&mut inbox, &batch)?;
                batch.clear();
                inbox.looked();
                keep_up.worked(began.elapsed());
            }
            warn_if_behind(&mut keep_up, &inbox);
        }
        Ok(self.skipped)
    }

    /// Takes windows until the batch is full or has waited long enough; tells the labels
    /// what else the streams have to say.
    fn gather(&mut self, inbox: &mut Inbox, batch: &mut Vec<Window>) {
        let mut deadline = None;
        loop {
            let room = self.batching.max_windows - batch.len();
            inbox.round(room, |port, item| match item {
                StreamItem::Window(window) => batch.push(window),
                change => self.change(port, change),
            });
            let full = batch.len() == self.batching.max_windows;
            if batch.is_empty() || full || inbox.is_gathered() {
                return;
            }
            let now = Instant::now();
            let deadline = *deadline.get_or_insert(now + self.batching.max_wait);
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return;
            }
            inbox.wait(left);
        }
    }

    /// All streams' queues are shown as one: a stream's own would be a series more each.
    fn metrics_of_queue(&self, inbox: &Inbox) {
        let (waiting, room) = inbox.queued();
        self.all_metrics.queue("windows", room).set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    fn change(&mut self, port: &mut Port, item: StreamItem) {
        let now = port.is_live().then(SystemTime::now);
        let out = &mut self.events;
        match item {
            StreamItem::File(file) => {
                port.labels.of_file(file);
                return;
            }
            StreamItem::Connected => port.labels.connected(now, out),
            StreamItem::Blind => port.labels.blind(out),
            StreamItem::Microphone(came) => port.labels.microphone(came, now, out),
            StreamItem::Lost { kind } => port.labels.lost(kind, now, out),
            StreamItem::Finished(finish) => port.labels.finish(finish, now, out),
            StreamItem::Window(_) => unreachable!("windows go into the batch"),
        }
        self.board.labels(&port.labels, None, &port.stream);
        publish(&self.hub, out, port.is_live());
    }

    /// Looks at a batch; where one of its windows spoils it, at each window alone, so that one
    /// stream's trouble stays in that stream.
    fn look(&mut self, inbox: &mut Inbox, batch: &[Window]) -> Result<(), ModelError> {
        match self.infer(batch) {
            Ok(logits) => {
                for (window, logits) in batch.iter().zip(logits.windows()) {
                    self.tell(inbox, window, logits);
                }
                Ok(())
            }
            Err(error) if error.remedy() != Remedy::Skip => Err(error),
            Err(error) => match batch {
                [window] => {
                    self.skip(inbox, window, &error);
                    Ok(())
                }
                batch => batch
                    .iter()
                    .try_for_each(|window| self.look(inbox, std::slice::from_ref(window))),
            },
        }
    }

    fn infer(&mut self, batch: &[Window]) -> Result<Logits, ModelError> {
        for (slot, window) in batch.iter().enumerate() {
            self.input.write(slot, window);
        }
        let began = Instant::now();
        let logits = self
            .model
            .run(&self.input.view(batch.len()), batch.len())
            .inspect_err(|_| self.metrics.errors.inc())?;
        self.metrics.inference.observe(began.elapsed().as_secs_f64());
        self.metrics.batch.observe(batch.len() as f64);
        Ok(logits)
    }

    fn tell(&mut self, inbox: &mut Inbox, window: &Window, logits: &[f32]) {
        let port = inbox.port(&window.stream).expect("a port outlives its windows");
        let scores = WindowScores {
            stream: window.stream.clone(),
            seq: window.seq,
            start: window.start,
            end: window.end,
            scores: self.calibrator.of(window, logits),
        };
        port.labels.observe(&scores, &mut self.events);
        port.metrics.windows.inc();
        port.metrics.latency.observe(window.end.arrived.elapsed().as_secs_f64());
        self.board.labels(&port.labels, Some(&scores), &port.stream);
        publish(&self.hub, &mut self.events, port.is_live());
    }

    fn skip(&mut self, inbox: &mut Inbox, window: &Window, error: &ModelError) {
        self.skipped += 1;
        let port = inbox.port(&window.stream).expect("a port outlives its windows");
        let dropped = port.metrics.windows_dropped(DropReason::NotFinite);
        // Once a stream: whoever wants to know how many looks at the metrics.
        if dropped.get() == 0 {
            tracing::warn!(stream = %window.stream, reason = describe(error), "window skipped");
        }
        dropped.inc();
    }
}

fn publish(hub: &Hub, events: &mut Vec<Event>, live: bool) {
    let urgency = if live { Urgency::Fresh } else { Urgency::Wait };
    for event in events.drain(..) {
        hub.publish(&event, urgency);
    }
}

fn warn_if_behind(keep_up: &mut KeepUp, inbox: &Inbox) {
    let (mut streams, mut seen, mut dropped) = (0_usize, 0, 0);
    for port in inbox.ports().filter(|port| port.is_live()) {
        streams += 1;
        seen += port.metrics.windows.get();
        dropped += port.metrics.windows_dropped(DropReason::Superseded).get()
            + port.metrics.windows_dropped(DropReason::QueueFull).get();
    }
    if let Some(behind) = keep_up.judge(Instant::now(), seen, dropped) {
        tracing::warn!(
            streams,
            windows = behind.seen,
            dropped = behind.dropped,
            model_busy_percent = (behind.busy * 100.0).round(),
            "the machine cannot keep up: raise hop, watch fewer streams, or use a GPU"
        );
    }
}
