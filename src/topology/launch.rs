//! Starts the streams' threads: one a live stream, a few for all files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::board::Board;
use super::inbox::Port;
use super::pictures::PictureWorker;
use super::stream::{Outcome, Outlet, StreamJob, StreamWorker};
use crate::data::Manifest;
use crate::decode::DecodeError;
use crate::label::{Ids, LabelSettings, StreamLabels};
use crate::source::{Location, SourceError};
use crate::supervise::Stop;
use crate::telemetry::metrics::Metrics;

/// Items that a stream may be ahead of the model by.
const STREAM_QUEUE: usize = 2;

/// What all streams share.
pub struct Launch<'a> {
    pub board: &'a Board,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
    /// `name version` of the model.
    pub model: Arc<str>,
    pub manifest: &'a Manifest,
}

/// Threads under way.
pub struct Launched {
    /// Gives each stream's port as the stream begins; closed when no more will begin.
    pub joined: Receiver<Port>,
    /// Gives each stream's outcome as it ends.
    pub ended: Receiver<Outcome>,
    pub threads: Vec<JoinHandle<()>>,
}

/// A stream that has not begun.
struct Waiting {
    job: StreamJob,
    labels: LabelSettings,
}

/// What a thread needs to begin streams.
#[derive(Clone)]
struct Beginner {
    board: Board,
    metrics: Metrics,
    stop: Stop,
    model: Arc<str>,
    manifest: Arc<Manifest>,
    ids: Arc<Ids>,
    joining: Sender<Port>,
    outcomes: Sender<Outcome>,
}

impl Launch<'_> {
    /// Starts `streams`. A live stream begins at once; files take turns, as many at a time
    /// as there are cores.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn all(self, streams: Vec<(StreamJob, LabelSettings)>) -> io::Result<Launched> {
        let (joining, joined) = unbounded();
        let (outcomes, ended) = unbounded();
        let beginner = Beginner {
            board: self.board.clone(),
            metrics: self.metrics.clone(),
            stop: self.stop.clone(),
            model: self.model,
            manifest: Arc::new(self.manifest.clone()),
            ids: Arc::new(Ids::new(SystemTime::now(), fastrand::u32(..))),
            joining,
            outcomes,
        };
        let waiting = streams.into_iter().map(|(job, labels)| Waiting { job, labels });
        let (live, files): (Vec<_>, Vec<_>) =
            waiting.partition(|waiting| waiting.job.source.location.is_live());

        let mut threads = Vec::new();
        for stream in live {
            let name = format!("stream {}", stream.job.stream);
            let beginner = beginner.clone();
            threads.push(spawn(name, move || beginner.watch(stream))?);
        }
        let at_a_time = thread::available_parallelism().map_or(1, usize::from).min(files.len());
        let (turns, turn) = unbounded();
        for file in files {
            turns.send(file).expect("the receiver is held here");
        }
        for index in 0..at_a_time {
            let (beginner, turn) = (beginner.clone(), turn.clone());
            threads.push(spawn(format!("files {index}"), move || {
                while let Ok(file) = turn.try_recv() {
                    beginner.watch(file);
                }
            })?);
        }
        Ok(Launched { joined, ended, threads })
    }
}

impl Beginner {
    /// Watches one stream to its end on the calling thread.
    fn watch(&self, waiting: Waiting) {
        let Waiting { job, labels } = waiting;
        let stream = job.stream.clone();
        let metrics = self.metrics.stream(&stream);
        metrics.prepare_errors(SourceError::KINDS.into_iter().chain(DecodeError::KINDS));
        self.board.add(&stream, job.source.location.kind(), metrics.clone());
        let labels = StreamLabels::new(
            stream.clone(),
            self.model.clone(),
            &self.manifest.output,
            &labels,
            metrics.clone(),
            self.ids.clone(),
        );
        let live = Arc::new(AtomicBool::new(job.source.location.is_live()));
        let (sender, receiver) = bounded(STREAM_QUEUE);
        let port = Port::new(stream, live.clone(), metrics.clone(), labels, receiver);
        if self.joining.send(port).is_err() {
            return; // The model's thread has failed and said so.
        }
        let outlet = Outlet { sender, live };
        let (board, stop) = (self.board.clone(), self.stop.clone());
        let outcome = if let Location::Pictures(files) = &job.source.location {
            let files = files.clone();
            PictureWorker::new(job, outlet.sender, metrics, board, stop).run(&files)
        } else {
            StreamWorker::new(job, outlet, metrics, board, stop).run()
        };
        let _ = self.outcomes.send(outcome);
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(work)
}
