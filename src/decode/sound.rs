//! One stream's sound: packets in, f32 samples at the model's rate and channels out.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use ffmpeg_next as ffmpeg;

use super::error::DecodeError;
use super::settings::SoundSettings;
use super::swr::Swr;
use super::timeline::{Beside, RawTime, Timeline};
use crate::data::{AudioChunk, AudioTrack, Clock, MediaTime, Packet, Stamp};
use crate::telemetry::metrics::StreamMetrics;

/// Sound beyond this many times full scale is cut off there.
const LOUDEST: f32 = 64.0;
/// Sound that waits for the first picture to say where it is; after that it says so itself.
const LONGEST_UNPLACED: Duration = Duration::from_secs(3);
/// Sound that is held at most, beside pictures without timestamps; older is dropped.
const MOST_HELD: Duration = Duration::from_secs(6);
/// Sound whose timestamps have had nothing to do with the pictures' for so long is taken for
/// what comes with them.
const LONGEST_ELSEWHERE: Duration = Duration::from_secs(2);
/// Packets without any timestamp after which sound is taken for what comes with the pictures.
const MOST_UNTIMED: u32 = 16;
/// Faults in a row of one call before the decoder is fed again.
const MOST_FAULTS: u32 = 64;

const AGAIN: ffmpeg::Error = ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN };

/// Decodes and resamples. Built anew for every connection.
///
/// A damaged packet is skipped and counted; the hole that it leaves is a gap in the times.
/// Sound may change its format, layout and rate at any frame.
pub struct SoundDecoder {
    inner: ffmpeg::decoder::Audio,
    resampler: Option<Swr>,
    settings: SoundSettings,
    metrics: StreamMetrics,
    tick: (i32, i32),
    live: bool,
    /// No pictures lead: the timeline is this track's own.
    leads: bool,
    held: VecDeque<Held>,
    /// Where the next sample would be, if nothing were missing.
    next: Option<(MediaTime, u32)>,
    /// What the timestamps are off by, found in this segment.
    shift: (u32, i64),
    untimed: u32,
    /// Hertz, as the container says; 0 where it does not.
    rate: u32,
    /// Where the packet after the latest one would be by the container's durations, in ticks.
    expected: Option<i64>,
    /// The latest packet's duration in seconds, if it lies exactly there: its time may be only
    /// counted.
    counted: Option<f64>,
    /// Of the latest packet.
    origin: Option<Origin>,
    frame: ffmpeg::frame::Audio,
}

/// Resampled, and not placed yet.
struct Held {
    /// In ticks; of the decoded frame.
    pts: Option<i64>,
    /// Nanoseconds by which the samples lie before that.
    early: i64,
    origin: Origin,
    /// `[samples, channels]`.
    samples: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Origin {
    arrived: Instant,
    captured_at: Option<SystemTime>,
    clock: Clock,
}

impl SoundDecoder {
    /// A decoder for one audio track. `leads`: there are no pictures that it goes with.
    ///
    /// # Errors
    /// If FFmpeg has no decoder for the codec, or it refuses the track's parameters.
    pub fn new(
        track: &AudioTrack,
        leads: bool,
        settings: SoundSettings,
        metrics: &StreamMetrics,
    ) -> Result<Self, DecodeError> {
        let codec = track.parameters.id().name();
        let start = |cause| match cause {
            ffmpeg::Error::DecoderNotFound => DecodeError::NoSoundDecoder { codec },
            cause => DecodeError::Start { codec, live: track.live, cause },
        };
        let context =
            ffmpeg::codec::Context::from_parameters(track.parameters.clone()).map_err(start)?;
        let mut decoder = context.decoder();
        // Without it the decoder cannot move the times of sound whose beginning it cuts off:
        // an encoder's priming, an edit list.
        decoder.set_packet_time_base(track.time_base);
        let inner = decoder.audio().map_err(start)?;
        Ok(Self {
            rate: inner.rate(),
            expected: None,
            counted: None,
            inner,
            resampler: None,
            settings,
            metrics: metrics.clone(),
            tick: (track.time_base.numerator().max(1), track.time_base.denominator().max(1)),
            live: track.live,
            leads,
            held: VecDeque::new(),
            next: None,
            shift: (0, 0),
            untimed: 0,
            origin: None,
            frame: ffmpeg::frame::Audio::empty(),
        })
    }

