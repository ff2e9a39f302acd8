//! A stream's latest sound, addressed by media time.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::stretch::Stretch;
use crate::data::{AudioChunk, MediaTime, SoundClip};
use crate::telemetry::metrics::AudioMetrics;

/// Sound that lies so far from its place, in seconds, is a hole or an overlap; nearer is drift.
/// A lost packet of any usual codec is longer.
const JUMP: f64 = 0.015;
/// Drift up to this, in seconds, is left alone: containers round timestamps to milliseconds.
const TOLERATED: f64 = 0.0015;
/// Seconds over which drift is observed.
const OBSERVED: f64 = 1.0;
/// Seconds in which drift beyond what is tolerated would be made up for.
const CORRECTED: f64 = 4.0;
/// Most that sound is stretched or squeezed: a twelfth of a semitone.
const MOST_STRETCH: f64 = 0.005;
/// A clip with less sound than this share of it is none.
const LEAST_SHARE: f64 = 0.5;
/// A clip is whole if the stream was heard for this share of it: a file's sound may end a frame of
/// its codec before its pictures.
const WHOLE_SHARE: f64 = 0.99;
/// A hole of so many seconds is none of the stream's own sound, as a lost packet is: nothing came.
const NOTHING: f64 = 1.0;

/// The last seconds of one segment of a stream. Holes are filled with silence and counted,
/// overlaps are trimmed, and sound whose clock runs apart from the media clock is stretched
/// or squeezed a little, so that every sample stays within a few milliseconds of its time.
pub struct SoundBuffer {
    rate: f64,
    channels: usize,
    /// Samples that are kept.
    capacity: i64,
    /// `[capacity, channels]`; sample `n` of the stream lies at `n` modulo `capacity`.
    ring: Vec<f32>,
    /// The samples that are here, counted from media time zero.
    held: Range<i64>,
    /// Silence that was put in, oldest first.
    gaps: VecDeque<Range<i64>>,
    /// `None` while nothing is held.
    segment: Option<u32>,
    stretch: Stretch,
    /// How much later than its place sound comes, smoothed; samples.
    drift: f64,
    metrics: AudioMetrics,
}

impl SoundBuffer {
    /// For sound of `rate` hertz and `channels`, both above zero, of which `keep` is kept.
    pub fn new(rate: u32, channels: u16, keep: Duration, metrics: AudioMetrics) -> Self {
        let channels = usize::from(channels);
        let capacity = (keep.as_secs_f64() * f64::from(rate)).ceil().max(1.0);
        Self {
            rate: f64::from(rate),
            channels,
            capacity: capacity as i64,
            ring: vec![0.0; capacity as usize * channels],
            held: 0..0,
            gaps: VecDeque::new(),
            segment: None,
            stretch: Stretch::new(channels),
            drift: 0.0,
            metrics,
        }
    }

    /// Takes the next sound, of this buffer's rate and channels. What is of another segment
    /// than what is held clears that first.
    pub fn push(&mut self, chunk: &AudioChunk) {
        debug_assert_eq!(
            (f64::from(chunk.rate), usize::from(chunk.channels)),
            (self.rate, self.channels)
        );
        if chunk.is_empty() {
            return;
        }
        if self.segment != Some(chunk.stamp.segment) {
            self.clear();
            self.segment = Some(chunk.stamp.segment);
            self.begin(chunk.stamp.media);
        }
        let place = self.held.end as f64 + self.stretch.pending();
        let off = chunk.stamp.media.as_nanos() as f64 * self.rate / 1e9 - place;
        let mut samples = &chunk.samples[..];
        if off >= JUMP * self.rate {
            self.fill(self.index(chunk.stamp.media));
        } else if off <= -JUMP * self.rate {
            let overlap = (-off).round().min(chunk.len() as f64);
            self.metrics.trimmed_seconds.inc_by(overlap / self.rate);
            samples = &samples[overlap as usize * self.channels..];
        } else {
            self.steer(off, chunk.len());
        }
        let (ring, held, gaps) = (&mut self.ring, &mut self.held, &mut self.gaps);
        let (channels, capacity) = (self.channels, self.capacity);
        self.stretch.push(samples, |piece| write(ring, held, gaps, channels, capacity, piece));
    }

    /// No more sound follows: what is held back is written.
    pub fn finish(&mut self) {
        let (ring, held, gaps) = (&mut self.ring, &mut self.held, &mut self.gaps);
        let (channels, capacity) = (self.channels, self.capacity);
        self.stretch.finish(|piece| write(ring, held, gaps, channels, capacity, piece));
    }

