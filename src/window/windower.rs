//! Frames and sound in, windows out.

use std::collections::VecDeque;
use std::time::Duration;

use super::assemble::Assembler;
use super::listener::Listener;
use super::sight::Sight;
use super::{Plan, SoundPlan};
use crate::data::{AudioChunk, MediaTime, Stamp, StreamId, VideoFrame, Window};
use crate::telemetry::metrics::{DropReason, StreamMetrics};

/// Media time by which a live stream's sound may come after its pictures, or they after it.
/// Cameras send the two up to about a second apart.
const LONGEST_WAIT: Duration = Duration::from_millis(1500);
/// The same of a file, for pictures after its sound.
const LONGEST_WAIT_OF_FILE: Duration = Duration::from_secs(5);
/// And for sound after its pictures: windows of a file are in no hurry, and its container may put
/// many seconds of the one before the other (fragmented MP4).
const LONGEST_WAIT_FOR_SOUND_OF_FILE: Duration = Duration::from_secs(30);
/// The most sound that is kept for when its pictures have been waited for in vain.
const MOST_LEFT: Duration = Duration::from_secs(15);
/// Sound that is kept beside what a window wants: it may come before its pictures.
const AHEAD: Duration = Duration::from_secs(6);

/// Makes one window a look of one stream.
///
/// Where there are pictures they lead: a window ends with its newest frame, and its sound is
/// what was to be heard before that moment. It waits for sound that is still to come, but not
/// for long, and not at all while the stream is silent. Where there is sound alone, there is a
/// window every hop. So there is of sound whose pictures fail it: where they have been in coming for
/// longer than they may ([`Plan::patience`]), until they make a window again, and at the end of an
/// input whose pictures made none; and in a file of what comes before its first picture.
pub struct Windower {
    stream: StreamId,
    metrics: StreamMetrics,
    pictures: Option<Assembler>,
    sound: Option<Listener>,
    /// Whether this connection has pictures that lead.
    pictures_lead: bool,
    /// How long the first window of pictures may be in coming, and each further one.
    patience: (Duration, Duration),
    sight: Sight,
    /// There have been windows of sound alone since the latest one of pictures.
    alone: bool,
    live: bool,
    longest_wait: Duration,
    longest_wait_for_sound: Duration,
    waiting: VecDeque<Window>,
    seq: u64,
}

impl Windower {
    pub fn new(
        stream: StreamId,
        pictures: Option<Plan>,
        sound: Option<SoundPlan>,
        metrics: StreamMetrics,
    ) -> Self {
        let patience = pictures.as_ref().map(Plan::patience).unwrap_or_default();
        let sound = sound.map(|plan| {
            let left = if plan.alone { patience.0.min(MOST_LEFT) } else { Duration::ZERO };
            Listener::new(plan, plan.duration() + AHEAD + left, metrics.audio.clone())
        });
        Self {
            stream,
            pictures: pictures.map(|plan| Assembler::new(plan, metrics.clone())),
            sound,
            pictures_lead: true,
            patience,
            sight: Sight::new(patience),
            alone: false,
            live: true,
            longest_wait: LONGEST_WAIT,
            longest_wait_for_sound: LONGEST_WAIT,
            waiting: VecDeque::new(),
            metrics,
            seq: 0,
        }
    }

    /// A connection begins, with such tracks.
    pub fn begin(&mut self, pictures: bool, sound: bool, live: bool) {
        self.live = live;
        (self.longest_wait, self.longest_wait_for_sound) = match live {
            true => (LONGEST_WAIT, LONGEST_WAIT),
            false => (LONGEST_WAIT_OF_FILE, LONGEST_WAIT_FOR_SOUND_OF_FILE),
        };
        self.pictures_lead = pictures && self.pictures.is_some();
        self.alone &= self.pictures_lead;
        if let Some(listener) = &mut self.sound {
            listener.expected = sound;
        }
    }