    /// Takes a packet and appends the sound that came ready and could be placed.
    pub fn push(&mut self, packet: &Packet, timeline: &mut Timeline, ready: &mut Vec<AudioChunk>) {
        let origin = Origin {
            arrived: packet.arrived,
            captured_at: packet.captured_at,
            clock: packet.clock,
        };
        let (pts, duration) = (packet.inner.pts(), packet.inner.duration());
        let seconds = duration as f64 * f64::from(self.tick.0) / f64::from(self.tick.1);
        self.counted = (pts.is_some() && pts == self.expected).then_some(seconds);
        self.expected = pts.filter(|_| duration > 0).map(|pts| pts.saturating_add(duration));
        if self.inner.send_packet(&packet.inner).is_err() {
            self.metrics.audio.errors.inc();
        }
        self.origin = Some(origin);
        self.receive(origin);
        self.place_all(timeline, ready);
    }

    /// The stream has ended: appends what was still inside.
    pub fn finish(&mut self, timeline: &mut Timeline, ready: &mut Vec<AudioChunk>) {
        let Some(origin) = self.origin else { return };
        if self.inner.send_eof().is_ok() {
            self.receive(origin);
        }
        let mut samples = Vec::new();
        if let Some(resampler) = &mut self.resampler
            && resampler.run(None, &mut samples).is_ok()
        {
            self.hold(Held { pts: None, early: 0, origin, samples });
        }
        self.place_all(timeline, ready);
    }

    fn receive(&mut self, origin: Origin) {
        let mut faults = 0;
        while faults < MOST_FAULTS {
            match self.inner.receive_frame(&mut self.frame) {
                Ok(()) => {
                    if self.resample(origin).is_err() {
                        self.metrics.audio.errors.inc();
                        self.resampler = None;
                    }
                }
                Err(ffmpeg::Error::Eof | AGAIN) => break,
                Err(_) => {
                    self.metrics.audio.errors.inc();
                    faults += 1;
                }
            }
        }
    }

    fn resample(&mut self, origin: Origin) -> Result<(), ffmpeg::Error> {
        if let Some(resampler) = self.resampler.take_if(|resampler| !resampler.suits(&self.frame)) {
            let (mut resampler, mut samples) = (resampler, Vec::new());
            resampler.run(None, &mut samples)?;
            self.hold(Held { pts: None, early: 0, origin, samples });
        }
        let resampler = match &mut self.resampler {
            Some(resampler) => resampler,
            none => none.insert(Swr::new(&self.frame, self.settings)?),
        };
        // What comes out first went in so long ago.
        let early = resampler.delay();
        let mut samples = Vec::new();
        resampler.run(Some(&self.frame), &mut samples)?;
        // In MPEG-TS FFmpeg counts the times of the frames within a packet of the container by the
        // rate with which the track began: sound of another one lies after what came before it.
        let rate = self.frame.rate();
        let own = self.frame.samples() as f64 / f64::from(rate.max(1));
        let apart = self.counted.is_some_and(|seconds| (own / seconds - 1.0).abs() > 0.1);
        let miscounted = apart && ![0, self.rate].contains(&rate);
        let pts = self.frame.timestamp().filter(|_| !miscounted);
        self.hold(Held { pts, early, origin, samples });
        Ok(())
    }