    /// Forgets all sound.
    pub fn clear(&mut self) {
        self.segment = None;
        self.held = 0..0;
        self.gaps.clear();
        self.stretch.restart();
        self.drift = 0.0;
    }

    /// The segment of what is held; `None` while nothing is.
    pub fn segment(&self) -> Option<u32> {
        self.segment
    }

    /// The moments between which there is sound, silence in holes included.
    pub fn span(&self) -> Range<MediaTime> {
        let at = |n: i64| MediaTime::from_nanos((n as f64 * 1e9 / self.rate).round() as i64);
        at(self.held.start)..at(self.held.end)
    }

    /// Whether all sound before `end` has come.
    pub fn reaches(&self, end: MediaTime) -> bool {
        self.segment.is_some() && self.held.end >= self.index(end)
    }

    /// The last `samples` a channel before `end`, with silence where there is no sound; `None`
    /// where more than half of it would be silence put in. `whole`: where the stream was not heard
    /// from the first to the last of them, and short holes in it, the stream's own, count as heard.
    pub fn cut(&self, end: MediaTime, samples: usize, whole: bool) -> Option<SoundClip> {
        self.segment?;
        let to = self.index(end);
        let wanted = to - samples as i64..to;
        let real = overlap(&wanted, &self.held)?;
        let silent = |least: f64| -> i64 {
            let gaps = self.gaps.iter().filter(|gap| (gap.end - gap.start) as f64 >= least);
            gaps.filter_map(|gap| overlap(&real, gap)).map(|r| r.end - r.start).sum()
        };
        let heard = real.end - real.start;
        let have = (heard - silent(0.0)).max(0);
        let (counted, share) = match whole {
            true => (heard - silent(NOTHING * self.rate), WHOLE_SHARE),
            false => (have, LEAST_SHARE),
        };
        if (counted as f64) < share * samples as f64 {
            return None;
        }
        let mut clip = Vec::with_capacity(samples * self.channels);
        clip.resize((real.start - wanted.start) as usize * self.channels, 0.0);
        let mut at = real.start;
        while at < real.end {
            let slot = at.rem_euclid(self.capacity);
            let run = (real.end - at).min(self.capacity - slot);
            let from = slot as usize * self.channels;
            clip.extend_from_slice(&self.ring[from..from + run as usize * self.channels]);
            at += run;
        }
        clip.resize(samples * self.channels, 0.0);
        Some(SoundClip { samples: Arc::new(clip), silent_gap: samples - have as usize })
    }

    fn index(&self, media: MediaTime) -> i64 {
        (media.as_nanos() as f64 * self.rate / 1e9).round() as i64
    }

    fn begin(&mut self, media: MediaTime) {
        let start = self.index(media);
        self.held = start..start;
    }

    /// A hole up to sample `to`: silence.
    fn fill(&mut self, to: i64) {
        self.finish();
        self.drift = 0.0;
        let missing = to - self.held.end;
        if missing <= 0 {
            return;
        }
        self.metrics.gaps.inc();
        self.metrics.silence_seconds.inc_by(missing.min(self.capacity) as f64 / self.rate);
        if missing >= self.capacity {
            self.held = to..to;
            self.gaps.clear();
            return;
        }
        self.gaps.push_back(self.held.end..to);
        let silence = vec![0.0; missing as usize * self.channels];
        write(
            &mut self.ring,
            &mut self.held,
            &mut self.gaps,
            self.channels,
            self.capacity,
            &silence,
        );
    }

    /// Sound that comes `off` samples later than its place, of `len` samples.
    fn steer(&mut self, off: f64, len: usize) {
        let share = (len as f64 / (OBSERVED * self.rate)).min(1.0);
        self.drift += share * (off - self.drift);
        self.metrics.drifts(self.drift / self.rate);
        let tolerated = TOLERATED * self.rate;
        let excess = self.drift - self.drift.clamp(-tolerated, tolerated);
        let slower = (excess / (CORRECTED * self.rate)).clamp(-MOST_STRETCH, MOST_STRETCH);
        self.stretch.set_speed(1.0 - slower);
    }
}

/// Appends `[samples, channels]`; the oldest give way.
fn write(
    ring: &mut [f32],
    held: &mut Range<i64>,
    gaps: &mut VecDeque<Range<i64>>,
    channels: usize,
    capacity: i64,
    samples: &[f32],
) {
    let mut rest = samples;
    while !rest.is_empty() {
        let slot = held.end.rem_euclid(capacity) as usize * channels;
        let run = rest.len().min(ring.len() - slot);
        ring[slot..slot + run].copy_from_slice(&rest[..run]);
        held.end += (run / channels) as i64;
        rest = &rest[run..];
    }
    held.start = held.start.max(held.end - capacity);
    while gaps.front().is_some_and(|gap| gap.end <= held.start) {
        gaps.pop_front();
    }
}

