//! Frames and sound in, windows out.

use std::collections::VecDeque;
use std::time::Duration;

use super::assemble::Assembler;
use super::{Plan, SoundBuffer, SoundPlan};
use crate::data::{AudioChunk, MediaTime, SoundClip, Stamp, StreamId, VideoFrame, Window};
use crate::telemetry::metrics::{DropReason, StreamMetrics};

/// Media time that a window of a live stream waits for its sound to come after its pictures.
/// Cameras send the two up to about a second apart.
const LONGEST_WAIT: Duration = Duration::from_millis(1500);
/// The same of a file, whose windows are in no hurry.
const LONGEST_WAIT_OF_FILE: Duration = Duration::from_secs(5);
/// Sound that is kept beside what a window wants: it may come before its pictures.
const AHEAD: Duration = Duration::from_secs(6);

/// Makes one window a look of one stream.
///
/// Where there are pictures they lead: a window ends with its newest frame, and its sound is
/// what was to be heard before that moment. It waits for sound that is still to come, but not
/// for long, and not at all while the stream is silent. Where there is sound alone, there is a
/// window every hop.
pub struct Windower {
    stream: StreamId,
    metrics: StreamMetrics,
    pictures: Option<Assembler>,
    sound: Option<Listener>,
    /// Whether this connection has pictures that lead.
    pictures_lead: bool,
    longest_wait: Duration,
    waiting: VecDeque<Window>,
    seq: u64,
}

struct Listener {
    plan: SoundPlan,
    buffer: SoundBuffer,
    /// Sound has come lately: it is worth waiting for.
    expected: bool,
    /// The end of the next window, where sound leads.
    due: Option<MediaTime>,
    /// The latest sound.
    stamp: Option<Stamp>,
}

impl Windower {
    pub fn new(
        stream: StreamId,
        pictures: Option<Plan>,
        sound: Option<SoundPlan>,
        metrics: StreamMetrics,
    ) -> Self {
        let sound = sound.map(|plan| {
            let (rate, channels) = (plan.rate, plan.channels);
            let keep = plan.duration() + AHEAD;
            let buffer = SoundBuffer::new(rate, channels, keep, metrics.audio.clone());
            Listener { plan, buffer, expected: false, due: None, stamp: None }
        });
        Self {
            stream,
            pictures: pictures.map(|plan| Assembler::new(plan, metrics.clone())),
            sound,
            pictures_lead: true,
            longest_wait: LONGEST_WAIT,
            waiting: VecDeque::new(),
            metrics,
            seq: 0,
        }
    }

    /// A connection begins, with such tracks.
    pub fn begin(&mut self, pictures: bool, sound: bool, live: bool) {
        self.longest_wait = if live { LONGEST_WAIT } else { LONGEST_WAIT_OF_FILE };
        self.pictures_lead = pictures && self.pictures.is_some();
        if let Some(listener) = &mut self.sound {
            listener.expected = sound;
        }
    }

    /// Takes the next sampled frame and appends the window that it completes, if any.
    pub fn push(&mut self, frame: VideoFrame, ready: &mut Vec<Window>) {
        let Some(frames) = self.pictures.as_mut().and_then(|pictures| pictures.push(frame)) else {
            return;
        };
        self.waiting.push_back(Window::of_frames(self.stream.clone(), 0, frames));
        self.give(ready, |listener, end| {
            !listener.expected || listener.segment_is_past(end) || listener.reaches(end)
        });
    }

    /// Takes the next sound and appends the windows that waited for it, or fall due by it.
    pub fn hear(&mut self, chunk: &AudioChunk, ready: &mut Vec<Window>) {
        let Some(listener) = &mut self.sound else { return };
        if listener.buffer.segment().is_some_and(|segment| chunk.stamp.segment < segment) {
            return; // Of before a jump that was seen already.
        }
        listener.expected = true;
        if listener.buffer.segment().is_some_and(|segment| chunk.stamp.segment > segment) {
            // The last sound that these could have.
            self.give(ready, |listener, end| listener.buffer.segment() == Some(end.segment));
            self.end_of_sound(ready);
        }
        let Some(listener) = &mut self.sound else { return };
        listener.buffer.push(chunk);
        listener.stamp = Some(chunk.stamp);
        if self.pictures_lead {
            self.give(ready, |listener, end| {
                listener.segment_is_past(end) || listener.reaches(end)
            });
        } else {
            self.give_sound(ready);
        }
    }

    /// The stream has come to `media`: where a window has waited for long, none waits any more
    /// until there is sound again.
    pub fn passed(&mut self, media: MediaTime, ready: &mut Vec<Window>) {
        let longest = self.longest_wait;
        let in_vain =
            self.waiting.front().is_some_and(|window| media.since(window.end.media) >= longest);
        if let Some(listener) = self.sound.as_mut().filter(|_| in_vain) {
            listener.expected = false;
            self.give(ready, |_, _| true);
        }
    }

