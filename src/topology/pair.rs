//! A microphone that is heard with a camera: two devices, joined by the time of capture.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use super::board::Board;
use super::inbox::News;
use crate::data::{AudioChunk, Clock, Fault, MediaTime, Stamp, StreamId};
use crate::decode::{SoundDecoder, SoundSettings, Timeline};
use crate::source::{self, SourceSettings};
use crate::supervise::{Backoff, Reconnect, Run, Stop};
use crate::telemetry::metrics::StreamMetrics;
use crate::web::State;

/// Sound that waits for the next picture: more than there is between two pictures of a slow camera.
/// Of more, as while the camera is away, the latest is kept: it is what the next picture goes with.
const KEPT: Duration = Duration::from_secs(10);
/// Pictures by which the camera's clock is known.
const PICTURES: usize = 16;
/// Seconds over which the two clocks are compared: at first, and once they are known.
const OBSERVED: [f64; 2] = [1.0, 10.0];
/// Clocks that come apart by so many seconds have jumped.
const JUMP: f64 = 0.1;
/// Seconds that pictures may be on their way by the camera's clock. Of more, or less than none, it is
/// the clock that is wrong.
const ON_THE_WAY: std::ops::RangeInclusive<f64> = -0.02..=0.5;

/// What the microphone's thread must know.
pub struct PairedJob {
    pub stream: StreamId,
    pub source: SourceSettings,
    pub sound: SoundSettings,
    pub reconnect: Reconnect,
    pub metrics: StreamMetrics,
    pub board: Board,
    pub stop: Stop,
}

/// A microphone under way, as its camera's thread knows it.
pub struct Paired {
    stream: StreamId,
    waiting: Arc<Waiting>,
    joint: Joint,
    /// The camera's wrong clock was told of.
    warned: bool,
}

impl Paired {
    /// Listens on a thread of its own until the program stops or this is dropped.
    pub fn listen(job: PairedJob) -> Self {
        let waiting = Arc::new(Waiting::default());
        let wanted = Arc::downgrade(&waiting);
        let stream = job.stream.clone();
        let thread = thread::Builder::new().name(format!("microphone of {stream}"));
        if let Err(error) = thread.spawn(move || listen(&job, &wanted)) {
            tracing::error!(%stream, %error, "cannot start the microphone's thread");
        }
        Self { stream, waiting, joint: Joint::default(), warned: false }
    }

    /// A connection with the camera begins: sound waits for its first picture.
    pub fn begin(&mut self) {
        self.joint = Joint::default();
    }

    /// A picture came.
    pub fn pictured(&mut self, stamp: &Stamp) {
        let arrived = SystemTime::now().checked_sub(stamp.arrived.elapsed());
        let Some(arrived) = arrived.and_then(seconds) else { return };
        let off = self.joint.pictured(stamp, arrived);
        if let Some(seconds) = off.filter(|_| !std::mem::replace(&mut self.warned, true)) {
            tracing::warn!(
                stream = %self.stream,
                seconds_behind = (seconds * 10.0).round() / 10.0,
                "the camera's clock is wrong, so the paired microphone goes by when pictures arrive: \
                 let the camera set its clock by NTP"
            );
        }
    }

    /// Gives the sound that has come since, on the pictures' timeline; none before the first
    /// picture of a connection.
    pub fn heard(&mut self, mut give: impl FnMut(AudioChunk)) {
        if self.joint.offset().is_none() {
            return;
        }
        let chunks = std::mem::take(&mut *self.waiting.chunks.lock().expect(Waiting::UNPOISONED));
        chunks.into_iter().filter_map(|chunk| self.joint.place(chunk)).for_each(&mut give);
    }

    /// Says once that the microphone came or was lost.
    pub fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut *self.waiting.news.lock().expect(Waiting::UNPOISONED))
    }
}

/// What the microphone's thread has for the camera's.
#[derive(Default)]
struct Waiting {
    /// The latest sound, oldest first.
    chunks: Mutex<VecDeque<AudioChunk>>,
    /// What was not told yet, oldest first: the latest, and a loss before it.
    news: Mutex<Vec<News>>,
}

