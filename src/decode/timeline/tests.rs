use super::*;

const MS: Duration = Duration::from_millis(1);
const NOW: Duration = Duration::ZERO;
const CLOCK: (i32, i32) = (1, 90_000);

/// Frames of a file at 25 frames a second, 90 kHz.
struct Feed {
    timeline: Timeline,
    start: Instant,
    live: bool,
    duration: Option<Duration>,
}

impl Feed {
    fn file() -> Self {
        let duration = Some(40 * MS);
        Self { timeline: Timeline::new(), start: Instant::now(), live: false, duration }
    }

    fn live() -> Self {
        Self { live: true, duration: None, ..Self::file() }
    }

    /// Milliseconds of media time, and the moment.
    fn at(&mut self, pts: impl Into<Option<i64>>, arrived: Duration) -> (f64, Moment) {
        let moment = self.timeline.place(RawTime {
            pts: pts.into(),
            tick: CLOCK,
            duration: self.duration,
            arrived: self.start + arrived,
            live: self.live,
        });
        (moment.media.as_nanos() as f64 / 1e6, moment)
    }

    /// Sound at this millisecond of its own clock says where time is.
    fn begin_by(&mut self, ms: i64, arrived: Duration) {
        self.timeline.begin_by(RawTime {
            pts: Some(ms),
            tick: MS_CLOCK,
            duration: None,
            arrived: self.start + arrived,
            live: self.live,
        });
    }
}

/// The other track's, where there is one.
const MS_CLOCK: (i32, i32) = (1, 1000);

fn beside(ms: i64, segment: u32) -> Beside {
    Beside::At { media: MediaTime::from_nanos(ms * 1_000_000), segment }
}

#[test]
fn media_time_begins_at_the_first_frame() {
    let mut feed = Feed::file();
    assert_eq!(feed.at(123_456, NOW).0, 0.0);
    assert_eq!(feed.at(123_456 + 3600, NOW).0, 40.0);
    assert_eq!(feed.at(123_456 + 90_000, NOW).0, 1000.0);
}

#[test]
fn a_file_begins_where_its_first_track_does() {
    let mut late = Feed::file();
    late.timeline.begin_at((1400, MS_CLOCK));
    assert_eq!(late.at(90_000 * 44 / 10, NOW).0, 3000.0);
    let at = MediaTime::from_nanos(500_000_000);
    assert_eq!(late.timeline.beside(1900, MS_CLOCK, 0), Beside::At { media: at, segment: 0 });
    late.timeline.begin_at((0, MS_CLOCK));
    assert_eq!(late.at(90_000 * 44 / 10 + 3600, NOW).0, 3040.0);
    let mut early = Feed::file();
    early.timeline.begin_at((1400, MS_CLOCK));
    assert_eq!(early.at(0, NOW).0, 0.0, "time is never before its beginning");
    let mut untimed = Feed::file();
    untimed.timeline.begin_at((1400, MS_CLOCK));
    assert_eq!(untimed.at(None, NOW).0, 0.0);
}

#[test]
fn another_track_says_where_time_is_until_a_frame_comes() {
    for (first, media, jumped) in [
        (40_000, 39_000.0, false), // where the sound has come to
        (800, 0.0, false),         // a little before it
        (3_000_000, 39_000.0, true),
    ] {
        let mut feed = Feed { duration: None, ..Feed::file() };
        feed.begin_by(1000, NOW);
        assert_eq!(feed.timeline.beside(1500, MS_CLOCK, 0), beside(500, 0));
        feed.timeline.followed(MediaTime::from_nanos(39_000_000_000), 0);
        let (found, moment) = feed.at(first * 90, NOW);
        let frame = if jumped { 40.0 } else { 0.0 };
        assert_eq!((found, moment.jumped), (media + frame, jumped), "{first}");
    }
    let mut live = Feed::live();
    live.at(0, NOW);
    live.timeline.reconnected();
    live.begin_by(500, 10_000 * MS);
    assert_eq!(live.timeline.beside(3500, MS_CLOCK, 0), beside(13_000, 1));
    assert_eq!(live.at(90 * 4500, 14_000 * MS).0, 14_000.0);
}

