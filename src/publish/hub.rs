//! Hands every event to every sink.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::settings::{PublishError, SinkSettings};
use super::sink::{Closing, Counts, Sink};
use super::wire;
use crate::data::{Event, EventKind};
use crate::telemetry::metrics::{Metrics, SinkMetrics};

/// Events that a sink's queue holds: half a MB of them.
const QUEUE: usize = 1024;

/// After the deadline, for a sink to take back half a line. One that hangs is left.
const GRACE: Duration = Duration::from_millis(250);

/// What to do when a sink's queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Wait for room: a file loses nothing.
    Wait,
    /// Never wait: a live stream drops `window` events when a queue is more than three
    /// quarters full, and others only when it is completely full. Both are counted.
    Fresh,
}

/// All sinks. Cloning shares them.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    outlets: Vec<Outlet>,
    closing: watch::Sender<Closing>,
    stdout_closed: watch::Receiver<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The hub's end of one sink.
struct Outlet {
    name: String,
    target: String,
    /// Whether it is told of each look.
    windows: bool,
    queue: mpsc::Sender<Arc<str>>,
    metrics: SinkMetrics,
    counts: Arc<Counts>,
    /// Events other than windows are being lost; said once.
    losing: AtomicBool,
    /// Told when its reader has gone; never for files.
    closed: watch::Receiver<bool>,
}

/// What became of the events when the hub was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReport {
    /// One a sink, in the order of the settings.
    pub sinks: Vec<SinkReport>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkReport {
    /// As in the metrics: `stdout`, `file`, `file_2`.
    pub sink: String,
    /// For people: `standard output` or the file's path.
    pub target: String,
    /// Events that were accepted and could not be written.
    pub unwritten: u64,
    /// Events other than windows that a full queue could not take.
    pub events_dropped: u64,
    /// `window` events of live streams that were left out in favour of others.
    pub windows_dropped: u64,
}

impl CloseReport {
    /// Events lost against the intention: dropped windows of live streams are not.
    pub fn lost(&self) -> u64 {
        self.sinks.iter().map(|sink| sink.unwritten + sink.events_dropped).sum()
    }
}

impl Hub {
    /// Opens all sinks, then starts a task for each on `runtime`. Beside each sink stands
    /// whether it is told of `window` events.
    pub fn start(
        sinks: &[(SinkSettings, bool)],
        metrics: &Metrics,
        runtime: &Handle,
    ) -> Result<Self, PublishError> {
        let mut opened = Vec::new();
        for (place, (sink, windows)) in sinks.iter().enumerate() {
            if sinks[..place].iter().any(|(other, _)| other == sink) {
                return Err(PublishError::Twice { target: sink.target() });
            }
            opened.push((sink, *windows, sink.open()?));
        }
        let (closing, told_to_close) = watch::channel(Closing::No);
        let (stdout_gone, stdout_closed) = watch::channel(false);
        let (mut outlets, mut tasks) = (Vec::new(), Vec::new());
        for (place, (settings, windows, lines)) in opened.into_iter().enumerate() {
            let kind = settings.kind();
            let same = sinks[..place].iter().filter(|(other, _)| other.kind() == kind).count();
            let name = if same == 0 { kind.to_owned() } else { format!("{kind}_{}", same + 1) };
            let is_stdout = *settings == SinkSettings::Stdout;
            let (sender, queue) = mpsc::channel(QUEUE);
            let metrics = metrics.sink(&name, QUEUE);
            let counts = Arc::<Counts>::default();
            let target = settings.target();
            let sink = Sink {
                name: name.clone(),
                target: target.clone(),
                queue,
                closing: told_to_close.clone(),
                metrics: metrics.clone(),
                counts: counts.clone(),
                closed: is_stdout.then(|| stdout_gone.clone()),
            };
            tasks.push(runtime.spawn(sink.run(lines)));
            let closed = if is_stdout { stdout_closed.clone() } else { watch::channel(false).1 };
            let losing = AtomicBool::new(false);
            outlets.push(Outlet {
                name,
                target,
                windows,
                queue: sender,
                metrics,
                counts,
                losing,
                closed,
            });
        }
        Ok(Self(Arc::new(Inner { outlets, closing, stdout_closed, tasks: Mutex::new(tasks) })))
    }

