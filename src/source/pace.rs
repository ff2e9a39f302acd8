//! Releases packets at the speed of their media. Times are passed in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Steps of media time beyond this are jumps, not pauses.
const JUMP: f64 = 10.0;
/// What came late is released at most so much faster than it was made.
const CATCH_UP: f64 = 2.0;
/// How much faster than it was made media is released to find out what the playlist still has.
const HURRY: f64 = 1.25;
/// How long it is released as fast as it was made before that, at first and at most.
const REST: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(160)];
/// Media that must be found by hurrying for the next rest to be a short one, in seconds.
const WORTHWHILE: f64 = 1.0;
/// A hurry that does not come to the newest media in so long never will: it is 75 s away.
const LONGEST_HURRY: Duration = Duration::from_secs(300);
/// What has been late for so long will not be caught up with.
const LATE_FOR: Duration = Duration::from_secs(5);
/// Share of that time which was spent waiting for media, where it is media that is missing.
const WAITED: f64 = 0.25;
/// Of a source that is later than this, though its media was there, no more is read.
const MOST_LATE: Duration = Duration::from_secs(60);
/// Packets that [`Seen`] remembers: more than two minutes at 60 a second.
const REMEMBERED: usize = 8192;

/// When each packet is due.
///
/// A filter graph has every packet at once, and a live playlist those of a whole segment:
/// let go as they come, they would be looked at in bursts, and most of them never.
///
/// How much more a playlist has cannot be seen, and its clock is not ours: at exactly the speed of
/// its media it would be watched later and later, or with a wait before every segment. So after a
/// rest media is released a little faster until it has to be waited for, and from there on at its
/// own speed again. Where its clock is faster by a share `f` below a quarter, it is watched no
/// further behind the newest than at first and the larger of 2 s and 20 s times `f`; 160 s times
/// `f` where `f` has just changed.
pub(super) struct Pace {
    /// Of a playlist.
    segments: bool,
    line: Option<Line>,
    /// When the newest media was released, and its time: tracks lie behind each other by turns.
    newest: Option<(Instant, f64)>,
    /// How long the present rest lasts, or the one after the present hurry.
    rest: Duration,
    spell: Option<Spell>,
}

/// When what is due.
#[derive(Clone, Copy)]
struct Line {
    /// A moment, and the media time that was due then, in seconds.
    start: Instant,
    first: f64,
    /// Media time a second.
    speed: f64,
    /// Since when this line holds.
    since: Instant,
}

impl Line {
    fn due(&self, seconds: f64) -> Instant {
        self.start + duration((seconds - self.first) / self.speed)
    }
}

/// Packets in a row that were late.
struct Spell {
    since: Instant,
    /// How long media was waited for in it.
    waited: Duration,
    /// The latest of them: by how much, when it came, and its media time.
    latest: (Duration, Instant, f64),
}

/// So much more media is there than was released that only the newest is worth reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FarBehind;

impl Pace {
    /// Of a filter graph: in real time, always on time.
    pub fn graph() -> Self {
        Self { segments: false, line: None, newest: None, rest: REST[0], spell: None }
    }

    /// Of a playlist's segments, which come in bursts and sometimes late.
    pub fn segments() -> Self {
        Self { segments: true, ..Self::graph() }
    }

    /// When a packet of media time `seconds`, which was `asked` for when the one before was done
    /// with and is there at `now`, is to be released.
    pub fn due(
        &mut self,
        asked: Instant,
        now: Instant,
        seconds: f64,
    ) -> Result<Instant, FarBehind> {
        let due = match (self.line, self.newest) {
            (Some(line), Some(_)) if !self.segments => line.due(seconds),
            (Some(line), Some((released, before))) if (seconds - before).abs() <= JUMP => {
                self.judge(line, asked, now, seconds)?;
                let on_line = self.line.unwrap_or(line).due(seconds);
                on_line.max(released + duration((seconds - before) / CATCH_UP))
            }
            _ => {
                self.rest = REST[0];
                self.run(Line { start: now, first: seconds, speed: 1.0, since: now });
                now
            }
        };
        let is_behind = |newest: f64| seconds < newest && newest - seconds <= JUMP;
        if !self.newest.is_some_and(|(_, newest)| is_behind(newest)) {
            self.newest = Some((due.max(now), seconds));
        }
        Ok(due)
    }

