use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::telemetry::metrics::Metrics;

const RATE: u32 = 1000;

/// A look at every picture, a quarter of a second apart.
const SINGLE: Plan = Plan {
    frames: 1,
    step: Duration::from_millis(250),
    stride: 1,
    looks_every: 1,
    longest_gap: None,
    interval: None,
};

/// A look at two pictures, which may be a second apart: the first look may be 1.25 s in coming,
/// and each further one.
const PAIRS: Plan = Plan { frames: 2, longest_gap: Some(Duration::from_secs(1)), ..SINGLE };

/// One stream; times in seconds.
struct Line {
    windower: Windower,
    metrics: StreamMetrics,
    ready: Vec<Window>,
}

fn stamp(media: f64, segment: u32) -> Stamp {
    Stamp { segment, ..Stamp::unclocked(MediaTime::from_nanos((media * 1e9).round() as i64)) }
}

impl Line {
    /// Single pictures and half a second of sound; sound alone has a window every 0.25 s.
    fn new(pictures: bool, live: bool) -> Self {
        Self::of(pictures, live, false)
    }

    /// The same; `whole`: for a model that judges the sound itself.
    fn of(pictures: bool, live: bool, whole: bool) -> Self {
        Self::with(pictures.then_some(SINGLE), live, whole, false)
    }

    /// `alone` as in [`SoundPlan`].
    fn with(plan: Option<Plan>, live: bool, whole: bool, alone: bool) -> Self {
        let metrics = Metrics::new().stream(&StreamId::new("s").unwrap());
        let hop = Duration::from_millis(250);
        let sound = SoundPlan { rate: RATE, channels: 1, samples: 500, hop, whole, alone };
        let stream = StreamId::new("s").unwrap();
        let mut windower = Windower::new(stream, plan, Some(sound), metrics.clone());
        windower.begin(plan.is_some(), true, live);
        Self { windower, metrics, ready: Vec::new() }
    }

    fn frame(&mut self, media: f64, segment: u32) {
        let pixels = Arc::new(vec![0; 3]);
        let frame = VideoFrame { stamp: stamp(media, segment), width: 1, height: 1, pixels };
        self.windower.push(frame, &mut self.ready);
        self.windower.passed(stamp(media, segment).media, &mut self.ready);
    }

    /// A quarter of a second whose samples say at what millisecond they were taken.
    fn sound(&mut self, media: f64, segment: u32) {
        let first = (media * 1000.0).round() as i64;
        let samples = (first..first + 250).map(|ms| ms as f32).collect();
        let chunk = AudioChunk { stamp: stamp(media, segment), rate: RATE, channels: 1, samples };
        self.windower.hear(&chunk, &mut self.ready);
    }

    /// The ends of the windows that came since, and the first and last millisecond heard.
    fn said(&mut self) -> Vec<(f64, Option<(f32, f32)>)> {
        let told = |window: Window| {
            let sound = window.sound.map(|clip| (clip.samples[0], clip.samples[499]));
            (window.end.media.as_seconds(), sound)
        };
        self.ready.drain(..).map(told).collect()
    }

    fn absent(&self) -> u64 {
        self.metrics.audio.absent.get()
    }
}

#[test]
fn a_window_s_sound_ends_where_its_newest_frame_begins() {
    let mut line = Line::new(true, true);
    for n in 0..5 {
        line.sound(f64::from(n) * 0.25, 0);
    }
    line.frame(0.5, 0);
    line.frame(1.0, 0);
    assert_eq!(line.said(), [(0.5, Some((0.0, 499.0))), (1.0, Some((500.0, 999.0)))]);
    assert_eq!(line.absent(), 0);
}

#[test]
fn a_window_waits_for_sound_that_comes_after_its_picture() {
    let mut line = Line::new(true, true);
    (0..3).for_each(|n| line.sound(f64::from(n) * 0.25, 0));
    line.frame(1.0, 0);
    line.frame(1.25, 0);
    assert_eq!(line.said(), []);
    line.sound(0.75, 0);
    assert_eq!(line.said(), [], "the last samples are needed to know what lies between them");
    line.sound(1.0, 0);
    assert_eq!(line.said(), [(1.0, Some((500.0, 999.0)))]);
    line.sound(1.25, 0);
    assert_eq!(line.said(), [(1.25, Some((750.0, 1249.0)))]);
}