    /// The connection has ended: appends what waited, with the sound that there is.
    pub fn finish(&mut self, ready: &mut Vec<Window>) {
        if let Some(listener) = &mut self.sound {
            listener.buffer.finish();
        }
        if !self.pictures_lead {
            self.give_sound(ready);
        }
        self.end_of_sound(ready);
        self.give(ready, |_, _| true);
    }

    /// Whether this connection has pictures, with which its windows end.
    pub fn pictures_lead(&self) -> bool {
        self.pictures_lead
    }

    /// Windows made so far.
    pub fn made(&self) -> u64 {
        self.seq
    }

    /// The stream was lost or has ended: what is held makes no window any more.
    pub fn clear(&mut self) {
        if let Some(pictures) = &mut self.pictures {
            pictures.clear();
        }
        if let Some(listener) = &mut self.sound {
            listener.buffer.clear();
            (listener.due, listener.stamp) = (None, None);
        }
        self.waiting.clear();
    }

    /// Gives the windows at the front for which `now` holds.
    fn give(&mut self, ready: &mut Vec<Window>, now: impl Fn(&Listener, &Stamp) -> bool) {
        while let Some(window) = self.waiting.front() {
            if self.sound.as_ref().is_some_and(|listener| !now(listener, &window.end)) {
                return;
            }
            let Some(mut window) = self.waiting.pop_front() else { return };
            if let Some(listener) = &self.sound {
                let same = listener.buffer.segment() == Some(window.end.segment);
                window.sound = same.then(|| listener.cut(window.end.media)).flatten();
                if window.sound.is_none() {
                    self.metrics.audio.absent.inc();
                }
            }
            window.seq = self.seq;
            self.seq += 1;
            ready.push(window);
        }
    }

    /// Gives the windows of sound alone that are due.
    fn give_sound(&mut self, ready: &mut Vec<Window>) {
        let Some(listener) = &mut self.sound else { return };
        let span = listener.buffer.span();
        let first = span.start + listener.plan.duration();
        // The first of what is held may be later than was due, after a long hole.
        let mut due = listener.due.unwrap_or(first).max(first);
        while listener.buffer.reaches(due) {
            match listener.window(&self.stream, self.seq, due) {
                Some(window) => {
                    ready.push(window);
                    self.seq += 1;
                }
                None => self.metrics.windows_dropped(DropReason::Partial).inc(),
            }
            due = due + listener.plan.hop;
        }
        listener.due = Some(due);
    }

    /// Sound that was too short for a window makes one all the same, if it fills half of it and
    /// the model bears padding.
    fn end_of_sound(&mut self, ready: &mut Vec<Window>) {
        let Some(listener) = &mut self.sound else { return };
        if self.pictures_lead || listener.buffer.segment().is_none() {
            return;
        }
        let first = listener.buffer.span().start + listener.plan.duration();
        let looked = listener.due.take().is_some_and(|due| due > first);
        if looked {
            return;
        }
        match listener.window(&self.stream, self.seq, first) {
            Some(window) => {
                ready.push(window);
                self.seq += 1;
            }
            None => self.metrics.windows_dropped(DropReason::Partial).inc(),
        }
    }
}

impl Listener {
    fn reaches(&self, end: &Stamp) -> bool {
        self.buffer.segment() == Some(end.segment) && self.buffer.reaches(end.media)
    }

    /// Sound of a later segment has come: none will come for this window.
    fn segment_is_past(&self, end: &Stamp) -> bool {
        self.buffer.segment().is_some_and(|segment| segment > end.segment)
    }

    /// The sound of a window that ends at `end`, if there is enough of it for this model.
    fn cut(&self, end: MediaTime) -> Option<SoundClip> {
        self.buffer.cut(end, self.plan.samples, self.plan.whole)
    }

    /// A window of sound alone that ends at `end`.
    fn window(&self, stream: &StreamId, seq: u64, end: MediaTime) -> Option<Window> {
        let sound = self.cut(end)?;
        let latest = self.stamp?;
        let captured_at = latest.captured_at.and_then(|at| {
            // The latest sound begins before the window's end, or after it.
            at.checked_add(end.since(latest.media))?.checked_sub(latest.media.since(end))
        });
        let stamp = Stamp { media: end, captured_at, ..latest };
        let duration = self.plan.duration();
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let start = Stamp {
            // An encoder's priming lies before the first sound.
            media: MediaTime::from_nanos(end.as_nanos().saturating_sub(nanos).max(0)),
            captured_at: stamp.captured_at.and_then(|at| at.checked_sub(duration)),
            ..stamp
        };
        let silent = Window::empty(stream.clone(), seq, start, stamp);
        Some(Window { sound: Some(sound), ..silent })
    }
}

#[cfg(test)]
mod tests;
