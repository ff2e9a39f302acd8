//! One stream's decoder: packets in, the frames that are looked at out.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use ffmpeg_next as ffmpeg;

use super::error::DecodeError;
use super::ffi;
use super::scale::Scaler;
use super::select::{Grid, ModeSwitch};
use super::settings::{ActiveMode, DecodeMode, DecodeSettings};
use super::timeline::{Moment, RawTime, Timeline};
use crate::data::{Clock, Packet, Stamp, VideoFrame, VideoTrack};
use crate::telemetry::metrics::{SkipReason, StreamMetrics};

/// Packets that a decoder may hold back before their pictures come out.
const MOST_SENT: usize = 128;
/// What is kept since the last key frame, for going back to all frames.
const MOST_KEPT: usize = 2000;
const MOST_KEPT_BYTES: usize = 32 << 20;
/// Packets without a key frame after which decoding begins anyhow.
const LONGEST_WAIT: u32 = 500;
/// Faults in a row of one call before the decoder is fed again.
const MOST_FAULTS: u32 = 64;

/// The decoder wants another packet.
const AGAIN: ffmpeg::Error = ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN };

/// Decodes, selects and scales. Built anew for every connection.
pub struct Decoder {
    inner: ffmpeg::decoder::Video,
    scaler: Scaler,
    grid: Grid,
    switch: ModeSwitch,
    mode: DecodeMode,
    interval: Option<(Duration, Duration)>,
    size: [usize; 2],
    metrics: StreamMetrics,
    /// Seconds a tick.
    tick: (i32, i32),
    frame_duration: Option<Duration>,
    live: bool,
    sent: VecDeque<Origin>,
    kept: Kept,
    last_key: Option<Origin>,
    /// The latest segment whose jump was counted.
    jumps: Cell<u32>,
    /// Packets passed over while no key frame has come; `None` once one has.
    waited: Option<u32>,
    frame: ffmpeg::frame::Video,
}

/// Where a picture came from: its packet's times.
#[derive(Debug, Clone, Copy)]
struct Origin {
    pts: Option<i64>,
    dts: Option<i64>,
    duration: Option<Duration>,
    arrived: Instant,
    captured_at: Option<SystemTime>,
    clock: Clock,
}

/// Packets since the last key frame, while only key frames are decoded.
#[derive(Default)]
struct Kept {
    packets: Vec<(ffmpeg::Packet, Origin)>,
    bytes: usize,
    /// The timeline as it was before the first of them.
    checkpoint: Timeline,
    /// More came than is kept.
    overflown: bool,
}

impl Decoder {
    /// A decoder for one video track.
    ///
    /// # Errors
    /// If FFmpeg has no decoder for the codec, or it refuses the track's parameters.
    pub fn new(
        track: &VideoTrack,
        settings: &DecodeSettings,
        metrics: &StreamMetrics,
    ) -> Result<Self, DecodeError> {
        use ffmpeg::codec::threading;
        let codec = track.parameters.id().name();
        let start = |cause| match cause {
            ffmpeg::Error::DecoderNotFound => DecodeError::NoDecoder { codec },
            cause => DecodeError::Start { codec, live: track.live, cause },
        };
        let mut context =
            ffmpeg::codec::Context::from_parameters(track.parameters.clone()).map_err(start)?;
        context.set_threading(threading::Config {
            kind: if settings.threads == 1 {
                threading::Type::None
            } else {
                threading::Type::Frame
            },
            count: settings.threads,
            ..threading::Config::default()
        });
        ffi::show_damage(&mut context);
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(track.time_base);
        let inner = decoder.video().map_err(start)?;
        let rate = f64::from(track.frame_rate.numerator())
            / f64::from(track.frame_rate.denominator().max(1));
        let frame_duration =
            (1.0..=240.0).contains(&rate).then(|| Duration::from_secs_f64(1.0 / rate));
        let least = settings.interval.map_or(Duration::ZERO, |(least, _)| least);
        Ok(Self {
            inner,
            scaler: Scaler::new(settings, track, false),
            grid: Grid::new(settings.step, least),
            switch: ModeSwitch::new(settings.mode, settings.interval, settings.step),
            mode: settings.mode,
            interval: settings.interval,
            size: settings.size,
            metrics: metrics.clone(),
            tick: (track.time_base.numerator().max(1), track.time_base.denominator().max(1)),
            frame_duration,
            live: track.live,
            sent: VecDeque::new(),
            kept: Kept::default(),
            last_key: None,
            jumps: Cell::new(0),
            waited: Some(0),
            frame: ffmpeg::frame::Video::empty(),
        })
    }

    /// What is decoded right now.
    pub fn mode(&self) -> ActiveMode {
        self.switch.active()
    }

