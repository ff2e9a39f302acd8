//! A stream of single pictures: each is opened, decoded and looked at on its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::Sender;

use super::board::Board;
use super::inbox::StreamItem;
use super::stream::{Outcome, StreamJob, describe};
use crate::data::{Clock, Fault, MediaTime, Stamp, VideoFrame};
use crate::decode::{DecodeError, DecodeSettings, StillDecoder};
use crate::label::Finish;
use crate::source::{self, Location, SourceError, SourceSettings};
use crate::supervise::Stop;
use crate::telemetry::metrics::{SkipReason, StreamMetrics};
use crate::window::Windower;

/// Media time from one picture to the next: they have none of their own.
const APART: Duration = Duration::from_secs(1);

/// Why a picture could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl PictureError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Source(error) => error.kind(),
            Self::Decode(error) => error.kind(),
        }
    }
}

/// Reads one picture at the model's size; `source` says how, but not which.
///
/// # Errors
/// It cannot be opened, is damaged, or cannot be scaled.
pub fn look_at(
    path: &Path,
    source: &SourceSettings,
    decode: &DecodeSettings,
    stop: &Stop,
) -> Result<VideoFrame, PictureError> {
    let location = Location::File(path.to_owned());
    let mut source = source::open(&SourceSettings { location, ..source.clone() }, stop)?;
    let mut decoder = StillDecoder::new(source.track(), decode)?;
    loop {
        let packet = source.read()?;
        let pixels = decoder.push(packet.as_ref())?;
        if let Some(pixels) = pixels {
            let [height, width] = decode.size;
            let stamp = Stamp {
                media: MediaTime::ZERO,
                captured_at: None,
                clock: Clock::None,
                arrived: Instant::now(),
                segment: 0,
            };
            return Ok(VideoFrame { stamp, width: width as u32, height: height as u32, pixels });
        }
    }
}

/// Looks at every picture of a stream.
pub struct PictureWorker {
    job: StreamJob,
    sender: Sender<StreamItem>,
    metrics: StreamMetrics,
    board: Board,
    stop: Stop,
    windower: Windower,
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
        let windower = Windower::new(job.stream.clone(), job.plan, metrics.clone());
        Self { job, sender, metrics, board, stop, windower }
    }

    /// Runs until the last picture, or until the program stops. One that cannot be looked at
    /// is told of and counted.
    pub fn run(mut self, files: &[PathBuf]) -> Outcome {
        let stream = self.job.stream.clone();
        tracing::info!(%stream, description = %self.job.source.location, "stream connected");
        self.metrics.up.set(1);
        self.board.connected(&stream);
        let mut unread = 0;
        let looked = self.send(StreamItem::Connected).and_then(|()| {
            files.iter().enumerate().try_for_each(|(index, path)| {
                match self.look(index, path)? {
                    Ok(()) => {}
                    Err(error) => {
                        unread += 1;
                        self.metrics.errors(error.kind()).inc();
                        self.metrics.frames_skipped(SkipReason::Corrupt).inc();
                        let reason = describe(&error);
                        let file = path.display();
                        tracing::warn!(%stream, %file, reason, "picture passed over");
                    }
                }
                Ok(())
            })
        });
        self.metrics.up.set(0);
        self.board.ended(&stream, true);
        let finish = if looked.is_ok() { Finish::Finished } else { Finish::Shutdown };
        let _ = self.send(StreamItem::Finished(finish));
        if unread == 0 { Outcome::Finished } else { Outcome::Unread(unread) }
    }

    /// Each picture is a segment of its own: nothing is added up from one to the next.
    fn look(&mut self, index: usize, path: &Path) -> Result<Result<(), PictureError>, Stopped> {
        let looked = look_at(path, &self.job.source, &self.job.decode, &self.stop);
        if self.stop.stopped() {
            return Err(Stopped);
        }
        let mut frame = match looked {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(error)),
        };
        self.metrics.frames_decoded.inc();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.metrics.frame_at(now.as_secs_f64());
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        frame.stamp.media = MediaTime::ZERO + APART * place;
        frame.stamp.segment = place;
        self.send(StreamItem::File(path.to_string_lossy().into()))?;
        let mut windows = Vec::new();
        self.windower.push(frame, &mut windows);
        windows.into_iter().try_for_each(|window| self.send(StreamItem::Window(window)))?;
        Ok(Ok(()))
    }

    fn send(&self, item: StreamItem) -> Result<(), Stopped> {
        self.sender.send(item).map_err(|_| Stopped)
    }
}