fn overlap(a: &Range<i64>, b: &Range<i64>) -> Option<Range<i64>> {
    let both = a.start.max(b.start)..a.end.min(b.end);
    (both.start < both.end).then_some(both)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::data::{Stamp, StreamId};
    use crate::telemetry::metrics::Metrics;

    const RATE: u32 = 16_000;

    fn at(seconds: f64) -> MediaTime {
        MediaTime::from_nanos((seconds * 1e9).round() as i64)
    }

    fn buffer() -> (SoundBuffer, AudioMetrics) {
        let metrics = Metrics::new().stream(&StreamId::new("s").unwrap()).audio.clone();
        (SoundBuffer::new(RATE, 1, Duration::from_secs(4), metrics.clone()), metrics)
    }

    fn chunk(media: f64, segment: u32, samples: Vec<f32>) -> AudioChunk {
        let stamp = Stamp { segment, ..Stamp::unclocked(at(media)) };
        AudioChunk { stamp, rate: RATE, channels: 1, samples }
    }

    /// 20 ms of a sine of 440 Hz and half the full scale, from sample `n` on.
    fn tone(n: usize) -> Vec<f32> {
        let value =
            |n: usize| 0.5 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(RATE)).sin();
        (n..n + 320).map(|n| value(n) as f32).collect()
    }

    /// No step is larger than a sine of 440 Hz makes.
    fn assert_no_clicks(samples: &[f32]) {
        let most = 0.5 * std::f32::consts::TAU * 440.0 / RATE as f32 * 1.02;
        for (n, pair) in samples.windows(2).enumerate() {
            assert!((pair[1] - pair[0]).abs() <= most, "a click at {n}: {pair:?}");
        }
    }

    #[test]
    fn what_follows_is_kept_sample_by_sample_also_before_time_zero() {
        let (mut sound, metrics) = buffer();
        for n in 0..400 {
            // Timestamps that are rounded to milliseconds.
            let media = -1.0 + (n as f64 * 20.0 + 0.7).floor() / 1000.0;
            sound.push(&chunk(media, 0, tone(n * 320)));
        }
        sound.finish();
        let clip = sound.cut(at(6.5), 16_000, false).unwrap();
        let wanted: Vec<f32> = (0..400).flat_map(|n| tone(n * 320)).collect();
        assert_eq!(clip.samples[..], wanted[6 * 16_000 + 8000..7 * 16_000 + 8000]);
        assert_eq!(clip.silent_gap, 0);
        assert_eq!(metrics.gaps.get(), 0);
        assert!(sound.reaches(at(7.0)) && !sound.reaches(at(7.001)));
    }

    #[test]
    fn a_lost_packet_is_silence_that_is_counted() {
        let (mut sound, metrics) = buffer();
        for n in (0..100).filter(|n| *n != 50) {
            sound.push(&chunk(n as f64 * 0.02, 0, tone(n * 320)));
        }
        sound.finish();
        let clip = sound.cut(at(2.0), 32_000, false).unwrap();
        assert_eq!(clip.silent_gap, 320);
        assert_eq!(clip.samples[16_000..16_320], [0.0; 320]);
        assert_eq!(clip.samples[16_320..16_640], tone(51 * 320)[..]);
        assert_eq!((metrics.gaps.get(), metrics.silence_seconds.get()), (1, 0.02));
        assert_eq!(sound.cut(at(1.0), 16_000, false).unwrap().silent_gap, 0);
    }

    #[test]
    fn what_overlaps_is_trimmed() {
        let (mut sound, metrics) = buffer();
        for n in [0, 1, 2, 3, 2, 3, 4, 5] {
            sound.push(&chunk(n as f64 * 0.02, 0, tone(n * 320)));
        }
        sound.finish();
        let clip = sound.cut(at(0.12), 6 * 320, false).unwrap();
        let wanted: Vec<f32> = (0..6).flat_map(|n| tone(n * 320)).collect();
        assert_eq!((&clip.samples[..], clip.silent_gap), (&wanted[..], 0));
        assert!((metrics.trimmed_seconds.get() - 0.04).abs() < 1e-9);
    }

    /// The sound's clock runs 800 parts in a million fast or slow against its timestamps.
    #[test]
    fn drift_is_made_up_for_without_clicks_or_holes() {
        for drift in [0.0008, -0.0008] {
            let (mut sound, metrics) = buffer();
            let (mut all, mut told) = (Vec::new(), at(0.0));
            for n in 0..3000 {
                let media = n as f64 * 0.02 * (1.0 + drift);
                sound.push(&chunk(media, 0, tone(n * 320)));
                if n % 50 == 49 {
                    let end = at((sound.span().end.as_seconds() * 100.0).floor() / 100.0);
                    let samples = end.since(told).as_secs_f64() * f64::from(RATE);
                    all.extend_from_slice(
                        &sound.cut(end, samples.round() as usize, false).unwrap().samples,
                    );
                    told = end;
                }
            }
            assert_no_clicks(&all);
            assert_eq!((metrics.gaps.get(), metrics.trimmed_seconds.get()), (0, 0.0));
            // One minute lasts as long as its timestamps say, within what drift may be left.
            let lasted = sound.span().end.as_seconds();
            assert!((lasted - 60.0 * (1.0 + drift)).abs() < 0.008, "{lasted}");
        }
    }

    #[test]
    fn a_new_segment_forgets_the_old_one() {
        let (mut sound, metrics) = buffer();
        (0..50).for_each(|n| sound.push(&chunk(n as f64 * 0.02, 0, tone(n * 320))));
        (0..50).for_each(|n| sound.push(&chunk(9.0 + n as f64 * 0.02, 1, tone(n * 320))));
        assert_eq!(metrics.gaps.get(), 0);
        assert_eq!(sound.segment(), Some(1));
        assert_eq!(sound.cut(at(1.0), 1600, false), None);
        assert!(sound.cut(at(9.9), 1600, false).is_some());
    }

    #[test]
    fn a_clip_that_would_be_mostly_invented_is_none() {
        let (mut sound, _) = buffer();
        assert_eq!(sound.cut(at(1.0), 16_000, false), None);
        (0..50).for_each(|n| sound.push(&chunk(1.0 + n as f64 * 0.02, 0, tone(n * 320))));
        sound.finish();
        assert_eq!(sound.cut(at(1.4), 16_000, false), None, "begins late");
        assert_eq!(sound.cut(at(1.75), 16_000, false).unwrap().silent_gap, 4000);
        assert_eq!(sound.cut(at(2.25), 16_000, false).unwrap().silent_gap, 4000);
        assert_eq!(sound.cut(at(2.6), 16_000, false), None, "stopped");
        assert_eq!(sound.cut(at(99.0), 16_000, false), None);
    }

    #[test]
    fn a_clip_is_whole_if_the_stream_ran_through_all_of_it() {
        let whole = |sound: &SoundBuffer, end| sound.cut(end, 16_000, true);
        let (mut sound, _) = buffer();
        assert!(whole(&sound, at(1.0)).is_none());
        (0..50).for_each(|n| sound.push(&chunk(1.0 + n as f64 * 0.02, 0, tone(n * 320))));
        // A hole of 0.4 s in what goes on until 3 s.
        (20..50).for_each(|n| sound.push(&chunk(2.0 + n as f64 * 0.02, 0, tone(n * 320))));
        sound.finish();
        assert!(whole(&sound, at(1.95)).is_none() && whole(&sound, at(2.0)).is_some());
        assert!(whole(&sound, at(2.4)).is_some(), "the stream's own hole");
        assert!(whole(&sound, at(3.0)).is_some() && whole(&sound, at(3.01)).is_some());
        assert!(whole(&sound, at(3.02)).is_none(), "it has ended");

        // Nothing came for a second and a half: that is not the stream's silence.
        sound.push(&chunk(4.5, 0, tone(48_000)));
        sound.finish();
        assert!(whole(&sound, at(3.5)).is_none() && whole(&sound, at(4.5)).is_none());

        // Four of five packets are lost.
        let (mut sound, _) = buffer();
        (0..100).step_by(5).for_each(|n| sound.push(&chunk(n as f64 * 0.02, 0, tone(n * 320))));
        sound.finish();
        assert_eq!(sound.cut(at(1.5), 16_000, false), None, "mostly invented");
        assert_eq!(whole(&sound, at(1.5)).unwrap().silent_gap, 12_800, "the stream's own holes");
    }

    #[test]
    fn a_long_hole_begins_anew_and_old_sound_gives_way() {
        let (mut sound, metrics) = buffer();
        (0..500).for_each(|n| sound.push(&chunk(n as f64 * 0.02, 0, tone(n * 320))));
        assert_eq!(sound.cut(at(5.0), 16_000, false), None, "longer ago than is kept");
        sound.push(&chunk(60.0, 0, tone(0)));
        assert_eq!(sound.cut(at(60.0), 1600, false), None);
        assert_eq!(metrics.gaps.get(), 1);
    }
}