impl Waiting {
    const UNPOISONED: &str = "no holder of this lock panics";

    fn keep(&self, chunk: AudioChunk) {
        let mut chunks = self.chunks.lock().expect(Self::UNPOISONED);
        let latest = chunk.stamp.media;
        while chunks.front().is_some_and(|oldest| latest.since(oldest.stamp.media) >= KEPT) {
            chunks.pop_front();
        }
        chunks.push_back(chunk);
    }

    fn tell(&self, came: News) {
        let mut news = self.news.lock().expect(Self::UNPOISONED);
        news.push(came);
        let told = news.len().saturating_sub(2);
        news.drain(..told);
    }
}

/// From one device's media time to the other's, by way of the wall clock.
#[derive(Default)]
struct Joint {
    segment: u32,
    clock: Option<Clock>,
    /// Of the latest pictures.
    pictures: Vec<Picture>,
    next: usize,
    /// The pictures' media time less the microphone's, smoothed; and the microphone's segment.
    apart: Option<(f64, u32)>,
    /// Seconds of sound since the camera's clock was known.
    known: f64,
    /// By enough pictures the camera's clock is wrong, as long as this segment lasts.
    wrong: bool,
}

/// Media time less wall time, in seconds.
#[derive(Debug, Clone, Copy)]
struct Picture {
    /// Of capture, as the stamp says.
    captured: f64,
    /// Of arrival here.
    arrived: f64,
}

impl Joint {
    /// `arrived`: wall time, in seconds. Says by how many seconds the camera's clock is behind, if it
    /// was found wrong just now.
    fn pictured(&mut self, stamp: &Stamp, arrived: f64) -> Option<f64> {
        let wall = stamp.captured_at.and_then(seconds)?;
        if self.clock != Some(stamp.clock) || self.segment != stamp.segment {
            let (clock, segment) = (Some(stamp.clock), stamp.segment);
            *self = Self { clock, segment, ..Self::default() };
        }
        let media = stamp.media.as_seconds();
        let picture = Picture { captured: media - wall, arrived: media - arrived };
        if self.pictures.len() < PICTURES {
            self.pictures.push(picture);
            return None;
        }
        self.pictures[self.next] = picture;
        self.next = (self.next + 1) % PICTURES;
        let on_the_way = self.on_the_way();
        let found = !self.wrong && !ON_THE_WAY.contains(&on_the_way);
        self.wrong |= found;
        found.then_some(on_the_way)
    }

    /// Seconds that the quickest of the pictures was on its way, by the stamps' clock.
    fn on_the_way(&self) -> f64 {
        let each = self.pictures.iter().map(|picture| picture.captured - picture.arrived);
        each.reduce(f64::min).unwrap_or(0.0)
    }

    /// Where the camera itself says rightly when a picture was taken, the mean; else the picture that
    /// was on its way for the shortest time.
    fn offset(&self) -> Option<f64> {
        let trusted = !self.wrong && ON_THE_WAY.contains(&self.on_the_way());
        match self.clock? {
            Clock::Rtcp if trusted => {
                let sum: f64 = self.pictures.iter().map(|picture| picture.captured).sum();
                Some(sum / self.pictures.len() as f64)
            }
            _ => self.pictures.iter().map(|picture| picture.arrived).reduce(f64::max),
        }
    }

    /// `None` until there was a picture.
    fn place(&mut self, mut chunk: AudioChunk) -> Option<AudioChunk> {
        let wall = chunk.stamp.captured_at.and_then(seconds)?;
        let own = chunk.stamp.media.as_seconds();
        let now = self.offset()? + wall - own;
        let [least, most] = OBSERVED;
        let duration = chunk.duration().as_secs_f64();
        if self.pictures.len() == PICTURES {
            self.known += duration;
        }
        let share = (duration / self.known.clamp(least, most)).min(1.0);
        let apart = match self.apart {
            Some((apart, of)) if of == chunk.stamp.segment && (now - apart).abs() < JUMP => {
                apart + share * (now - apart)
            }
            _ => now,
        };
        self.apart = Some((apart, chunk.stamp.segment));
        chunk.stamp.media = MediaTime::from_nanos(((own + apart) * 1e9).round() as i64);
        chunk.stamp.segment = self.segment;
        Some(chunk)
    }
}