    /// Takes a packet and appends the frames that are looked at, if any came ready.
    ///
    /// A damaged packet is skipped and counted. Damaged pictures are counted and given
    /// out: whoever looks at them is to see the damage.
    pub fn push(
        &mut self,
        packet: &Packet,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        let origin = self.origin(packet);
        let is_key = packet.inner.is_key();
        if self.is_waiting(is_key) {
            return Ok(());
        }
        let before = self.switch.active();
        self.switch.packet(is_key, self.since_key(&origin));
        if is_key {
            self.last_key = Some(origin);
        }
        match (before, self.switch.active()) {
            (ActiveMode::All, ActiveMode::All) => {
                self.decode(&packet.inner, origin, timeline, ready)
            }
            (ActiveMode::All, ActiveMode::KeyFrames) => {
                // What the decoder still holds comes before this key frame.
                self.drain(timeline, ready)?;
                self.key_mode(packet, origin, timeline, ready)
            }
            (ActiveMode::KeyFrames, ActiveMode::KeyFrames) => {
                self.key_mode(packet, origin, timeline, ready)
            }
            (ActiveMode::KeyFrames, ActiveMode::All) => {
                self.catch_up(is_key, timeline, ready)?;
                if self.is_waiting(is_key) {
                    return Ok(());
                }
                self.decode(&packet.inner, origin, timeline, ready)
            }
        }
    }

    /// The stream has ended: appends what the decoder still held.
    pub fn finish(
        &mut self,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        match self.switch.active() {
            ActiveMode::All => self.drain(timeline, ready),
            ActiveMode::KeyFrames => Ok(()),
        }
    }

    /// Whether a packet is to be passed over, because no key frame has come yet.
    fn is_waiting(&mut self, is_key: bool) -> bool {
        match &mut self.waited {
            Some(waited) if !is_key && *waited < LONGEST_WAIT => {
                *waited += 1;
                self.metrics.frames_skipped(SkipReason::WaitingForKeyFrame).inc();
                true
            }
            _ => {
                self.waited = None;
                false
            }
        }
    }

    /// Only key frames are decoded, and of those only what is looked at.
    fn key_mode(
        &mut self,
        packet: &Packet,
        origin: Origin,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        let is_key = packet.inner.is_key();
        if self.mode == DecodeMode::Auto {
            if is_key {
                self.kept.restart(timeline);
            }
            self.kept.keep(&packet.inner, origin);
        }
        // Every packet moves the timeline, so that a pause between key frames is none.
        let moment = self.place(timeline, origin.pts, &origin);
        if !is_key {
            self.metrics.frames_skipped(SkipReason::NotKeyFrame).inc();
            return Ok(());
        }
        let chosen = match self.interval {
            Some((_, most)) => {
                let spacing = self.switch.spacing();
                self.grid.nearest(moment.media, moment.segment, spacing, Some(most))
            }
            None => self.grid.first_after(moment.media, moment.segment),
        };
        if !chosen {
            self.metrics.frames_skipped(SkipReason::NotLookedAt).inc();
            return Ok(());
        }
        if !self.decode_alone(&packet.inner, origin, moment, ready)? {
            self.metrics.frames_skipped(SkipReason::Corrupt).inc();
            if !self.switch.is_intra_only() {
                self.switch.key_gave_nothing();
                if self.switch.active() == ActiveMode::All {
                    self.catch_up(false, timeline, ready)?;
                }
            }
        }
        Ok(())
    }