#[test]
fn a_first_frame_without_a_timestamp_lies_where_the_track_before_it_has_come_to() {
    let mut file = Feed::file();
    file.begin_by(1000, NOW);
    file.timeline.followed(MediaTime::from_nanos(12_000_000_000), 0);
    assert_eq!(file.at(None, NOW).0, 12_040.0);
    let mut live = Feed { duration: Some(40 * MS), ..Feed::live() };
    live.begin_by(1000, NOW);
    live.timeline.followed(MediaTime::from_nanos(12_000_000_000), 0);
    assert_eq!(live.at(None, 12_500 * MS).0, 12_500.0, "by when it comes");
}

#[test]
fn a_track_that_jumps_before_the_first_frame_goes_on_from_where_it_was() {
    let mut feed = Feed::file();
    feed.begin_by(1000, NOW);
    let come_to = MediaTime::from_nanos(20_000_000_000);
    feed.timeline.followed(come_to, 0);
    assert_eq!(feed.timeline.latest(), Some(come_to));
    assert_eq!(feed.timeline.beside(900_000, MS_CLOCK, 0), Beside::Elsewhere);
    let shift = feed.timeline.shift_to(900_000, MS_CLOCK, come_to);
    assert_eq!(feed.timeline.beside(901_000, MS_CLOCK, shift), beside(21_000, 0));
    feed.timeline.followed(MediaTime::from_nanos(21_000_000_000), 0);
    // The frames jumped with it: one jump, after which the two share their clock.
    let (media, moment) = feed.at(90 * 901_040, NOW);
    assert_eq!((media, moment.segment, moment.jumped), (21_040.0, 1, true));
    assert_eq!(feed.timeline.beside(901_500, MS_CLOCK, 0), beside(21_500, 1));
}

#[test]
fn a_wrap_of_33_or_32_bits_is_no_jump() {
    for bits in [33, 32] {
        for mut feed in [Feed::file(), Feed::live()] {
            feed.at((1 << bits) - 1800, NOW);
            let (media, moment) = feed.at(1800, 40 * MS);
            assert_eq!((media, moment.segment, moment.jumped), (40.0, 0, false));
            assert_eq!(feed.at(5400, 80 * MS).0, 80.0);
            // A late frame from before the wrap goes back and changes nothing.
            assert_eq!(feed.at((1 << bits) - 900, 80 * MS).0, 80.0);
            assert_eq!(feed.at(9000, 120 * MS).0, 120.0);
        }
    }
}

#[test]
fn a_small_step_back_is_held_and_not_added_up() {
    let mut feed = Feed::file();
    for (pts, want) in [(0, 0.0), (3600, 40.0), (1800, 40.0), (7200, 80.0)] {
        let (media, moment) = feed.at(pts, NOW);
        assert_eq!((media, moment.jumped), (want, false));
    }
}

#[test]
fn a_jump_begins_a_segment_and_time_runs_on() {
    let mut file = Feed::file();
    file.at(900_000, NOW);
    let (media, moment) = file.at(0, NOW);
    assert_eq!((media, moment.segment, moment.jumped), (40.0, 1, true));
    assert_eq!(file.at(3600, NOW).0, 80.0);
    let (media, moment) = file.at(90_000_000, NOW);
    assert_eq!((media, moment.segment, moment.jumped), (120.0, 2, true));

    let mut live = Feed::live();
    live.at(900_000, NOW);
    let (media, moment) = live.at(0, 250 * MS);
    assert_eq!((media, moment.segment, moment.jumped), (250.0, 1, true));
}

#[test]
fn a_long_pause_that_really_passed_is_no_jump() {
    let mut live = Feed::live();
    live.at(0, NOW);
    let (media, moment) = live.at(90_000 * 60, 60_000 * MS);
    assert_eq!((media, moment.jumped), (60_000.0, false));
    let mut file = Feed { duration: Some(60_000 * MS), ..Feed::file() };
    file.at(0, NOW);
    let (media, moment) = file.at(90_000 * 60, NOW);
    assert_eq!((media, moment.jumped), (60_000.0, false));
}

