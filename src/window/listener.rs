//! A stream's sound, and when a window of it alone is due.

use std::time::{Duration, SystemTime};

use super::{SoundBuffer, SoundPlan};
use crate::data::{AudioChunk, MediaTime, SoundClip, Stamp, StreamId, Window};
use crate::telemetry::metrics::AudioMetrics;

/// Hears one stream for its windows.
pub(super) struct Listener {
    pub plan: SoundPlan,
    pub buffer: SoundBuffer,
    /// Sound has come lately: it is worth waiting for.
    pub expected: bool,
    turn: Option<Turn>,
    /// The latest sound.
    stamp: Option<Stamp>,
    /// When the window before was captured: none was before that, until the clock is set back.
    before: Option<SystemTime>,
}

/// When windows of sound alone are due, in one segment.
struct Turn {
    segment: u32,
    /// The end of the next one.
    due: MediaTime,
    /// Until then a window of pictures is waited for, where there are pictures.
    awaited: MediaTime,
    /// Pictures have made a window in this segment.
    pictured: bool,
}

impl Listener {
    /// `keep`: how much sound is kept.
    pub fn new(plan: SoundPlan, keep: Duration, metrics: AudioMetrics) -> Self {
        let buffer = SoundBuffer::new(plan.rate, plan.channels, keep, metrics);
        Self { plan, buffer, expected: false, turn: None, stamp: None, before: None }
    }

    /// Takes the next sound. Where it begins a segment, `patience` is how long the first window
    /// of pictures may be in coming.
    pub fn hear(&mut self, chunk: &AudioChunk, patience: Duration) {
        self.expected = true;
        self.buffer.push(chunk);
        let last = self.stamp.replace(chunk.stamp).and_then(|stamp| stamp.captured_at);
        if chunk.stamp.captured_at < last {
            self.before = None;
        }
        let Some(segment) = self.buffer.segment() else { return };
        if self.turn.as_ref().is_none_or(|turn| turn.segment != segment) {
            let begins = self.buffer.span().start;
            let due = begins + self.plan.duration();
            self.turn = Some(Turn { segment, due, awaited: begins + patience, pictured: false });
        }
    }

    /// Pictures have made a window that ends at `end`; `patience` is how long the next one may be
    /// in coming.
    pub fn pictured(&mut self, end: &Stamp, patience: Duration) {
        self.before = end.captured_at;
        let due = end.media + self.plan.hop;
        let later = self.turn.as_ref().filter(|turn| turn.segment == end.segment);
        self.turn = Some(Turn {
            segment: end.segment,
            due: later.map_or(due, |turn| turn.due.max(due)),
            awaited: end.media + patience,
            pictured: true,
        });
    }

    /// When the next window of sound alone is due; `None` while there is no sound.
    pub fn due(&self) -> Option<MediaTime> {
        let turn = self.turn()?;
        // The first of what is held may be later than was due, after a long hole.
        Some(turn.due.max(self.buffer.span().start + self.plan.duration()))
    }

    /// The window of sound alone that is due was given, or cannot be.
    pub fn looked(&mut self, due: MediaTime) {
        if let Some(turn) = &mut self.turn {
            turn.due = due + self.plan.hop;
        }
    }

    /// Whether a window of sound alone was due before, in the segment of what is held.
    pub fn has_looked(&self) -> bool {
        let first = self.buffer.span().start + self.plan.duration();
        self.turn().is_some_and(|turn| turn.due > first)
    }

    /// Whether no window of pictures is waited for any more: there is sound of `ahead` after the
    /// moment until which it was.
    pub fn is_left_alone(&self, ahead: Duration) -> bool {
        self.plan.alone && self.turn().is_some_and(|turn| self.buffer.reaches(turn.awaited + ahead))
    }

    /// Whether pictures have made no window yet, and sound may be looked at without them.
    pub fn is_bare(&self) -> bool {
        self.plan.alone && self.turn().is_some_and(|turn| !turn.pictured)
    }

    /// Whether no window of pictures can come any more of an input that has ended, and one should
    /// have, or none has come at all.
    pub fn is_left_in_the_end(&self) -> bool {
        self.is_bare() || self.is_left_alone(Duration::ZERO)
    }

    pub fn clear(&mut self) {
        self.buffer.clear();
        (self.turn, self.stamp, self.before) = (None, None, None);
    }

    /// Whether all sound before `end` has come.
    pub fn reaches(&self, end: &Stamp) -> bool {
        self.buffer.segment() == Some(end.segment) && self.buffer.reaches(end.media)
    }

    /// Sound of a later segment has come: none will come for this window.
    pub fn segment_is_past(&self, end: &Stamp) -> bool {
        self.buffer.segment().is_some_and(|segment| segment > end.segment)
    }

    /// The sound of a window that ends at `end`, if there is enough of it for this model.
    pub fn cut(&self, end: MediaTime) -> Option<SoundClip> {
        self.buffer.cut(end, self.plan.samples, self.plan.whole)
    }

    /// A window of sound alone that ends at `end`.
    pub fn window(&mut self, stream: &StreamId, seq: u64, end: MediaTime) -> Option<Window> {
        let sound = self.cut(end)?;
        let latest = self.stamp?;
        let due = end;
        // What is padded has not been there.
        let end = due.min(self.buffer.span().end);
        let captured_at = latest.captured_at.and_then(|at| {
            // The latest sound begins before the window's end, or after it. Over a hole of the
            // media time alone that leads too far back.
            let at = at.checked_add(end.since(latest.media))?;
            let at = at.checked_sub(latest.media.since(end))?;
            Some(self.before.map_or(at, |before| at.max(before)))
        });
        self.before = captured_at;
        let stamp = Stamp { media: end, captured_at, ..latest };
        let duration = self.plan.duration();
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let start = Stamp {
            // An encoder's priming lies before the first sound.
            media: MediaTime::from_nanos(due.as_nanos().saturating_sub(nanos).max(0)),
            captured_at: stamp.captured_at.and_then(|at| at.checked_sub(duration)),
            ..stamp
        };
        let silent = Window::empty(stream.clone(), seq, start, stamp);
        Some(Window { sound: Some(sound), ..silent })
    }

    /// Of the segment that is heard.
    fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref().filter(|turn| self.buffer.segment() == Some(turn.segment))
    }
}
