//! One stream's thread: opens it, decodes, makes windows, and opens it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError};

use super::board::Board;
use super::decoders::Decoders;
use super::inbox::StreamItem;
use super::keep_up::Lag;
use super::pair::{Paired, PairedJob};
use super::wants::Wants;
use crate::data::{Fault, Remedy, Stamp, StreamId, chain};
use crate::decode::Timeline;
use crate::label::Finish;
use crate::source::{self, Seen, Source, SourceSettings};
use crate::supervise::{Backoff, Reconnect, Run, Stop};
use crate::telemetry::metrics::{DropReason, StreamMetrics};
use crate::telemetry::redact;
use crate::window::Windower;

/// While a stream stays lost, a change of the reason is told at most so often.
const REPEAT: Duration = Duration::from_secs(60);

/// Everything that a stream's thread must know.
#[derive(Clone)]
pub struct StreamJob {
    pub stream: StreamId,
    pub source: SourceSettings,
    /// The microphone that is heard with its pictures, by the time of capture.
    pub pair: Option<SourceSettings>,
    pub wants: Wants,
    pub reconnect: Reconnect,
}

/// Where a stream's items go, and what the reader must know of them.
pub struct Outlet {
    pub sender: Sender<StreamItem>,
    /// Whether the reader may drop windows that a fresher one has overtaken.
    pub live: Arc<AtomicBool>,
}

/// How one session with the source ended.
enum Ended {
    /// A file's end.
    Done,
    /// The program is stopping, or nobody listens any more.
    Stopped,
    Failed(Box<dyn Fault>),
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was looked at until it ended, or until the program was told to stop.
    Finished,
    /// It ended before there was one window.
    Empty,
    GivenUp,
    /// It was read to its end, but so many of its pictures could not be looked at.
    Unread(usize),
}

pub struct StreamWorker {
    job: StreamJob,
    outlet: Outlet,
    metrics: StreamMetrics,
    board: Board,
    stop: Stop,
    timeline: Timeline,
    windower: Windower,
    paired: Option<Paired>,
    lag: Lag,
    /// The present session's packets.
    ran: Run,
    /// `None` while connected.
    trouble: Option<Trouble>,
    connected_before: bool,
    /// There are pictures, and sound is looked at without them.
    alone: bool,
    /// What the last session gave out, where a reconnect may bring it again.
    seen: Option<Seen>,
}

impl StreamWorker {
    pub fn new(
        job: StreamJob,
        outlet: Outlet,
        metrics: StreamMetrics,
        board: Board,
        stop: Stop,
    ) -> Self {
        let (pictures, sound) = (job.wants.plan(), job.wants.sound);
        let windower = Windower::new(job.stream.clone(), pictures, sound, metrics.clone());
        let paired = job.pair.clone().zip(job.wants.sound_settings()).map(|(source, sound)| {
            let shared = PairedJob {
                stream: job.stream.clone(),
                source,
                sound,
                reconnect: job.reconnect,
                metrics: metrics.clone(),
                board: board.clone(),
                stop: stop.clone(),
            };
            Paired::listen(shared)
        });
        Self {
            paired,
            job,
            outlet,
            metrics,
            board,
            stop,
            timeline: Timeline::new(),
            windower,
            lag: Lag::default(),
            ran: Run::default(),
            trouble: None,
            connected_before: false,
            alone: false,
            seen: None,
        }
    }

    /// Runs until the file ends, the program stops or trying again cannot help.
    pub fn run(mut self) -> Outcome {
        let mut backoff = Backoff::new(self.job.reconnect.first, self.job.reconnect.most);
        loop {
            self.ran = Run::default();
            let ended = self.session();
            self.windower.clear();
            self.metrics.up.set(0);
            let (kind, reason) = match ended {
                Ended::Done => return self.finish(Finish::Finished),
                Ended::Stopped => return self.finish(Finish::Shutdown),
                Ended::Failed(error) => {
                    self.metrics.errors(error.kind()).inc();
                    // What worked before may work again: a redirect, say, may be for a while.
                    let worked = self.connected_before && self.outlet.live.load(Ordering::Relaxed);
                    if error.remedy() == Remedy::GiveUp && !worked {
                        return self.give_up(error.kind(), &describe(&*error));
                    }
                    (error.kind(), describe(&*error))
                }
            };
            self.lost(kind, &reason);
            if self.ran.was_well() {
                backoff.reset();
            }
            let wait = match kind {
                "unauthorized" => self.job.reconnect.unauthorized,
                _ => backoff.next(fastrand::f64()),
            };
            tracing::debug!(stream = %self.job.stream, ?wait, "waiting before the next try");
            if self.stop.wait(wait) {
                return self.finish(Finish::Shutdown);
            }
            self.timeline.reconnected();
        }
    }