#[test]
fn missing_timestamps_are_filled_in() {
    // RTSP: the first frame has none.
    let mut live = Feed::live();
    assert_eq!(live.at(None, NOW).0, 0.0);
    assert_eq!(live.at(777_000, 50 * MS).0, 50.0);
    assert_eq!(live.at(777_000 + 3600, 60 * MS).0, 90.0);
    // No timestamps at all.
    let mut file = Feed::file();
    let got: Vec<f64> = (0..4).map(|_| file.at(None, NOW).0).collect();
    assert_eq!(got, [0.0, 40.0, 80.0, 120.0]);
    let mut bare = Feed { duration: None, ..Feed::live() };
    bare.at(None, NOW);
    assert_eq!(bare.at(None, 70 * MS).0, 70.0);
}

#[test]
fn another_track_lies_where_its_timestamps_say() {
    let mut feed = Feed::live();
    assert_eq!(feed.timeline.beside(0, MS_CLOCK, 0), Beside::NotYet);
    feed.at(None, NOW);
    assert_eq!(feed.timeline.beside(0, MS_CLOCK, 0), Beside::NotYet, "no timestamp came");
    feed.at(90_000, 40 * MS);
    assert_eq!(feed.timeline.beside(1000, MS_CLOCK, 0), beside(40, 0));
    assert_eq!(feed.timeline.beside(900, MS_CLOCK, 0), beside(-60, 0), "before the first frame");
    assert_eq!(feed.timeline.beside(1500, MS_CLOCK, 0), beside(540, 0));
    assert_eq!(feed.timeline.beside(3_600_000, MS_CLOCK, 0), Beside::Elsewhere);
    let shift = feed.timeline.shift_to(3_600_000, MS_CLOCK, MediaTime::from_nanos(40_000_000));
    assert_eq!(feed.timeline.beside(3_600_100, MS_CLOCK, shift), beside(140, 0));
    // Nothing of it moved the timeline.
    assert_eq!(feed.at(93_600, 80 * MS).0, 80.0);
    // The pictures jump, and the sound with them.
    feed.at(90_000_000, 120 * MS);
    assert_eq!(feed.timeline.beside(1100, MS_CLOCK, 0), Beside::Elsewhere);
    assert_eq!(feed.timeline.beside(1_000_010, MS_CLOCK, 0), beside(130, 1));
    feed.timeline.reconnected();
    assert_eq!(feed.timeline.beside(1_000_010, MS_CLOCK, 0), Beside::NotYet);
}

#[test]
fn another_track_goes_on_while_no_frame_comes_and_the_next_is_no_jump() {
    let mut feed = Feed::file();
    feed.at(0, NOW);
    for seconds in 1..=25 {
        let at = MediaTime::from_nanos(seconds * 1_000_000_000);
        let beside = feed.timeline.beside(seconds * 1000, MS_CLOCK, 0);
        assert_eq!(beside, Beside::At { media: at, segment: 0 });
        feed.timeline.followed(at, 0);
    }
    assert_eq!(feed.timeline.beside(36_000, MS_CLOCK, 0), Beside::Elsewhere);
    let (media, moment) = feed.at(90_000 * 25, NOW);
    assert_eq!((media, moment.jumped), (25_000.0, false));
    // Frames that are placed again go there without a jump, too.
    let mut again = feed.timeline.clone();
    again.followed(MediaTime::from_nanos(45_000_000_000), 0);
    again.go_back(feed.timeline.clone());
    let mut again = Feed { timeline: again, ..Feed::file() };
    assert!(!again.at(90_000 * 26, NOW).1.jumped && !again.at(90_000 * 50, NOW).1.jumped);
    // From a frame on that has come to it, it is near that again.
    assert_eq!(feed.timeline.beside(36_000, MS_CLOCK, 0), Beside::Elsewhere);
    assert!(feed.at(90_000 * 50, NOW).1.jumped);
}