#[test]
fn a_stream_whose_sound_stops_waits_once_and_then_no_more() {
    let mut line = Line::new(true, true);
    (0..5).for_each(|n| line.sound(f64::from(n) * 0.25, 0));
    let frames = [1.0, 2.0, 2.5, 3.0, 3.25, 3.5, 4.0, 4.5];
    let said: Vec<usize> = frames
        .iter()
        .map(|media| {
            line.frame(*media, 0);
            line.said().len()
        })
        .collect();
    assert_eq!(said, [1, 0, 0, 0, 0, 1 + 4, 1, 1], "until 1.5 s after 2.0");
    assert_eq!(line.absent(), 7);
    // It comes back.
    (18..21).for_each(|n| line.sound(f64::from(n) * 0.25, 0));
    line.frame(5.0, 0);
    assert_eq!(line.said(), [(5.0, Some((4500.0, 4999.0)))]);
}

#[test]
fn a_file_waits_longer_and_a_stream_without_sound_not_at_all() {
    let mut file = Line::new(true, false);
    file.sound(0.0, 0);
    for n in 1..31 {
        file.frame(f64::from(n), 0);
        assert_eq!(file.said(), []);
    }
    file.frame(31.0, 0);
    assert_eq!(file.said().len(), 31);
    // A container that puts 12 s of pictures before their sound.
    let mut fragments = Line::new(true, false);
    (1..13).for_each(|n| fragments.frame(f64::from(n), 0));
    (0..50).for_each(|n| fragments.sound(f64::from(n) * 0.25, 0));
    let said = fragments.said();
    assert_eq!(said.len(), 12);
    assert!(said.iter().all(|(_, sound)| sound.is_some()), "{said:?}");
    let mut mute = Line::new(true, true);
    mute.windower.begin(true, false, true);
    mute.frame(1.0, 0);
    assert_eq!(mute.said(), [(1.0, None)]);
    assert_eq!(mute.absent(), 1);
}

#[test]
fn no_window_hears_another_segment() {
    let mut line = Line::new(true, true);
    (0..5).for_each(|n| line.sound(f64::from(n) * 0.25, 0));
    // The pictures jump first: their window waits for its own sound.
    line.frame(1.25, 1);
    assert_eq!(line.said(), []);
    (0..3).for_each(|n| line.sound(1.0 + f64::from(n) * 0.25, 1));
    assert_eq!(line.said(), [(1.25, Some((0.0, 1249.0)))], "half of it was to be heard");
    line.frame(1.5, 1);
    assert_eq!(line.said(), [(1.5, Some((1000.0, 1499.0)))]);
    // Late sound of what was before is not heard any more.
    line.sound(1.25, 0);
    line.frame(1.6, 1);
    assert_eq!(line.said().len(), 1);
    // The sound jumps first: what waited has the sound that there was.
    line.frame(2.0, 1);
    assert_eq!(line.said(), []);
    line.sound(9.0, 2);
    assert_eq!(line.said().len(), 1);
}

#[test]
fn sound_alone_makes_a_window_every_hop() {
    let mut line = Line::new(false, true);
    (0..8).for_each(|n| line.sound(f64::from(n) * 0.25, 0));
    let wanted = |end: f64| (end, Some(((end * 1e3 - 500.0) as f32, (end * 1e3 - 1.0) as f32)));
    assert_eq!(line.said(), [0.5, 0.75, 1.0, 1.25, 1.5, 1.75].map(wanted));
    line.windower.finish(&mut line.ready);
    assert_eq!(line.said(), [wanted(2.0)]);
    line.windower.clear();
    // A hole is silence within a window; after a new segment it begins anew.
    line.sound(10.0, 1);
    line.sound(10.5, 1);
    line.sound(10.75, 1);
    let wanted = [(10.5, Some((10_000.0, 0.0))), (10.75, Some((0.0, 10_749.0)))];
    assert_eq!(line.said()[..2], wanted);
}