    /// Chooses another line where it is time for one.
    fn judge(
        &mut self,
        line: Line,
        asked: Instant,
        now: Instant,
        seconds: f64,
    ) -> Result<(), FarBehind> {
        let due = line.due(seconds);
        if now < due {
            self.spell = None;
        } else {
            let late = now - due;
            let spell = self.spell.get_or_insert(Spell {
                since: asked,
                waited: Duration::ZERO,
                latest: (late, now, seconds),
            });
            spell.waited += now.saturating_duration_since(asked);
            if late >= spell.latest.0 {
                spell.latest = (late, now, seconds);
            }
            let (latest, at, first) = spell.latest;
            let lasted = now.saturating_duration_since(spell.since);
            if lasted > LATE_FOR {
                if spell.waited >= lasted.mul_f64(WAITED) {
                    // It does not come faster: what was waited for longest was on time.
                    let gained = at.saturating_duration_since(line.start).as_secs_f64();
                    let gained = (first - line.first - gained).abs();
                    let longer = (2 * self.rest).min(REST[1]);
                    self.rest = if gained >= WORTHWHILE { REST[0] } else { longer };
                    self.run(Line { start: at, first, speed: 1.0, since: now });
                    return Ok(());
                } else if latest > MOST_LATE {
                    return Err(FarBehind);
                }
            }
        }
        let lasted = now.saturating_duration_since(line.since);
        if line.speed > 1.0 && lasted > LONGEST_HURRY {
            return Err(FarBehind);
        }
        if line.speed <= 1.0 && lasted > self.rest && self.spell.is_none() {
            self.run(Line { start: due, first: seconds, speed: HURRY, since: now });
        }
        Ok(())
    }

