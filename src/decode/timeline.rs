//! Timestamps as they come, made into one media time that never goes back.
//!
//! Timestamps wrap around (33 bits in MPEG-TS, 32 in RTP), jump when a camera sets its
//! clock or files are joined, and are missing (RTSP's first frame has none). Lives as long
//! as its stream, over reconnects. Reads no clock: arrival times come with the frames.

use std::time::{Duration, Instant};

use crate::data::MediaTime;

/// Frames by which B-frames may step back; encoders use two or three.
const REORDERED: i64 = 4;
/// Steps back up to this are reordering or jitter; longer ones are jumps.
const MOST_BACK: i64 = 500_000_000;
/// Steps forward up to this (or as long as it really took, or as the frame before was
/// said to last) are pauses; longer ones are jumps.
const MOST_FORWARD: i64 = 10_000_000_000;
/// The first frames of a connection come so much late at most, held back while the stream is looked at.
const HELD_BACK: Duration = Duration::from_secs(2);
/// Used where a file has no timestamps and no frame rate.
const ASSUMED_FRAME: Duration = Duration::from_millis(40);

/// Ticks after which timestamps may begin again.
const WRAPS: [u32; 2] = [33, 32];

/// One frame's time as it came.
#[derive(Debug, Clone, Copy)]
pub struct RawTime {
    /// In ticks of `tick`; `None` where it is missing.
    pub pts: Option<i64>,
    /// Seconds a tick, `(numerator, denominator)`, both above zero.
    pub tick: (i32, i32),
    /// How long the frame is shown, where that is known.
    pub duration: Option<Duration>,
    pub arrived: Instant,
    /// Arrival times mean something.
    pub live: bool,
}

/// Where a frame lies on the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub media: MediaTime,
    /// Goes up at each reconnect and each jump.
    pub segment: u32,
    /// Whether this frame came after a jump of the timestamps.
    pub jumped: bool,
}

/// Where something lies that another track of the same source brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    At {
        media: MediaTime,
        segment: u32,
    },
    /// The leading track has not said yet where it is.
    NotYet,
    /// Far from where the leading track is: one of the two has jumped.
    Elsewhere,
}

/// Cloning takes a checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Where media time begins, in nanoseconds of the timestamps; `None`: at the first frame.
    begins: Option<i64>,
    segment: u32,
    last: Option<Last>,
    /// When media time began, by when frames arrive. What follows a reconnect or a jump of a live
    /// stream is placed by it, so that nothing adds up over many of them.
    began: Option<Instant>,
    /// Opened again, and no frame has come since.
    reopened: bool,
    /// Where another track has come to in this segment, in nanoseconds of media time, while that
    /// lies after the latest frame.
    beside: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    /// What was given out.
    media: i64,
    /// Media time by the timestamps alone; may lie a little before `media`.
    raw: i64,
    /// Media time of timestamp 0, once a timestamp came; nanoseconds.
    offset: Option<i64>,
    tick: (i32, i32),
    duration: Option<Duration>,
    arrived: Instant,
    /// Of a frame, and not of another track ([`Timeline::begin_by`]).
    frame: bool,
}

impl Timeline {
    pub fn new() -> Self {
        Self::default()
    }

    /// Media time begins at this timestamp and not at the first frame, which may be a late one.
    /// Once a frame was placed it changes nothing.
    pub fn begin_at(&mut self, (ticks, tick): (i64, (i32, i32))) {
        self.begins = Some(nanos(ticks, tick));
    }

    /// The stream is about to be opened again: a new segment begins with its next frame, which of a
    /// live stream lies as long after the stream's first as it comes. Told at every try, it counts
    /// once.
    pub fn reconnected(&mut self) {
        if self.last.is_some() && !self.reopened {
            self.reopened = true;
            self.beside = None;
            self.segment += 1;
        }
    }

    /// Counts reconnects and jumps so far.
    pub fn segment(&self) -> u32 {
        self.segment
    }

    /// The latest moment that was given out, or to which another track has come that time began by;
    /// `None` before the first and after a reconnect.
    pub fn latest(&self) -> Option<MediaTime> {
        let last = self.last.filter(|_| !self.reopened)?;
        let beside = self.beside.filter(|_| !last.frame);
        Some(MediaTime::from_nanos(beside.unwrap_or(last.media).max(last.media)))
    }

    /// Places a timestamp of another track, whose clock the frames share; changes nothing.
    ///
    /// `tick` is the other track's, in seconds, both numbers above zero; `shift` in nanoseconds
    /// is what its timestamps are off by, 0 as a rule. May lie before the first frame.
    pub fn beside(&self, pts: i64, tick: (i32, i32), shift: i64) -> Beside {
        let Some(last) = self.last.filter(|_| !self.reopened) else { return Beside::NotYet };
        let Some(offset) = last.offset else { return Beside::NotYet };
        let raw = nanos(pts, tick).saturating_add(offset).saturating_add(shift);
        // Where the frames stay away, the other track may follow itself.
        let near = |raw: &i64| {
            [Some(last.raw), self.beside]
                .into_iter()
                .flatten()
                .any(|anchor| raw.saturating_sub(anchor).saturating_abs() <= MOST_FORWARD)
        };
        let turns = WRAPS.map(|bits| nanos(1 << bits, tick));
        let turned = turns.iter().flat_map(|turn| [raw.saturating_add(*turn), raw - turn]);
        match std::iter::once(raw).chain(turned).find(near) {
            Some(raw) => Beside::At { media: MediaTime::from_nanos(raw), segment: self.segment },
            None => Beside::Elsewhere,
        }
    }