/// Pieces that come as they like: what counts is when the window's last sample was taken.
#[test]
fn sound_alone_is_captured_when_it_ends() {
    let mut line = Line::new(false, true);
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for (first, last) in [(0, 130), (130, 502), (502, 740), (740, 1010), (1010, 1310)] {
        let media = f64::from(first) / 1000.0;
        let captured_at = Some(began + Duration::from_millis(u64::from(first as u32)));
        let stamp = Stamp { captured_at, ..stamp(media, 0) };
        let samples = (first..last).map(|ms| ms as f32).collect();
        let chunk = AudioChunk { stamp, rate: RATE, channels: 1, samples };
        line.windower.hear(&chunk, &mut line.ready);
    }
    assert_eq!(line.ready.len(), 4);
    for window in &line.ready {
        let after = |stamp: &Stamp| stamp.captured_at.unwrap().duration_since(began).unwrap();
        assert_eq!(after(&window.end), window.end.media.since(MediaTime::from_nanos(0)));
        assert_eq!(after(&window.start), window.start.media.since(MediaTime::from_nanos(0)));
    }
}

/// Sound of half a second from `media` on, captured so long after 1970, both in seconds.
fn captured(media: f64, at: f64) -> AudioChunk {
    let captured_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(at));
    let stamp = Stamp { captured_at, ..stamp(media, 0) };
    AudioChunk { stamp, rate: RATE, channels: 1, samples: vec![0.0; 500] }
}

#[test]
fn sound_alone_is_never_captured_before_the_sound_before_it() {
    let mut line = Line::new(false, true);
    // Five seconds are missing of the media time, and none of the clock's; then the clock is set
    // back by an hour.
    let chunks = [(0.0, 5000.0), (0.5, 5000.5), (6.0, 5001.0), (6.5, 5001.5), (7.0, 1402.0)];
    let mut told = Vec::new();
    for (media, at) in chunks {
        line.windower.hear(&captured(media, at), &mut line.ready);
        let ends = line.ready.drain(..).map(|window| {
            let at = window.end.captured_at.unwrap();
            at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
        });
        told.push(ends.collect::<Vec<_>>());
    }
    let all = told[..4].concat();
    assert!(all.len() > 5 && told[2].len() > 1 && all.is_sorted(), "{told:?}");
    assert!((1401.0..1403.0).contains(told[4].last().unwrap()), "{told:?}");
}

#[test]
fn short_sound_makes_one_window_if_it_fills_half_of_one() {
    let mut line = Line::new(false, false);
    line.sound(0.0, 0);
    line.windower.finish(&mut line.ready);
    assert_eq!(line.said(), [(0.25, Some((0.0, 0.0)))], "it ends where the sound does");
    let mut line = Line::new(false, false);
    let samples = vec![1.0; 240];
    let chunk = AudioChunk { stamp: stamp(0.0, 0), rate: RATE, channels: 1, samples };
    line.windower.hear(&chunk, &mut line.ready);
    line.windower.finish(&mut line.ready);
    assert_eq!(line.said(), []);
    assert_eq!(line.metrics.windows_dropped(DropReason::Partial).get(), 1);
}

#[test]
fn sound_that_is_judged_is_heard_from_beginning_to_end_or_not_at_all() {
    let mut line = Line::of(true, false, true);
    let heard = |line: &mut Line| -> Vec<(f64, bool)> {
        line.said().into_iter().map(|(end, sound)| (end, sound.is_some())).collect()
    };
    // It begins late, has a hole of 0.25 s, and stops early.
    for media in [1.0, 1.25, 1.75, 2.0] {
        line.sound(media, 0);
    }
    [1.0, 1.25, 1.49, 1.5, 1.75, 2.0, 2.25, 2.5].iter().for_each(|end| line.frame(*end, 0));
    line.windower.finish(&mut line.ready);
    let wanted =
        [1.0, 1.25, 1.49, 1.5, 1.75, 2.0, 2.25, 2.5].map(|end| (end, (1.5..=2.25).contains(&end)));
    assert_eq!(heard(&mut line), wanted);
    assert_eq!(line.absent(), 4);

    let mut alone = Line::of(false, false, true);
    alone.sound(0.0, 0);
    alone.windower.finish(&mut alone.ready);
    assert_eq!(alone.said(), [], "half of it would be padding");
    assert_eq!(alone.metrics.windows_dropped(DropReason::Partial).get(), 1);
}