    fn run(&mut self, line: Line) {
        (self.line, self.spell) = (Some(line), None);
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Which packets of a live playlist were given out lately, so that they are not given out
/// again after a reconnect, when the playlist still holds them.
#[derive(Debug, Default)]
pub struct Seen {
    /// PTS and size of each.
    packets: VecDeque<(i64, usize)>,
}

impl Seen {
    pub(super) fn add(&mut self, packet: (i64, usize)) {
        if self.packets.len() == REMEMBERED {
            self.packets.pop_front();
        }
        self.packets.push_back(packet);
    }

    pub(super) fn has(&self, packet: (i64, usize)) -> bool {
        self.packets.contains(&packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When packets that came in bursts, as `(came, media)` in seconds, are released.
    fn released(mut pace: Pace, packets: &[(f64, f64)]) -> Vec<f64> {
        let start = Instant::now();
        let mut free = start;
        packets
            .iter()
            .map(|&(came, media)| {
                // The reader takes a packet when it has released the one before.
                let now = free.max(start + duration(came));
                free = now.max(pace.due(free, now, media).unwrap());
                (free - start).as_secs_f64()
            })
            .collect()
    }

    /// Media of each packet, in seconds.
    const STEP: f64 = 0.5;

    /// A live playlist and its reader. Numbers are seconds, of media or by our clock.
    struct Live {
        pace: Pace,
        segment: f64,
        /// How long a segment that is asked for is in coming.
        latency: f64,
        random: fastrand::Rng,
        /// When the reader was done with the packet before.
        free: Instant,
        next: u32,
        /// Media that was made until a moment.
        made: (Instant, f64),
        /// The most that lay in the playlist from what was released on.
        furthest: f64,
        far_behind: u32,
        /// Sound lies beside the pictures, and behind them in the packets' order.
        sound: bool,
    }

    impl Live {
        fn new(segment: f64, latency: f64) -> Self {
            let start = Instant::now();
            Self {
                pace: Pace::segments(),
                segment,
                latency,
                random: fastrand::Rng::with_seed(7),
                free: start,
                next: 0,
                // The newest segment is as old as it gets.
                made: (start, 1.99 * segment),
                furthest: 0.0,
                far_behind: 0,
                sound: false,
            }
        }

        /// Goes on for `seconds`, in which media is made at `speed`; each packet keeps the reader
        /// `busy`. Far behind, it is opened again at the newest segment.
        fn run(&mut self, seconds: f64, speed: f64, busy: f64) -> &mut Self {
            let until = self.free + duration(seconds);
            let (begun, made) = self.made;
            let made = |at: Instant| made + (at - begun).as_secs_f64() * speed;
            let newest = |at: Instant, segment: f64| (made(at) / segment).floor() * segment;
            while self.free < until {
                let media = f64::from(self.next) * STEP;
                let (asked, mut now) = (self.free, self.free);
                if media % self.segment == 0.0 {
                    let there = begun + duration((media + self.segment - made(begun)) / speed);
                    if there > now {
                        // A playlist is looked at again after half a segment.
                        now = there + duration(self.random.f64() * self.segment / 2.0);
                    }
                    now += duration(self.latency);
                }
                match self.pace.due(asked, now, media) {
                    Ok(due) => {
                        self.free = due.max(now);
                        if self.sound {
                            let sound = self.pace.due(self.free, self.free, media - 0.9 * STEP);
                            self.free = sound.unwrap().max(self.free);
                        }
                        self.furthest = self.furthest.max(newest(self.free, self.segment) - media);
                        self.free += duration(busy);
                        self.next += 1;
                    }
                    Err(FarBehind) => {
                        self.far_behind += 1;
                        self.pace = Pace::segments();
                        self.next = ((newest(now, self.segment) - self.segment) / STEP) as u32;
                        self.free = now;
                    }
                }
            }
            self.made = (self.free, made(self.free));
            self
        }
    }

    const DAY: f64 = 86_400.0;

    /// Two segments it is at the start, if the next one comes at once.
    #[test]
    fn a_playlist_of_any_clock_is_watched_near_its_newest_media() {
        for (segment, latency) in [(2.0, 0.0), (2.0, 0.3), (6.0, 0.0), (10.0, 0.5)] {
            for (off, days) in [(0.0, 0.5), (1e-4, 20.0), (0.01, 1.0), (0.1, 0.5), (0.2, 0.5)] {
                for (speed, sound) in [(1.0 + off, false), (1.0 - off, false), (1.0 - off, true)] {
                    let mut live = Live { sound, ..Live::new(segment, latency) };
                    live.run(days * DAY, speed, 0.0);
                    let most = 2.0 * segment + latency + STEP + f64::max(2.0, 20.0 * off);
                    assert!(
                        live.furthest <= most,
                        "{speed} {segment} {latency}: {}",
                        live.furthest
                    );
                    assert_eq!(live.far_behind, 0, "{speed} {segment} {latency}");
                }
            }
        }
    }

    #[test]
    fn a_clock_that_changes_is_noticed_after_the_longest_rest() {
        let mut live = Live::new(2.0, 0.0);
        live.run(DAY, 1.0, 0.0);
        for speed in [1.05, 1.0, 0.9, 1.1] {
            live.furthest = 0.0;
            live.run(DAY / 8.0, speed, 0.0);
            let most = 4.0 + STEP + (160.0 + 10.0) * (speed - 1.0).max(0.02);
            assert!(live.furthest <= most, "{speed}: {}", live.furthest);
        }
        assert_eq!(live.far_behind, 0);
    }

    #[test]
    fn where_it_cannot_be_kept_up_with_it_is_begun_with_the_newest() {
        // Media that is made faster than it is ever released, and a reader that is too slow.
        for (speed, busy) in [(1.5, 0.0), (1.0, 0.6)] {
            let mut live = Live::new(2.0, 0.1);
            live.run(DAY, speed, busy);
            assert!(live.furthest < 100.0, "{speed} {busy}: {}", live.furthest);
            assert!((10..=400).contains(&live.far_behind), "{}", live.far_behind);
        }
        // The machine slept for an hour, and the playlist holds it all.
        let mut live = Live::new(2.0, 0.1);
        live.run(100.0, 1.0, 0.0);
        live.free += duration(3600.0);
        live.run(100.0, 1.0, 0.0);
        assert_eq!(live.far_behind, 1);
        live.furthest = 0.0;
        live.run(DAY, 1.0, 0.0);
        assert!(live.furthest < 7.0 && live.far_behind == 1, "{}", live.furthest);
    }

    #[test]
    fn a_burst_is_released_at_the_speed_of_its_media() {
        let burst: Vec<_> = (0..5).map(|n| (0.0, 100.0 + f64::from(n))).collect();
        for pace in [Pace::graph(), Pace::segments()] {
            assert_eq!(released(pace, &burst), [0.0, 1.0, 2.0, 3.0, 4.0]);
        }
    }

    #[test]
    fn a_late_segment_is_caught_up_with_but_not_in_a_burst() {
        // Of segments of four seconds the second is two seconds late.
        let packets: Vec<_> =
            (0..12).map(|n| (if n < 4 { 0.0 } else { 6.0 }, f64::from(n))).collect();
        let got = released(Pace::segments(), &packets);
        assert_eq!(got[..4], [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(got[4..], [6.0, 6.5, 7.0, 7.5, 8.0, 9.0, 10.0, 11.0]);
    }

    #[test]
    fn a_jump_or_a_long_silence_begins_anew() {
        let forward =
            [(0.0, 0.0), (0.0, 1.0), (0.0, 5000.0), (0.0, 5001.0), (0.0, 3.0), (0.0, 4.0)];
        assert_eq!(released(Pace::segments(), &forward), [0.0, 1.0, 1.0, 2.0, 2.0, 3.0]);
        let silent = [(0.0, 0.0), (500.0, 1.0), (500.0, 2.0)];
        assert_eq!(released(Pace::segments(), &silent), [0.0, 500.0, 501.0]);
    }

    #[test]
    fn what_was_seen_is_known_again_and_forgotten_in_time() {
        let mut seen = Seen::default();
        (0..=REMEMBERED as i64).for_each(|n| seen.add((n, 7)));
        assert!(seen.has((REMEMBERED as i64, 7)) && seen.has((1, 7)));
        assert!(!seen.has((1, 8)) && !seen.has((0, 7)));
    }
}