    /// Takes the next sampled frame and appends the window that it completes, if any.
    pub fn push(&mut self, frame: VideoFrame, ready: &mut Vec<Window>) {
        let media = frame.stamp.media;
        let Some(frames) = self.pictures.as_mut().and_then(|pictures| pictures.push(frame)) else {
            return self.sight.picture(media, self.sound_may_take());
        };
        let window = Window::of_frames(self.stream.clone(), 0, frames);
        let (start, end, wait, live) = (window.start, window.end, self.longest_wait, self.live);
        // Sound that was over before a file's first picture (of a live stream it is old by now),
        // and such that was alone until now, where a window of it still lies before this one.
        self.give_sound(ready, |listener, due| {
            let before = !live && listener.is_bare() && due <= start.media;
            let left = due + listener.plan.hop <= end.media && listener.is_left_alone(wait);
            listener.buffer.segment() == Some(end.segment) && (before || left)
        });
        if let Some(listener) = &mut self.sound {
            listener.pictured(&end, self.patience.1);
        }
        self.sight.window(media);
        self.waiting.push_back(window);
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
        if listener.buffer.segment().is_some_and(|segment| chunk.stamp.segment > segment) {
            // The last sound that these could have.
            self.give(ready, |listener, end| listener.buffer.segment() == Some(end.segment));
            self.end_of_sound(ready);
        }
        let (pictures_lead, wait) = (self.pictures_lead, self.longest_wait);
        let Some(listener) = &mut self.sound else { return };
        listener.hear(chunk, self.patience.0);
        if pictures_lead {
            self.give(ready, |listener, end| {
                listener.segment_is_past(end) || listener.reaches(end)
            });
            self.give_sound(ready, |listener, due| {
                listener.is_left_alone(wait) && listener.buffer.reaches(due + wait)
            });
        } else {
            self.give_sound(ready, |_, _| true);
        }
    }

    /// The stream has come to `media`: where a window has waited for long, none waits any more
    /// until there is sound again.
    pub fn passed(&mut self, media: MediaTime, ready: &mut Vec<Window>) {
        let longest = self.longest_wait_for_sound;
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
            self.give_sound(ready, |_, _| true);
        }
        self.give(ready, |_, _| true);
        self.end_of_sound(ready);
    }

    /// Whether this connection has pictures, with which its windows end.
    pub fn pictures_lead(&self) -> bool {
        self.pictures_lead
    }

    /// Whether there are pictures, and sound is looked at without them, for they make no windows.
    pub fn sound_is_alone(&self) -> bool {
        self.alone && self.waiting.is_empty()
    }

    /// Whether pictures have come for so long without making a window that nothing is seen any
    /// more; says so once, until there is a window again.
    pub fn take_blind(&mut self) -> bool {
        self.sight.take_lost()
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
            listener.clear();
        }
        self.sight.clear();
        self.waiting.clear();
    }

    /// How much longer than pictures a window of their sound alone may be in coming: sound may
    /// come after them, and then so much of it is waited for.
    fn sound_may_take(&self) -> Duration {
        let heard = self.sound.as_ref().filter(|l| l.expected && l.plan.alone);
        let waited = self.longest_wait + self.longest_wait_for_sound;
        heard.map_or(Duration::ZERO, |listener| waited + listener.plan.hop)
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
            self.alone = false;
            ready.push(window);
        }
    }

    /// Gives the windows of sound alone that are due and whose sound has come, as long as `now`
    /// holds.
    fn give_sound(&mut self, ready: &mut Vec<Window>, now: impl Fn(&Listener, MediaTime) -> bool) {
        let Some(listener) = &mut self.sound else { return };
        let is_now = |listener: &Listener, due| listener.buffer.reaches(due) && now(listener, due);
        while let Some(due) = listener.due().filter(|due| is_now(listener, *due)) {
            match listener.window(&self.stream, self.seq, due) {
                Some(window) => {
                    // It may lie long before the pictures, which say by their own time whether
                    // they are too rare.
                    self.sight.clear();
                    self.alone = self.pictures_lead;
                    ready.push(window);
                    self.seq += 1;
                }
                None => self.metrics.windows_dropped(DropReason::Partial).inc(),
            }
            listener.looked(due);
        }
    }

    /// The sound of a segment has ended: gives what pictures left alone. Sound without pictures
    /// that was too short for a window makes one all the same, if it fills half of it and the
    /// model bears padding.
    fn end_of_sound(&mut self, ready: &mut Vec<Window>) {
        if self.pictures_lead {
            return self.give_sound(ready, |listener, _| listener.is_left_in_the_end());
        }
        let Some(listener) = &mut self.sound else { return };
        let Some(due) = listener.due().filter(|_| !listener.has_looked()) else { return };
        match listener.window(&self.stream, self.seq, due) {
            Some(window) => {
                ready.push(window);
                self.seq += 1;
            }
            None => self.metrics.windows_dropped(DropReason::Partial).inc(),
        }
    }
}

#[cfg(test)]
mod tests;