impl Line {
    /// Of pairs of pictures, each quarter of a second of `span`: its sound, then a picture where
    /// `pictured` says so; gives the windows' ends, and whether they have pictures and sound.
    fn played(
        &mut self,
        span: std::ops::Range<f64>,
        pictured: impl Fn(f64) -> bool,
    ) -> Vec<(f64, bool, bool)> {
        let quarters = (span.start * 4.0) as u32..(span.end * 4.0) as u32;
        for at in quarters.map(|quarter| f64::from(quarter) / 4.0) {
            self.sound(at, 0);
            if pictured(at) {
                self.frame(at, 0);
            }
        }
        self.told()
    }

    fn told(&mut self) -> Vec<(f64, bool, bool)> {
        let windows = self.ready.drain(..);
        let of = |w: Window| (w.end.media.as_seconds(), !w.frames.is_empty(), w.sound.is_some());
        windows.map(of).collect()
    }

    fn ended(&mut self) -> Vec<(f64, bool, bool)> {
        self.windower.finish(&mut self.ready);
        self.told()
    }
}

fn alone(ends: std::ops::RangeInclusive<u32>) -> Vec<(f64, bool, bool)> {
    ends.map(|quarter| (f64::from(quarter) / 4.0, false, true)).collect()
}

#[test]
fn pictures_that_make_windows_leave_no_sound_alone() {
    // As often as wanted, as rarely as accepted; the first a second after the sound.
    for pictured in [|_| true, |at: f64| at.fract() == 0.0, |at: f64| at >= 1.0] {
        let mut line = Line::with(Some(PAIRS), true, true, true);
        let told = [line.played(0.0..9.0, pictured), line.ended()].concat();
        assert!(told.len() >= 8, "{told:?}");
        assert!(told.iter().all(|(_, pictures, _)| *pictures), "{told:?}");
    }
    // It may run ahead of them, too.
    let mut line = Line::with(Some(PAIRS), true, true, true);
    line.frame(0.0, 0);
    line.frame(0.25, 0);
    (0..11).for_each(|n| line.sound(f64::from(n) * 0.25, 0));
    assert_eq!(line.told(), [(0.25, true, false)]);
}

#[test]
fn sound_before_a_file_s_first_picture_is_looked_at_alone_once_that_has_come() {
    // A second late, within the patience: until there is a window of pictures none is given.
    let mut line = Line::with(Some(PAIRS), false, true, true);
    assert_eq!(line.played(0.0..1.25, |at| at >= 1.0), []);
    let told = line.played(1.25..2.0, |_| true);
    assert_eq!(told[..3], alone(2..=4), "up to the first picture");
    assert_eq!(told[3].0, 1.25);
    assert!(told[3..].iter().all(|(_, pictures, sound)| *pictures && *sound), "{told:?}");
    assert!(!line.windower.sound_is_alone());
    // Not of a live stream, nor of a model that cannot be told that pictures are missing.
    for (live, alone) in [(true, true), (false, false)] {
        let mut line = Line::with(Some(PAIRS), live, true, alone);
        let told = line.played(0.0..2.0, |at| at >= 1.0);
        assert!(told.len() == 3 && told.iter().all(|(_, pictures, _)| *pictures), "{told:?}");
    }
}

