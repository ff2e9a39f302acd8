//! A stream of single pictures or point clouds: each is read and looked at on its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::Sender;

use super::board::Board;
use super::inbox::StreamItem;
use super::stream::{Outcome, StreamJob, describe};
use super::wants::Wants;
use crate::data::{Clock, Fault, MediaTime, Stamp, StreamId, VideoFrame, Window};
use crate::decode::{DecodeError, DecodeSettings, StillDecoder};
use crate::label::Finish;
use crate::source::{
    self, CloudError, Location, SourceError, SourceSettings, Wanted, is_cloud, read_cloud,
};
use crate::supervise::Stop;
use crate::telemetry::metrics::{SkipReason, StreamMetrics};

/// Media time from one picture to the next: they have none of their own.
const APART: Duration = Duration::from_secs(1);

/// Why a picture or a point cloud could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

impl PictureError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Source(error) => error.kind(),
            Self::Decode(error) => error.kind(),
            Self::Cloud(_) => "invalid",
        }
    }
}

/// How single files are looked at.
pub struct Singles<'a> {
    pub stream: &'a StreamId,
    /// How pictures are opened, but not which.
    pub source: &'a SourceSettings,
    pub wants: &'a Wants,
    pub stop: &'a Stop,
}

impl Singles<'_> {
    /// The window of one picture or point cloud, the `place`-th of its stream: a segment of its own,
    /// so that nothing is added up from one to the next.
    ///
    /// # Errors
    /// It cannot be opened, is damaged, or is not what the model takes.
    pub fn window(&self, path: &Path, place: u32) -> Result<Window, PictureError> {
        let stamp = Stamp {
            media: MediaTime::ZERO + APART * place,
            captured_at: None,
            clock: Clock::None,
            arrived: Instant::now(),
            segment: place,
        };
        let mut window = Window::empty(self.stream.clone(), u64::from(place), stamp, stamp);
        match (&self.wants.pictures, self.wants.points) {
            (_, Some(count)) if is_cloud(path) => {
                window.points = Some(Arc::new(read_cloud(path, count)?));
            }
            (Some((decode, _)), _) => window.frames.push(self.picture(path, decode, stamp)?),
            // A picture, for a model of points: it says itself what it is not.
            (None, Some(count)) => window.points = Some(Arc::new(read_cloud(path, count)?)),
            (None, None) => unreachable!("a model of neither is given no single files"),
        }
        Ok(window)
    }

    fn picture(
        &self,
        path: &Path,
        decode: &DecodeSettings,
        stamp: Stamp,
    ) -> Result<VideoFrame, PictureError> {
        let location = Location::File(path.to_owned());
        let settings = SourceSettings { location, wanted: Wanted::Pictures, ..self.source.clone() };
        let mut source = source::open(&settings, self.stop)?;
        let track = source.video().expect("pictures were wanted, and found");
        let mut decoder = StillDecoder::new(track, decode)?;
        loop {
            let packet = source.read()?;
            if let Some(pixels) = decoder.push(packet.as_ref())? {
                let [height, width] = decode.size.map(|side| side as u32);
                return Ok(VideoFrame { stamp, width, height, pixels });
            }
        }
    }
}

/// Looks at every picture or point cloud of a stream.
pub struct PictureWorker {
    job: StreamJob,
    sender: Sender<StreamItem>,
    metrics: StreamMetrics,
    board: Board,
    stop: Stop,
}

/// The program is stopping, or nobody listens any more.
struct Stopped;

impl PictureWorker {
    pub fn new(
        job: StreamJob,
        sender: Sender<StreamItem>,
        metrics: StreamMetrics,
        board: Board,
        stop: Stop,
    ) -> Self {
        Self { job, sender, metrics, board, stop }
    }

    /// Runs until the last file, or until the program stops. One that cannot be looked at
    /// is told of and counted.
    pub fn run(self, files: &[PathBuf]) -> Outcome {
        let stream = &self.job.stream;
        tracing::info!(%stream, description = %self.job.source.location, "stream connected");
        self.metrics.up.set(1);
        self.board.connected(stream);
        let (mut unread, mut seq) = (0, 0);
        let looked = self.send(StreamItem::Connected).and_then(|()| {
            (0..).zip(files).try_for_each(|(place, path)| {
                match self.look(place, path, seq)? {
                    Ok(()) => seq += 1,
                    Err(error) => {
                        unread += 1;
                        self.metrics.errors(error.kind()).inc();
                        self.metrics.frames_skipped(SkipReason::Corrupt).inc();
                        let reason = describe(&error);
                        let file = path.display();
                        tracing::warn!(%stream, %file, reason, "file passed over");
                    }
                }
                Ok(())
            })
        });
        self.metrics.up.set(0);
        self.board.ended(stream, true);
        let finish = if looked.is_ok() { Finish::Finished } else { Finish::Shutdown };
        let _ = self.send(StreamItem::Finished(finish));
        if unread == 0 { Outcome::Finished } else { Outcome::Unread(unread) }
    }

    fn look(&self, place: u32, path: &Path, seq: u64) -> Result<Result<(), PictureError>, Stopped> {
        let StreamJob { stream, source, wants, .. } = &self.job;
        let looked = Singles { stream, source, wants, stop: &self.stop }.window(path, place);
        if self.stop.stopped() {
            return Err(Stopped);
        }
        let mut window = match looked {
            Ok(window) => window,
            Err(error) => return Ok(Err(error)),
        };
        window.seq = seq;
        self.metrics.frames_decoded.inc();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.metrics.frame_at(now.as_secs_f64());
        self.send(StreamItem::File(path.to_string_lossy().into()))?;
        self.send(StreamItem::Window(window)).map(Ok)
    }

    fn send(&self, item: StreamItem) -> Result<(), Stopped> {
        self.sender.send(item).map_err(|_| Stopped)
    }
}