    /// Decodes one packet with nothing before or after it; says whether a picture came.
    fn decode_alone(
        &mut self,
        packet: &ffmpeg::Packet,
        origin: Origin,
        moment: Moment,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<bool, DecodeError> {
        let sent = self.inner.send_packet(packet).and_then(|()| self.inner.send_eof());
        let mut shown = false;
        if sent.is_ok() {
            for _ in 0..MOST_FAULTS {
                match self.inner.receive_frame(&mut self.frame) {
                    Ok(()) => {
                        self.count_frame();
                        // Two fields may come as two pictures: one is enough.
                        if !shown {
                            self.give_out(&origin, moment, ready)?;
                        }
                        shown = true;
                    }
                    Err(ffmpeg::Error::Eof | AGAIN) => break,
                    Err(_) => {}
                }
            }
        }
        self.inner.flush();
        Ok(shown)
    }

    /// From key frames back to all: decodes what came since the last key frame.
    fn catch_up(
        &mut self,
        at_key: bool,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        let kept = std::mem::take(&mut self.kept);
        self.inner.flush();
        self.sent.clear();
        if at_key || self.mode != DecodeMode::Auto {
            return Ok(());
        }
        if kept.overflown || kept.packets.is_empty() {
            self.waited = Some(0);
            return Ok(());
        }
        timeline.go_back(kept.checkpoint);
        for (packet, origin) in &kept.packets {
            self.decode(packet, *origin, timeline, ready)?;
        }
        Ok(())
    }

    fn decode(
        &mut self,
        packet: &ffmpeg::Packet,
        origin: Origin,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        self.sent.push_back(origin);
        if self.sent.len() > MOST_SENT {
            self.sent.pop_front();
        }
        if self.inner.send_packet(packet).is_err() {
            self.metrics.frames_skipped(SkipReason::Corrupt).inc();
        }
        self.receive(timeline, ready)
    }

    /// Gets out all that the decoder holds, and makes it ready for a key frame.
    fn drain(
        &mut self,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        if self.inner.send_eof().is_ok() {
            self.receive(timeline, ready)?;
        }
        self.inner.flush();
        self.sent.clear();
        Ok(())
    }

    fn receive(
        &mut self,
        timeline: &mut Timeline,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        let mut faults = 0;
        while faults < MOST_FAULTS {
            match self.inner.receive_frame(&mut self.frame) {
                Ok(()) => {
                    self.count_frame();
                    let origin = self.origin_of_frame();
                    let pts = self.frame.timestamp().or(origin.pts);
                    let moment = self.place(timeline, pts, &origin);
                    if self.grid.first_after(moment.media, moment.segment) {
                        self.give_out(&origin, moment, ready)?;
                    } else {
                        self.metrics.frames_skipped(SkipReason::NotLookedAt).inc();
                    }
                }
                Err(ffmpeg::Error::Eof | AGAIN) => break,
                Err(_) => {
                    self.metrics.frames_skipped(SkipReason::Corrupt).inc();
                    faults += 1;
                }
            }
        }
        Ok(())
    }

    fn count_frame(&self) {
        self.metrics.frames_decoded.inc();
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            self.metrics.frames_corrupt.inc();
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.metrics.frame_at(now.as_secs_f64());
    }

    fn place(&self, timeline: &mut Timeline, pts: Option<i64>, origin: &Origin) -> Moment {
        let moment = timeline.place(RawTime {
            pts,
            tick: self.tick,
            duration: origin.duration.or(self.frame_duration),
            arrived: origin.arrived,
            live: self.live,
        });
        // What `catch_up` decodes was placed before: its jumps begin the same segments again.
        if moment.jumped && moment.segment > self.jumps.get() {
            self.jumps.set(moment.segment);
            self.metrics.discontinuities.inc();
        }
        moment
    }

    fn give_out(
        &mut self,
        origin: &Origin,
        moment: Moment,
        ready: &mut Vec<VideoFrame>,
    ) -> Result<(), DecodeError> {
        let [height, width] = self.size;
        ready.push(VideoFrame {
            stamp: Stamp {
                media: moment.media,
                captured_at: origin.captured_at,
                clock: origin.clock,
                arrived: origin.arrived,
                segment: moment.segment,
            },
            width: width as u32,
            height: height as u32,
            pixels: self.scaler.run(&self.frame)?,
        });
        Ok(())
    }

    fn origin(&self, packet: &Packet) -> Origin {
        let ticks = packet.inner.duration();
        let duration = u32::try_from(ticks).ok().filter(|ticks| *ticks > 0).and_then(|ticks| {
            let (numerator, denominator) = self.tick;
            let seconds = f64::from(ticks) * f64::from(numerator) / f64::from(denominator);
            Duration::try_from_secs_f64(seconds).ok()
        });
        Origin {
            pts: packet.inner.pts(),
            dts: packet.inner.dts(),
            duration,
            arrived: packet.arrived,
            captured_at: packet.captured_at,
            clock: packet.clock,
        }
    }

    /// The packet that the current picture came from, as well as timestamps tell.
    fn origin_of_frame(&mut self) -> Origin {
        let (pts, dts) = (self.frame.pts(), Some(self.frame.packet().dts));
        let same = |origin: &Origin| match (pts, origin.pts) {
            (Some(frame), Some(packet)) => frame == packet,
            _ => origin.dts.is_some() && origin.dts == dts,
        };
        match self.sent.iter().position(same) {
            Some(at) => self.sent.remove(at).expect("the position was just found"),
            // A field pair, or no timestamps: the oldest is the likeliest.
            None if self.sent.len() > 1 => self.sent.pop_front().expect("longer than one"),
            None => self.sent.front().copied().unwrap_or(Origin {
                pts: None,
                dts: None,
                duration: None,
                arrived: Instant::now(),
                captured_at: None,
                clock: Clock::None,
            }),
        }
    }

    /// How long after the last key frame a packet is shown; `None` where it cannot be
    /// told, as after a jump.
    fn since_key(&self, origin: &Origin) -> Option<Duration> {
        let key = self.last_key.as_ref()?;
        match (origin.pts.or(origin.dts), key.pts.or(key.dts)) {
            (Some(now), Some(then)) => {
                let (numerator, denominator) = self.tick;
                let ticks = now.checked_sub(then).filter(|ticks| *ticks > 0)?;
                let seconds = ticks as f64 * f64::from(numerator) / f64::from(denominator);
                Duration::try_from_secs_f64(seconds).ok()
            }
            _ if self.live => Some(origin.arrived.saturating_duration_since(key.arrived)),
            _ => None,
        }
    }
}

impl Kept {
    fn restart(&mut self, timeline: &Timeline) {
        self.packets.clear();
        self.bytes = 0;
        self.overflown = false;
        self.checkpoint = timeline.clone();
    }

    fn keep(&mut self, packet: &ffmpeg::Packet, origin: Origin) {
        if self.overflown {
            return;
        }
        self.bytes += packet.size();
        if self.packets.len() >= MOST_KEPT || self.bytes > MOST_KEPT_BYTES {
            self.overflown = true;
            self.packets = Vec::new();
            return;
        }
        self.packets.push((ffi::share(packet), origin));
    }
}