fn seconds(wall: SystemTime) -> Option<f64> {
    Some(wall.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64())
}

fn listen(job: &PairedJob, wanted: &Weak<Waiting>) {
    job.board.microphone(&job.stream, State::Connecting);
    job.metrics.audio.microphone(false);
    let mut backoff = Backoff::new(job.reconnect.first, job.reconnect.most);
    let mut timeline = Timeline::new();
    let mut trouble = None;
    loop {
        let mut ran = Run::default();
        let error = match session(job, wanted, &mut timeline, &mut trouble, &mut ran) {
            Ok(()) => return,
            Err(_) if job.stop.stopped() => return,
            Err(error) => error,
        };
        // The camera was given up, or has ended.
        let Some(waiting) = wanted.upgrade() else { return };
        waiting.tell(Err(error.kind()));
        drop(waiting);
        job.metrics.errors(error.kind()).inc();
        let reason = super::describe(&*error);
        job.metrics.audio.microphone(false);
        job.board.microphone_lost(&job.stream, error.kind(), &reason);
        if trouble.replace(error.kind()) != Some(error.kind()) {
            tracing::warn!(stream = %job.stream, reason, "paired microphone lost, trying again");
        }
        if ran.was_well() {
            backoff.reset();
        }
        if job.stop.wait(backoff.next(fastrand::f64())) {
            return;
        }
        timeline.reconnected();
    }
}