#[test]
fn sound_whose_pictures_are_too_rare_is_looked_at_alone() {
    let mut line = Line::with(Some(PAIRS), true, true, true);
    let told = line.played(0.0..6.0, |at| at % 3.0 == 0.0);
    // Until 1.25 s, and 1.5 s by which sound may be early; then all of it up to that much ago,
    // of which the latest samples are held back.
    assert_eq!(told, alone(2..=17));
    assert_eq!(line.ended(), alone(18..=24));
    // The same of a model that cannot be told that pictures are missing.
    let mut line = Line::with(Some(PAIRS), true, true, false);
    assert_eq!(line.played(0.0..6.0, |at| at % 3.0 == 0.0), []);
    assert_eq!(line.ended(), []);
}

#[test]
fn sound_whose_pictures_stop_is_looked_at_alone_until_they_come_again() {
    let mut line = Line::with(Some(PAIRS), true, true, true);
    let told = line.played(0.0..5.0, |at| at <= 1.0);
    assert!(line.windower.sound_is_alone());
    let seen = told.iter().filter(|(_, pictures, _)| *pictures).count();
    assert_eq!(seen, 4);
    assert_eq!(told[seen..], alone(5..=13), "1.5 s ago");
    let told = line.played(5.0..7.0, |at| at >= 5.0);
    let back = told.iter().position(|(_, pictures, _)| *pictures).unwrap();
    assert_eq!(told[..back], alone(14..=20), "up to a hop before them");
    assert_eq!(told[back].0, 5.25);
    assert!(told[back..].iter().all(|(_, pictures, sound)| *pictures && *sound), "{told:?}");
}

#[test]
fn pictures_are_not_lost_sight_of_while_sound_alone_makes_windows() {
    // Of a file, whose sound is looked at alone 5 s late.
    let mut late = Line::with(Some(PAIRS), false, true, true);
    late.played(0.0..9.0, |_| false);
    let mut blind: Vec<f64> = Vec::new();
    for quarter in 36..80 {
        let at = f64::from(quarter) / 4.0;
        late.played(at..at + 0.25, |_| true);
        blind.extend(late.windower.take_blind().then_some(at));
    }
    assert!(blind.is_empty(), "{blind:?}");
    // Nor where they become too rare, or are from the beginning.
    for often_until in [0.0, 5.0] {
        let mut rare = Line::with(Some(PAIRS), false, true, true);
        for quarter in 0..120 {
            let at = f64::from(quarter) / 4.0;
            rare.played(at..at + 0.25, |at| at < often_until || at % 3.0 == 0.0);
            blind.extend(rare.windower.take_blind().then_some(at));
        }
        assert!(blind.is_empty(), "{blind:?}, often until {often_until} s");
    }
    // Nor of a file that has twenty seconds of pictures before their sound.
    let mut lumps = Line::with(Some(PAIRS), false, true, true);
    for lump in 0..4 {
        let begins = f64::from(lump) * 20.0;
        (0..7).for_each(|n| lumps.frame(begins + f64::from(n) * 3.0, 0));
        (0..80).for_each(|n| lumps.sound(begins + f64::from(n) * 0.25, 0));
        blind.extend(lumps.windower.take_blind().then_some(begins));
    }
    assert!(blind.is_empty(), "{blind:?}, in lumps");
    assert!(!lumps.told().is_empty());
    // With nothing to be heard they are.
    let mut mute = Line::with(Some(PAIRS), false, true, true);
    (0..14).for_each(|third| mute.frame(f64::from(third) * 3.0, 0));
    assert!(mute.windower.take_blind());
}

#[test]
fn in_the_end_no_picture_is_waited_for() {
    let mut short = Line::with(Some(PAIRS), false, true, true);
    assert_eq!(short.played(0.0..1.0, |at| at == 0.0), []);
    assert_eq!(short.ended(), alone(2..=4));
    // Where pictures made windows, sound may be a little longer than they, or much.
    for (long, left) in [(2.0, Vec::new()), (2.5, alone(5..=10))] {
        let mut line = Line::with(Some(PAIRS), false, true, true);
        let told = [line.played(0.0..long, |at| at <= 1.0), line.ended()].concat();
        assert_eq!(told[4..], left, "{long} s");
    }
}
