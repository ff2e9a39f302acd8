//! Starts everything, waits for the end, and sees that it comes in time.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use tokio::runtime::Runtime;

use super::board::Board;
use super::inbox::Inbox;
use super::launch::{Launch, Launched};
use super::perceive::{Batching, Heartbeat, Perceiver};
use super::stream::{Outcome, StreamJob};
use crate::label::LabelSettings;
use crate::model::{Model, ModelError};
use crate::publish::{CloseReport, Hub};
use crate::supervise::Stop;
use crate::telemetry::metrics::Metrics;
use crate::web::{self, Snapshot, WebState};

/// How often the waiting thread looks at the flags that nobody sends it.
const GLANCE: Duration = Duration::from_millis(100);

/// Everything checked, loaded and opened: nothing in it can be refused any more.
pub struct Setup {
    pub model: Model,
    pub streams: Vec<(StreamJob, LabelSettings)>,
    pub batching: Batching,
    pub hub: Hub,
    pub metrics: Metrics,
    /// Bound already; `None`: no web server.
    pub listener: Option<std::net::TcpListener>,
    /// Share of the streams that must be up to be ready, in `[0, 1]`.
    pub ready_share: f64,
    /// Time to finish what was accepted, once told to stop; without that, for a sink that
    /// fails.
    pub deadline: Duration,
    pub runtime: Runtime,
}

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// Streams that could not be watched to their end.
    pub given_up: usize,
    /// Streams that ended, or were stopped, with what was in them looked at.
    pub watched: usize,
    /// Streams that ended before there was one window.
    pub empty: usize,
    /// Pictures that could not be looked at.
    pub unread: usize,
    /// Windows for which the model gave no numbers.
    pub skipped: u64,
    /// What became of the events.
    pub close: CloseReport,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot run the model any more")]
    Model(#[from] ModelError),
    #[error(
        "what was accepted could not be finished within {deadline:?} of being told to stop, so \
         events are missing; raise shutdown.deadline"
    )]
    Deadline { deadline: Duration },
    #[error("cannot start a thread; too many streams for this machine's limits?")]
    Thread(#[from] std::io::Error),
    #[error("the model's thread ended by a defect of this program; the log above says where")]
    Defect,
}

/// Runs until all streams have ended or `stop` is told; `glance` is called several times
/// a second with what is known, for whoever shows it.
///
/// # Errors
/// The model failed, or the end took longer than the deadline.
pub fn run(
    setup: Setup,
    stop: &Stop,
    mut glance: impl FnMut(&Snapshot),
) -> Result<Report, RunError> {
    let Setup { model, streams, batching, hub, metrics, deadline, runtime, .. } = setup;
    let manifest = model.manifest().clone();
    let name: Arc<str> = format!("{} {}", manifest.name, manifest.version).into();
    let board = Board::new(name.clone(), model.provider());
    let heartbeat = Heartbeat::new();
    if let Some(listener) = setup.listener {
        let state = WebState {
            metrics: metrics.clone(),
            snapshot: Arc::new({
                let board = board.clone();
                move || board.snapshot()
            }),
            alive: Arc::new({
                let heartbeat = heartbeat.clone();
                move || heartbeat.check()
            }),
            ready_share: setup.ready_share,
        };
        runtime.spawn(serve(listener, state));
    }

    let launch =
        Launch { board: &board, metrics: &metrics, stop, model: name, manifest: &manifest };
    let Launched { joined, ended, threads } = launch.all(streams)?;
    let perceiver =
        Perceiver::new(model, batching, metrics.clone(), hub.clone(), board.clone(), heartbeat);
    let (done, finished) = bounded(1);
    std::thread::Builder::new().name("model".into()).spawn(move || {
        let _ = done.send(perceiver.run(Inbox::new(joined)));
    })?;

    let looked = wait(&finished, stop, deadline, || {
        if hub.nobody_listens() {
            stop.stop();
        }
        glance(&board.snapshot());
    });
    // The model's thread is the last of the line to end, unless it failed: then all stop.
    if looked.is_err() {
        stop.stop();
    }
    let close = runtime.block_on(hub.close(deadline, told(stop, deadline)));
    stop.stop();
    let skipped = match looked {
        Ok(skipped) => skipped,
        Err(error) => {
            // Left to itself, the runtime would wait for a write that hangs.
            runtime.shutdown_timeout(GLANCE);
            return Err(error);
        }
    };
    // A stream's thread that panicked has lost its port, so the line went on without it.
    let panicked = threads.into_iter().filter_map(|thread| thread.join().err()).count();
    runtime.shutdown_timeout(GLANCE);
    let mut report = Report { given_up: panicked, watched: 0, empty: 0, unread: 0, skipped, close };
    for outcome in ended.try_iter() {
        match outcome {
            Outcome::Finished => report.watched += 1,
            Outcome::Empty => report.empty += 1,
            Outcome::GivenUp => report.given_up += 1,
            Outcome::Unread(pictures) => report.unread += pictures,
        }
    }
    Ok(report)
}

async fn serve(listener: std::net::TcpListener, state: WebState) {
    // The runtime ends the server: answers are given until the very end.
    if let Err(error) = web::serve(listener, state, std::future::pending()).await {
        tracing::error!(error = super::describe(&error), "web server ended");
    }
}

/// Waits for the model's thread; once told to stop, no longer than `deadline`.
fn wait(
    finished: &Receiver<Result<u64, ModelError>>,
    stop: &Stop,
    deadline: Duration,
    mut glance: impl FnMut(),
) -> Result<u64, RunError> {
    loop {
        match finished.recv_timeout(GLANCE) {
            Ok(result) => return Ok(result?),
            Err(RecvTimeoutError::Disconnected) => return Err(RunError::Defect),
            Err(RecvTimeoutError::Timeout) => {}
        }
        glance();
        if stop.since().is_some_and(|told| told.elapsed() >= deadline) {
            return Err(RunError::Deadline { deadline });
        }
    }
}

/// Once told to stop, when all has to be done. Files that ended by themselves have no such
/// time: whoever reads the events may take as long as it takes.
async fn told(stop: &Stop, deadline: Duration) -> tokio::time::Instant {
    loop {
        if let Some(told) = stop.since() {
            return (told + deadline).into();
        }
        tokio::time::sleep(GLANCE).await;
    }
}