    /// Queues the event for every sink. Call it from a thread outside the runtime:
    /// [`Urgency::Wait`] blocks while a queue is full, until there is room or the hub
    /// is closed.
    pub fn publish(&self, event: &Event, urgency: Urgency) {
        let line: Arc<str> = wire::to_json(event).into();
        let is_window = matches!(event.kind, EventKind::Window { .. });
        for outlet in self.0.outlets.iter().filter(|outlet| outlet.windows || !is_window) {
            match urgency {
                Urgency::Wait => outlet.wait(line.clone()),
                Urgency::Fresh => outlet.fresh(line.clone(), is_window),
            }
        }
    }

    /// Whether the reader of standard output has gone (`percept run … | head -1`), and there is
    /// no other sink.
    pub fn nobody_listens(&self) -> bool {
        self.0.outlets.len() == 1 && *self.0.stdout_closed.borrow()
    }

    /// Writes what was accepted, and ends all tasks.
    ///
    /// A reader that is slow is waited for; a sink that fails is tried for `patience`. Once
    /// `told` says by when, all have to be done by then, and a moment. Publishing while or
    /// after this counts as unwritten.
    pub async fn close(
        &self,
        patience: Duration,
        told: impl Future<Output = Instant>,
    ) -> CloseReport {
        let mut tasks =
            std::mem::take(&mut *self.0.tasks.lock().expect("no holder of this lock panics"));
        self.0.closing.send_replace(Closing::Done { since: Instant::now(), patience });
        let done = async {
            for task in &mut tasks {
                let _ = task.await;
            }
        };
        let deadline = tokio::select! {
            biased;
            deadline = told => Some(deadline),
            () = done => None,
        };
        if let Some(deadline) = deadline {
            self.0.closing.send_replace(Closing::By(deadline));
            // One that has been waited for must not be again.
            for mut task in tasks.into_iter().filter(|task| !task.is_finished()) {
                if tokio::time::timeout_at(deadline + GRACE, &mut task).await.is_err() {
                    task.abort();
                }
            }
        }
        CloseReport { sinks: self.0.outlets.iter().map(Outlet::report).collect() }
    }
}

impl Outlet {
    fn wait(&self, line: Arc<str>) {
        self.counts.accepted.fetch_add(1, Relaxed);
        // Fails only when the sink has closed: the event stays unwritten.
        let _ = self.queue.blocking_send(line);
        self.tell_length();
    }

    fn fresh(&self, line: Arc<str>, is_window: bool) {
        if is_window && self.queue.capacity() < QUEUE / 4 {
            self.metrics.dropped.inc();
            self.counts.windows_dropped.fetch_add(1, Relaxed);
            return;
        }
        match self.queue.try_send(line) {
            Err(TrySendError::Full(_)) => {
                self.metrics.dropped.inc();
                self.counts.events_dropped.fetch_add(1, Relaxed);
                if !self.losing.swap(true, Relaxed) {
                    tracing::error!(
                        sink = self.name,
                        target = self.target,
                        "sink's queue is full, events are lost",
                    );
                }
            }
            Ok(()) | Err(TrySendError::Closed(_)) => {
                self.counts.accepted.fetch_add(1, Relaxed);
                if self.losing.load(Relaxed) && self.queue.capacity() >= QUEUE / 4 {
                    self.losing.store(false, Relaxed);
                    tracing::info!(sink = self.name, "sink's queue takes events again");
                }
            }
        }
        self.tell_length();
    }

    fn tell_length(&self) {
        self.metrics.queue_length.set((QUEUE - self.queue.capacity()) as i64);
    }

    fn report(&self) -> SinkReport {
        let (accepted, written) =
            (self.counts.accepted.load(Relaxed), self.counts.written.load(Relaxed));
        let unwritten = if *self.closed.borrow() { 0 } else { accepted.saturating_sub(written) };
        SinkReport {
            sink: self.name.clone(),
            target: self.target.clone(),
            unwritten,
            events_dropped: self.counts.events_dropped.load(Relaxed),
            windows_dropped: self.counts.windows_dropped.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests;