    /// No frame has come for long since the beginning or a reconnect: another track, whose clock
    /// the frames share, says where time is. The first frame may lie before it.
    pub fn begin_by(&mut self, time: RawTime) {
        let before = self.last.map_or(0, |last| last.media);
        self.place(time);
        self.last = self.last.map(|last| Last { media: before, frame: false, ..last });
    }

    /// Another track that was placed in this segment has come to `media`: it may go on from there
    /// however long no frame comes, and the next frame may lie as far on without a jump.
    pub fn followed(&mut self, media: MediaTime, segment: u32) {
        if segment == self.segment && !self.reopened {
            self.beside = Some(media.as_nanos());
        }
    }

    /// Goes back to a checkpoint, from which the frames are placed again; another track is not.
    pub fn go_back(&mut self, checkpoint: Self) {
        let beside = self.beside.filter(|_| self.segment == checkpoint.segment);
        *self = Self { beside, ..checkpoint };
    }

    /// Nanoseconds by which a timestamp of another track is off, were it of `media`.
    pub fn shift_to(&self, pts: i64, tick: (i32, i32), media: MediaTime) -> i64 {
        let offset = self.last.and_then(|last| last.offset).unwrap_or(0);
        media.as_nanos().saturating_sub(nanos(pts, tick).saturating_add(offset))
    }

    /// Places the next frame. Frames come in the order in which they are shown.
    pub fn place(&mut self, time: RawTime) -> Moment {
        let nanos = time.pts.map(|pts| nanos(pts, time.tick));
        let Some(last) = self.last else {
            let late = nanos.zip(self.begins).map_or(0, |(nanos, begins)| (nanos - begins).max(0));
            self.began = Some(time.arrived);
            return self.settle(&time, late, nanos.map(|nanos| late - nanos), false);
        };
        let waited = nanos_of(time.arrived.saturating_duration_since(last.arrived));
        let frame = time.duration.or(last.duration);
        // How far on it is when timestamps do not say.
        let guess = match frame {
            Some(frame) => nanos_of(frame),
            None if time.live => waited,
            None => nanos_of(ASSUMED_FRAME),
        };
        let anew = match self.began {
            Some(began) if time.live => {
                let by_clock = nanos_of(time.arrived.saturating_duration_since(began));
                // Of a clock that is too fast, which has run ahead.
                by_clock.max(last.media + (waited - nanos_of(HELD_BACK)))
            }
            _ if last.frame => last.media + guess,
            _ => self.beside.unwrap_or(last.raw) + guess,
        };
        let anew = anew.max(last.media + 1);
        if std::mem::take(&mut self.reopened) {
            return self.settle(&time, anew, nanos.map(|nanos| anew - nanos), false);
        }
        let Some(nanos) = nanos else {
            // Another track may have led for long before the first frame.
            let next = if last.frame { last.media.max(last.raw) + guess } else { anew };
            return self.settle(&time, next, last.offset, false);
        };
        let Some(offset) = last.offset.filter(|_| last.tick == time.tick || !last.frame) else {
            let media = last.media + guess;
            return self.settle(&time, media, Some(media - nanos), false);
        };
        let longest = [
            MOST_FORWARD,
            if time.live { MOST_FORWARD.saturating_add(waited) } else { 0 },
            last.duration.map_or(0, |d| nanos_of(d).saturating_add(MOST_BACK)),
        ]
        .into_iter()
        .max()
        .unwrap_or(MOST_FORWARD);
        // Packets come in decoding order: B-frames step back by as many frames as lie between.
        let back = last.duration.map_or(0, |d| nanos_of(d).saturating_mul(REORDERED));
        let back = if last.frame { back.max(MOST_BACK) } else { MOST_FORWARD };
        let furthest = self.beside.map_or(last.raw, |beside| beside.max(last.raw));
        let fits = |raw: i64| (last.raw - back..=furthest + longest).contains(&raw);
        let raw = nanos.saturating_add(offset);
        if fits(raw) {
            return self.settle(&time, raw, Some(offset), false);
        }
        for bits in WRAPS {
            let turn = self::nanos(1 << bits, time.tick);
            for turned in [offset.saturating_add(turn), offset.saturating_sub(turn)] {
                let raw = nanos.saturating_add(turned);
                if fits(raw) {
                    return self.settle(&time, raw, Some(turned), false);
                }
            }
        }
        self.segment += 1;
        self.beside = None;
        self.settle(&time, anew, Some(anew - nanos), true)
    }

    fn settle(&mut self, time: &RawTime, raw: i64, offset: Option<i64>, jumped: bool) -> Moment {
        self.beside = self.beside.filter(|beside| *beside > raw);
        let media = self.last.map_or(raw, |last| raw.max(last.media));
        self.last = Some(Last {
            media,
            raw,
            offset,
            tick: time.tick,
            duration: time.duration,
            arrived: time.arrived,
            frame: true,
        });
        Moment { media: MediaTime::from_nanos(media), segment: self.segment, jumped }
    }
}

/// Ticks as nanoseconds, rounded to the nearest, saturating.
fn nanos(ticks: i64, (numerator, denominator): (i32, i32)) -> i64 {
    let denominator = i128::from(denominator.max(1));
    let scaled = i128::from(ticks) * i128::from(numerator) * 1_000_000_000;
    let rounded = (scaled + denominator / 2).div_euclid(denominator);
    rounded.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
