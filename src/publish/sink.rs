//! One sink's task: takes lines from its queue and writes them until told to close.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::lines::Lines;
use crate::supervise::Backoff;
use crate::telemetry::metrics::SinkMetrics;

/// Bytes that are written at once when events come faster than they are written.
const BATCH: usize = 64 * 1024;

const FIRST_RETRY: Duration = Duration::from_millis(200);
const MOST_RETRY: Duration = Duration::from_secs(5);

/// What the hub and the task both know of a sink.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Events that its queue took, or should have taken.
    pub accepted: AtomicU64,
    pub written: AtomicU64,
    /// `window` events dropped because the queue was nearly full.
    pub windows_dropped: AtomicU64,
    /// Other events dropped because the queue was full.
    pub events_dropped: AtomicU64,
}

/// How the hub ends the tasks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Closing {
    /// More may come.
    No,
    /// Once all is written, however long its reader takes. A sink that has failed for
    /// `patience` since then is given up.
    Done { since: Instant, patience: Duration },
    /// By then.
    By(Instant),
}

pub(super) struct Sink {
    pub name: String,
    pub target: String,
    pub queue: mpsc::Receiver<Arc<str>>,
    pub closing: watch::Receiver<Closing>,
    pub metrics: SinkMetrics,
    pub counts: Arc<Counts>,
    /// For standard output: told when its reader has gone.
    pub closed: Option<watch::Sender<bool>>,
}

/// What came of one batch.
enum Wrote {
    All,
    /// The reader of a pipe has gone; nobody wants the rest.
    NobodyReads,
    Failed(std::io::Error),
}

impl Sink {
    /// Runs until the queue is closed and empty, or the time to close is up.
    pub async fn run(mut self, mut lines: Lines) {
        let mut backoff = Backoff::new(FIRST_RETRY, MOST_RETRY);
        let mut failing = None;
        let mut told_when = false;
        loop {
            if lines.len() == 0 {
                match self.next().await {
                    Some(line) => lines.push(&line),
                    None => return,
                }
            }
            // While it fails nothing more is taken: events wait in the queue, where they count.
            while failing.is_none()
                && lines.len() < BATCH
                && let Ok(line) = self.queue.try_recv()
            {
                lines.push(&line);
            }
            self.metrics.queue_length.set(self.queue.len() as i64);
            let Some((back, wrote)) = self.write(lines).await else { return };
            lines = back;
            match wrote {
                Wrote::All if failing.is_some() => {
                    tracing::info!(sink = self.name, target = self.target, "sink writes again");
                    (failing, told_when) = (None, false);
                    backoff.reset();
                }
                Wrote::All => {}
                Wrote::NobodyReads => return self.nobody_reads(),
                Wrote::Failed(fault) => {
                    self.metrics.errors.inc();
                    if failing.is_none() {
                        tracing::error!(
                            sink = self.name,
                            target = self.target,
                            error = %fault,
                            "sink cannot write, events wait in its queue",
                        );
                    }
                    let since = *failing.get_or_insert_with(Instant::now);
                    if self.time_is_up(since) {
                        return self.give_up(lines).await;
                    }
                    if let Some(last) = self.last_try(since)
                        && !std::mem::replace(&mut told_when, true)
                    {
                        self.waits_until(last);
                    }
                    if self.pause(backoff.next(fastrand::f64())).await {
                        backoff.reset();
                    }
                }
            }
        }
    }

    /// The next line; `None` when the hub has closed and none is left.
    async fn next(&mut self) -> Option<Arc<str>> {
        tokio::select! {
            biased;
            () = told_to_close(&mut self.closing) => {
                // Whoever waits for room is let go; what was taken is still written.
                self.queue.close();
                self.queue.recv().await
            }
            line = self.queue.recv() => line,
        }
    }

    /// Writes on a thread that may block; `None` when the runtime is gone.
    async fn write(&self, mut lines: Lines) -> Option<(Lines, Wrote)> {
        let writing = tokio::task::spawn_blocking(move || {
            let (completed, result) = lines.write();
            (lines, completed, result)
        });
        let (lines, completed, result) = writing.await.ok()?;
        self.metrics.sent.inc_by(completed);
        self.counts.written.fetch_add(completed, Relaxed);
        let wrote = match result {
            Ok(()) => Wrote::All,
            Err(fault) if fault.kind() == ErrorKind::BrokenPipe && self.closed.is_some() => {
                Wrote::NobodyReads
            }
            Err(fault) => Wrote::Failed(fault),
        };
        Some((lines, wrote))
    }

    /// Waits before the next try, but only until it is told to close or to hurry, which it
    /// answers.
    async fn pause(&mut self, wait: Duration) -> bool {
        let next = Instant::now() + wait;
        let next = self.last_try(Instant::now()).map_or(next, |last| last.min(next));
        tokio::select! {
            () = tokio::time::sleep_until(next) => false,
            // Whatever it is told, it is to close; and so it is where the hub is gone.
            _ = self.closing.changed() => {
                self.queue.close();
                true
            }
        }
    }

    /// When a sink that has failed since `failing` is tried for the last time; `None` while
    /// it runs.
    fn last_try(&self, failing: Instant) -> Option<Instant> {
        match *self.closing.borrow() {
            Closing::No => None,
            Closing::Done { since, patience } => Some(since.max(failing) + patience),
            Closing::By(deadline) => Some(deadline),
        }
    }

    /// Whether the time to close has come for a sink that has failed since `failing`, or the
    /// hub is gone without closing.
    fn time_is_up(&mut self, failing: Instant) -> bool {
        match self.last_try(failing) {
            Some(last) => Instant::now() >= last,
            None => self.closing.has_changed().is_err(),
        }
    }

    /// Says why the end is held up, and for how long at most.
    fn waits_until(&self, last: Instant) {
        let seconds = last.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
        tracing::warn!(
            sink = self.name,
            target = self.target,
            "the end waits for this sink, which still cannot write; it is given up in {seconds} s"
        );
    }

    async fn give_up(&self, lines: Lines) {
        let withdrawn = tokio::task::spawn_blocking(move || lines.withdraw()).await;
        if let Ok(Err(fault)) = withdrawn {
            tracing::warn!(
                sink = self.name,
                target = self.target,
                error = %fault,
                "half a line is left at the end",
            );
        }
    }

    fn nobody_reads(&self) {
        tracing::info!(sink = self.name, "nobody reads standard output any more");
        if let Some(closed) = &self.closed {
            closed.send_replace(true);
        }
    }
}

/// Returns when the hub closes, or is gone.
async fn told_to_close(closing: &mut watch::Receiver<Closing>) {
    let _ = closing.wait_for(|closing| !matches!(closing, Closing::No)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn a_reader_that_goes_ends_the_sink_quietly() {
        let (reader, writer) = std::io::pipe().unwrap();
        let (sender, queue) = mpsc::channel(4);
        let (_hub, closing) = watch::channel(Closing::No);
        let (gone, closed) = watch::channel(false);
        let metrics = Metrics::new().sink("stdout", 4);
        let sink = Sink {
            name: "stdout".into(),
            target: "standard output".into(),
            queue,
            closing,
            metrics: metrics.clone(),
            counts: Arc::default(),
            closed: Some(gone),
        };
        drop(reader);
        sender.try_send("{}".into()).unwrap();
        let lines = Lines::new(std::fs::File::from(std::os::fd::OwnedFd::from(writer)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(sink.run(lines));
        assert!(*closed.borrow());
        assert_eq!(metrics.errors.get(), 0);
        assert!(sender.is_closed(), "whoever waits for room is let go");
    }
}