    /// Opens the source and reads it to its end.
    fn session(&mut self) -> Ended {
        let mut source = match source::open(&self.job.source, &self.stop) {
            Ok(source) => source,
            Err(_) if self.stop.stopped() => return Ended::Stopped,
            Err(error) => return Ended::Failed(Box::new(error)),
        };
        if let Some(seen) = self.seen.take() {
            source.resume(seen);
        }
        let ended = self.read(&mut source);
        self.seen = source.into_seen();
        match ended {
            Ended::Failed(_) if self.stop.stopped() => Ended::Stopped,
            ended => ended,
        }
    }

    fn read(&mut self, source: &mut Source) -> Ended {
        let live = source.is_live();
        self.outlet.live.store(live, Ordering::Relaxed);
        source.begins().into_iter().for_each(|start| self.timeline.begin_at(start));
        let mut decoders = match Decoders::new(source, &self.job.wants, &self.metrics) {
            Ok(decoders) => decoders,
            Err(error) => return Ended::Failed(Box::new(error)),
        };
        let hears = decoders.has_sound() || self.paired.is_some();
        self.windower.begin(decoders.has_pictures(), hears, live);
        self.paired.iter_mut().for_each(Paired::begin);
        let mut windows = Vec::new();
        let mut first = true;
        let mut shown = None;
        loop {
            let packet = match source.read() {
                Ok(_) if self.stop.stopped() => Err(Ended::Stopped),
                Ok(Some(packet)) => Ok(packet),
                Ok(None) => Err(Ended::Done),
                Err(error) => Err(Ended::Failed(Box::new(error))),
            };
            packet.iter().for_each(|packet| self.ran.gave(packet.arrived));
            self.metrics.audio.overruns.inc_by(source.take_overruns());
            // A file without a packet was there, too.
            let came = matches!(packet, Ok(_) | Err(Ended::Done));
            if came && std::mem::take(&mut first) && self.connected(source).is_err() {
                return Ended::Stopped;
            }
            // Before the picture that came after it: of a slow camera's sound all lies here.
            if let Some(paired) = &mut self.paired {
                paired.heard(|chunk| self.windower.hear(&chunk, &mut windows));
                let news = if packet.is_ok() { paired.news() } else { Vec::new() };
                for came in news {
                    if self.send(StreamItem::Microphone(came), false).is_err() {
                        return Ended::Stopped;
                    }
                }
            }
            let (timeline, windower) = (&mut self.timeline, &mut self.windower);
            let mut behind = None;
            let late = live && !source.is_paced();
            let lag = &mut self.lag;
            let paired = &mut self.paired;
            let seen = |stamp: &Stamp| {
                if let Some(paired) = paired {
                    paired.pictured(stamp);
                }
                if late {
                    behind = lag.frame(stamp).or(behind);
                }
            };
            let ended = match packet {
                Ok(packet) => {
                    match decoders.push(&packet, timeline, windower, &mut windows, seen) {
                        Ok(()) => None,
                        Err(error) => return Ended::Failed(Box::new(error)),
                    }
                }
                Err(ended) => {
                    // What the decoders still hold was accepted: it is looked at.
                    if let Err(error) = decoders.finish(timeline, windower, &mut windows, seen) {
                        tracing::debug!(stream = %self.job.stream, %error, "decoder did not drain");
                    }
                    Some(ended)
                }
            };
            if let Some(behind) = behind {
                self.warn_of_lag(behind);
            }
            self.tell_of_sound_alone();
            for window in windows.drain(..) {
                if self.send(StreamItem::Window(window), live).is_err() {
                    return Ended::Stopped;
                }
            }
            if self.windower.take_blind() {
                self.warn_of_blindness();
                if self.send(StreamItem::Blind, false).is_err() {
                    return Ended::Stopped;
                }
            }
            if let Some(ended) = ended {
                return ended;
            }
            // All streams share the board's lock: not for every packet.
            if let Some(mode) = decoders.mode()
                && shown.replace(mode) != Some(mode)
            {
                self.board.decoding(&self.job.stream, mode.as_str());
            }
        }
    }

    fn warn_of_lag(&self, behind: Duration) {
        tracing::warn!(
            stream = %self.job.stream,
            behind_seconds = behind.as_secs(),
            "the stream comes faster than it can be decoded: lower the camera's rate or \
             resolution, let it send key frames more often, or watch fewer streams"
        );
    }

    fn warn_of_blindness(&self) {
        tracing::warn!(
            stream = %self.job.stream,
            longest_gap = self.job.wants.plan().map(|plan| tracing::field::debug(plan.longest_gap)),
            "pictures come too rarely for the model, so nothing is seen: let the camera send more of them"
        );
    }

    /// Says where sound begins to be looked at without the stream's pictures, and where that ends.
    fn tell_of_sound_alone(&mut self) {
        let alone = self.windower.sound_is_alone();
        if std::mem::replace(&mut self.alone, alone) == alone {
            return;
        }
        if alone {
            tracing::warn!(
                stream = %self.job.stream,
                corrupt = self.metrics.frames_corrupt.get(),
                "no pictures that the model can look at: they do not come, come too rarely or \
                 cannot be decoded; the sound is judged alone until there are"
            );
        } else {
            tracing::info!(stream = %self.job.stream, "pictures are looked at again");
        }
    }