#[test]
fn one_track_may_wrap_before_the_other() {
    let mut feed = Feed::file();
    feed.at((1 << 33) - 1800, NOW);
    let at = |ms: i64| beside(ms, 0);
    assert_eq!(feed.timeline.beside(1800, CLOCK, 0), at(40));
    feed.at(1800, NOW);
    assert_eq!(feed.timeline.beside((1 << 33) - 900, CLOCK, 0), at(10));
}

#[test]
fn a_reconnect_runs_on_by_the_time_away() {
    let mut live = Feed::live();
    live.timeline.reconnected();
    assert_eq!(live.timeline.segment(), 0, "nothing came before");
    live.at(0, NOW);
    live.at(3600, 40 * MS);
    // Two tries, the second of which leads to a frame.
    live.timeline.reconnected();
    live.timeline.reconnected();
    let (media, moment) = live.at(99_999_999, 5200 * MS);
    assert_eq!((media, moment.segment, moment.jumped), (5200.0, 1, false));
    assert_eq!(live.at(99_999_999 + 3600, 5240 * MS).0, 5240.0);
    // Files of a folder follow each other by one frame.
    let mut file = Feed::file();
    file.at(0, NOW);
    file.timeline.reconnected();
    assert_eq!(file.at(0, 999 * MS).0, 40.0);
}

#[test]
fn what_reconnects_and_jumps_are_wrong_by_does_not_add_up() {
    let mut live = Feed { duration: Some(40 * MS), ..Feed::live() };
    let mut at = Duration::ZERO;
    for round in 0..20 {
        // The first second was held back while the stream was looked at, and comes at once; the
        // last frame came out when the wait for the next was given up.
        let pts = round * 7_777_777;
        let mut last = 0.0;
        for n in 0..100 {
            let came = at + 40 * MS * (n as u32).max(25) + if n == 99 { 10_000 * MS } else { NOW };
            last = live.at((n > 0).then_some(pts + n * 3600), came).0;
        }
        at += 40 * MS * 99;
        let apart = last - at.as_secs_f64() * 1e3;
        assert!(apart.abs() < 50.0, "{apart} ms apart after {round} of them");
        at += 12_000 * MS;
        if round % 2 == 0 {
            live.timeline.reconnected();
        }
    }
    assert_eq!(live.timeline.segment(), 19);
}

#[test]
fn a_clock_that_is_too_fast_leaves_the_time_away_as_it_was() {
    let mut live = Feed::live();
    // Ten per cent: 30 s ahead after 300.
    (0..=300).for_each(|n| {
        live.at(n * 99_000, 1000 * MS * n as u32);
    });
    live.timeline.reconnected();
    let (media, moment) = live.at(5, 320_000 * MS);
    assert_eq!((media, moment.segment), (330_000.0 + 20_000.0 - 2000.0, 1));
}

#[test]
fn whatever_comes_time_never_goes_back() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..300 {
        let mut feed = if round % 2 == 0 { Feed::file() } else { Feed::live() };
        feed.duration = (round % 3 == 0).then_some(40 * MS);
        let (mut pts, mut arrived) = (random.i64(-1 << 34..1 << 34), Duration::ZERO);
        let mut before = Moment { media: MediaTime::ZERO, segment: 0, jumped: false };
        for _ in 0..200 {
            pts = match random.u8(0..20) {
                0 => random.i64(..),
                1 => pts & ((1 << 32) - 1),
                2 => pts.wrapping_sub(random.i64(0..200_000)),
                _ => pts.wrapping_add(random.i64(0..7200)),
            };
            arrived += Duration::from_millis(random.u64(0..100));
            if random.u8(0..40) == 0 {
                feed.timeline.reconnected();
            }
            let (_, moment) = feed.at((random.u8(0..10) > 0).then_some(pts), arrived);
            assert!(moment.media >= before.media, "{before:?} {moment:?}");
            assert!(moment.segment >= before.segment);
            assert!(!moment.jumped || moment.segment > before.segment);
            before = moment;
        }
    }
}