/// Listens until a fault; `Ok` when nobody wants the sound any more.
fn session(
    job: &PairedJob,
    wanted: &Weak<Waiting>,
    timeline: &mut Timeline,
    trouble: &mut Option<&'static str>,
    ran: &mut Run,
) -> Result<(), Box<dyn Fault>> {
    let boxed = |error| -> Box<dyn Fault> { Box::new(error) };
    let mut source = source::open(&job.source, &job.stop).map_err(boxed)?;
    let description = source.description();
    let Some(track) = source.audio() else { return Ok(()) };
    let mut decoder = SoundDecoder::new(track, true, job.sound, &job.metrics)
        .map_err(|error| -> Box<dyn Fault> { Box::new(error) })?;
    let mut ready = Vec::new();
    let mut first = true;
    while let Some(packet) = source.read().map_err(boxed)? {
        if std::mem::take(&mut first) {
            *trouble = None;
            job.board.microphone(&job.stream, State::Up);
            job.metrics.audio.microphone(true);
            let Some(waiting) = wanted.upgrade() else { return Ok(()) };
            waiting.tell(Ok(()));
            tracing::info!(stream = %job.stream, %description, "paired microphone connected");
        }
        ran.gave(packet.arrived);
        job.metrics.audio.overruns.inc_by(source.take_overruns());
        decoder.push(&packet, timeline, &mut ready);
        for chunk in ready.drain(..) {
            let Some(waiting) = wanted.upgrade() else { return Ok(()) };
            waiting.keep(chunk);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn stamp(media: f64, wall: f64, clock: Clock, segment: u32) -> Stamp {
        Stamp {
            media: MediaTime::from_nanos((media * 1e9) as i64),
            captured_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(wall)),
            clock,
            arrived: Instant::now(),
            segment,
        }
    }

    /// The camera began at wall time 1,000,000,000, the microphone 7 s later.
    fn chunk(own: f64, late: f64) -> AudioChunk {
        let stamp = stamp(own, 1e9 + 7.0 + own + late, Clock::Arrival, 3);
        AudioChunk { stamp, rate: 1000, channels: 1, samples: vec![0.0; 10] }
    }

    #[test]
    fn the_latest_sound_waits_for_the_camera() {
        let waiting = Waiting::default();
        // However short its pieces are.
        for index in 0..6000 {
            waiting.keep(chunk(f64::from(index) / 400.0, 0.0));
        }
        let waiting = waiting.chunks.into_inner().unwrap();
        let media = |chunk: Option<&AudioChunk>| chunk.unwrap().stamp.media.as_seconds();
        assert_eq!(waiting.len(), 4000);
        assert_eq!((media(waiting.front()), media(waiting.back())), (5.0, 5999.0 / 400.0));
    }

    #[test]
    fn a_loss_is_told_also_where_it_is_over_by_then() {
        let waiting = Waiting::default();
        for came in [Ok(()), Err("timeout"), Err("io"), Ok(())] {
            waiting.tell(came);
        }
        assert_eq!(waiting.news.into_inner().unwrap(), [Err("io"), Ok(())]);
    }

    #[test]
    fn sound_lies_where_the_pictures_were_taken_at_the_same_time() {
        let mut random = fastrand::Rng::with_seed(5);
        for clock in [Clock::Rtcp, Clock::Arrival] {
            let mut joint = Joint::default();
            assert!(joint.place(chunk(0.0, 0.0)).is_none(), "no picture yet");
            let mut placed: Option<AudioChunk> = None;
            for n in 0..2000 {
                let at = f64::from(n) * 0.01;
                if n % 4 == 0 {
                    // By arrival, pictures are some time on their way.
                    let late = match clock {
                        Clock::Rtcp => 0.01 * (random.f64() - 0.5),
                        _ => 0.03 * random.f64(),
                    };
                    let wall = 1e9 + 7.0 + at + late;
                    let way = if clock == Clock::Rtcp { 0.2 + 0.1 * random.f64() } else { 0.0 };
                    let off = joint.pictured(&stamp(7.0 + at, wall, clock, 1), wall + way);
                    assert_eq!(off, None);
                }
                let next = joint.place(chunk(at, 0.01 * (random.f64() - 0.5))).unwrap();
                assert_eq!(next.stamp.segment, 1);
                let off = next.stamp.media.as_seconds() - (7.0 + at);
                assert!(n < 600 || off.abs() < 0.012, "{clock:?}: {off} at {at}");
                if let Some(before) = placed.replace(next) {
                    let step = placed.as_ref().unwrap().stamp.media.since(before.stamp.media);
                    // Smooth: the sound is not torn by the clocks' jitter.
                    assert!(n < 600 || (step.as_secs_f64() - 0.01).abs() < 0.0002, "{step:?}");
                }
            }
        }
    }

    #[test]
    fn a_camera_whose_clock_is_wrong_is_gone_by_when_pictures_arrive() {
        for behind in [-1800.0, -0.7, 3.0, 600.0] {
            let mut joint = Joint::default();
            let mut told = Vec::new();
            for n in 0..1000 {
                let at = f64::from(n) * 0.04;
                let arrived = 1e9 + 7.0 + at + 0.02 * f64::from(n % 3);
                let picture = stamp(7.0 + at, 1e9 + 7.0 + at - behind, Clock::Rtcp, 1);
                told.extend(joint.pictured(&picture, arrived));
                let off =
                    joint.place(chunk(at, 0.0)).unwrap().stamp.media.as_seconds() - (7.0 + at);
                assert!(off.abs() < 0.05, "{off} at {at}, {behind} s behind");
            }
            assert!(matches!(told[..], [told] if (told - behind).abs() < 0.05), "{told:?}");
        }
    }

    #[test]
    fn a_reconnected_camera_is_another_beginning() {
        let mut joint = Joint::default();
        joint.pictured(&stamp(0.0, 1e9 + 7.0, Clock::Rtcp, 0), 1e9 + 7.1);
        assert_eq!(joint.place(chunk(1.0, 0.0)).unwrap().stamp.media.as_seconds(), 1.0);
        joint.pictured(&stamp(20.0, 1e9 + 8.0, Clock::Rtcp, 1), 1e9 + 8.1);
        let placed = joint.place(chunk(1.5, 0.0)).unwrap();
        assert!((placed.stamp.media.as_seconds() - 20.5).abs() < 1e-6);
        assert_eq!(placed.stamp.segment, 1);
    }
}