    /// A live window that finds the queue full is dropped and counted; all else waits.
    fn send(&self, item: StreamItem, live: bool) -> Result<(), ()> {
        if !(live && matches!(item, StreamItem::Window(_))) {
            return self.outlet.sender.send(item).map_err(drop);
        }
        match self.outlet.sender.try_send(item) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                self.metrics.windows_dropped(DropReason::QueueFull).inc();
                Ok(())
            }
            Err(TrySendError::Disconnected(_)) => Err(()),
        }
    }

    fn connected(&mut self, source: &Source) -> Result<(), ()> {
        self.metrics.up.set(1);
        if std::mem::replace(&mut self.connected_before, true) {
            self.metrics.reconnects.inc();
        }
        self.trouble = None;
        let description = source.description();
        tracing::info!(stream = %self.job.stream, %description, "stream connected");
        self.board.connected(&self.job.stream);
        self.send(StreamItem::Connected, false)
    }

    /// Says once that the stream is gone, and again, now and then, when the reason changes.
    fn lost(&mut self, kind: &'static str, reason: &str) {
        self.board.lost(&self.job.stream, kind, reason);
        let now = Instant::now();
        let first = self.trouble.is_none();
        let trouble = self.trouble.get_or_insert_with(|| Trouble::new(kind, now));
        if first {
            tracing::warn!(stream = %self.job.stream, reason, "stream lost, trying again");
        } else if let Some(tries) = trouble.again(kind, now) {
            tracing::warn!(
                stream = %self.job.stream,
                reason,
                tries,
                "stream still lost, now for another reason"
            );
        }
        if first {
            // The model's thread is gone only when the program stops.
            let _ = self.send(StreamItem::Lost { kind }, false);
        }
    }

    fn give_up(self, kind: &'static str, reason: &str) -> Outcome {
        tracing::error!(stream = %self.job.stream, reason, "stream given up");
        self.board.lost(&self.job.stream, kind, reason);
        self.board.ended(&self.job.stream, false);
        let _ = self.send(StreamItem::Lost { kind }, false);
        Outcome::GivenUp
    }

    fn tell_of_emptiness(&self) {
        let stream = &self.job.stream;
        let plan = self.job.wants.plan().filter(|_| self.windower.pictures_lead());
        match (plan, self.job.wants.sound) {
            (None, Some(plan)) => tracing::warn!(
                %stream,
                sound = ?plan.duration(),
                "stream ended before there was one window of its sound: too short"
            ),
            (plan, _) => tracing::warn!(
                %stream,
                frames = plan.map(|plan| plan.frames),
                step = plan.map(|plan| tracing::field::debug(plan.step)),
                "stream ended before there was one window: too short, or too few frames for \
                 decode = \"key_frames\""
            ),
        }
    }

    fn finish(self, finish: Finish) -> Outcome {
        let empty = finish == Finish::Finished && self.windower.made() == 0;
        if empty {
            self.tell_of_emptiness();
        }
        self.board.ended(&self.job.stream, finish == Finish::Finished);
        let _ = self.send(StreamItem::Finished(finish), false);
        if empty { Outcome::Empty } else { Outcome::Finished }
    }
}

/// What was said of a stream that is lost.
struct Trouble {
    /// The kind that was last told of.
    told: &'static str,
    at: Instant,
    /// Tries that failed since.
    tries: u32,
}

impl Trouble {
    /// Of which `kind` is told now.
    fn new(kind: &'static str, now: Instant) -> Self {
        Self { told: kind, at: now, tries: 0 }
    }

    /// Counts a further try; gives how many failed since something was said, if the reason
    /// is another one and it is time to say so. A camera that starts may refuse and time
    /// out by turns.
    fn again(&mut self, kind: &'static str, now: Instant) -> Option<u32> {
        self.tries += 1;
        if kind == self.told || now.duration_since(self.at) < REPEAT {
            return None;
        }
        let tries = self.tries;
        *self = Self::new(kind, now);
        Some(tries)
    }
}

/// An error and its causes on one line, without credentials.
pub fn describe(error: &dyn std::error::Error) -> String {
    redact::mask(&chain(error)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_alternate_are_told_once_a_minute_with_a_count() {
        let start = Instant::now();
        let mut trouble = Trouble::new("refused", start);
        let told: Vec<_> = (1..=180)
            .filter_map(|second| {
                let kind = if second % 2 == 0 { "refused" } else { "timeout" };
                let tries = trouble.again(kind, start + Duration::from_secs(second));
                tries.map(|tries| (second, kind, tries))
            })
            .collect();
        assert_eq!(told, [(61, "timeout", 61), (122, "refused", 61)]);
    }
}