    fn hold(&mut self, held: Held) {
        if held.samples.is_empty() {
            return;
        }
        let mut held = held;
        held.samples.iter_mut().for_each(|sample| *sample = tamed(*sample));
        self.metrics.audio.decoded_seconds.inc_by(self.seconds(&held.samples));
        self.held.push_back(held);
        while self.held_for() > MOST_HELD {
            self.held.pop_front();
        }
    }

    fn seconds(&self, samples: &[f32]) -> f64 {
        let each = f64::from(self.settings.rate.max(1)) * f64::from(self.settings.channels.max(1));
        samples.len() as f64 / each
    }

    fn held_for(&self) -> Duration {
        Duration::from_secs_f64(self.held.iter().map(|held| self.seconds(&held.samples)).sum())
    }

    fn place_all(&mut self, timeline: &mut Timeline, ready: &mut Vec<AudioChunk>) {
        while let Some(held) = self.held.front() {
            let duration = Duration::from_secs_f64(self.seconds(&held.samples));
            let placed = if self.leads {
                Some(self.lead(held, duration, timeline))
            } else {
                self.follow(timeline)
            };
            let Some((media, segment)) = placed else { return };
            self.next = Some((media + duration, segment));
            if !self.leads {
                timeline.followed(media + duration, segment);
            }
            let Some(held) = self.held.pop_front() else { return };
            let Origin { arrived, captured_at, clock } = held.origin;
            ready.push(AudioChunk {
                stamp: Stamp { media, captured_at, clock, arrived, segment },
                rate: self.settings.rate,
                channels: self.settings.channels,
                samples: held.samples,
            });
        }
    }

    /// Moves the timeline itself.
    fn lead(&self, held: &Held, duration: Duration, timeline: &mut Timeline) -> (MediaTime, u32) {
        let moment = timeline.place(RawTime {
            pts: held.pts,
            tick: self.tick,
            duration: Some(duration),
            arrived: held.origin.arrived,
            live: self.live,
        });
        if moment.jumped {
            self.metrics.discontinuities.inc();
        }
        match (held.pts, self.next) {
            // What a resampler gave in the end, or a packet without a time.
            (None, Some((next, segment))) if segment == moment.segment => (next, segment),
            _ => (before(moment.media, held.early), moment.segment),
        }
    }

    /// Where the first of what is held lies on the pictures' timeline; `None`: it must wait.
    fn follow(&mut self, timeline: &mut Timeline) -> Option<(MediaTime, u32)> {
        let held = self.held.front()?;
        let segment = timeline.segment();
        if self.shift.0 != segment {
            self.shift = (segment, 0);
        }
        let Some(pts) = held.pts else {
            // Right after what came before it, be that before a jump.
            if self.next.is_some() {
                return self.next;
            }
            self.untimed += 1;
            if self.untimed < MOST_UNTIMED {
                self.held.pop_front();
                return self.follow(timeline);
            }
            return Some((before(timeline.latest()?, nanos(self.held_for())), segment));
        };
        if timeline.latest().is_none() && self.held_for() > LONGEST_UNPLACED {
            timeline.begin_by(RawTime {
                pts: Some(pts),
                tick: self.tick,
                duration: None,
                arrived: held.origin.arrived,
                live: self.live,
            });
        }
        match timeline.beside(pts, self.tick, self.shift.1) {
            Beside::At { media, segment } => Some((before(media, held.early), segment)),
            Beside::NotYet => None,
            Beside::Elsewhere if self.held_for() < LONGEST_ELSEWHERE => None,
            Beside::Elsewhere => {
                self.metrics.discontinuities.inc();
                let media = before(timeline.latest()?, nanos(self.held_for()));
                self.shift = (segment, timeline.shift_to(pts, self.tick, media));
                Some((media, segment))
            }
        }
    }
}

/// Float sound may hold anything; a model is to be given sound.
fn tamed(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn before(media: MediaTime, nanos: i64) -> MediaTime {
    MediaTime::from_nanos(media.as_nanos().saturating_sub(nanos))
}
