//! Releases packets at the speed of their media. Times are passed in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Steps of media time beyond this are jumps, not pauses.
const JUMP: f64 = 10.0;
/// What came late is released at most so much faster than it was made.
const CATCH_UP: f64 = 2.0;
/// A source that is later than this begins anew: it is not caught up with.
const MOST_LATE: Duration = Duration::from_secs(60);
/// Packets that [`Seen`] remembers: more than two minutes at 60 a second.
const REMEMBERED: usize = 8192;

/// When each packet is due.
///
/// A filter graph has every packet at once, and a live playlist those of a whole segment:
/// let go as they come, they would be looked at in bursts, and most of them never.
pub(super) struct Pace {
    /// What comes late is caught up with no faster than [`CATCH_UP`].
    segments: bool,
    /// A moment, and the media time that was due then, in seconds.
    line: Option<(Instant, f64)>,
    /// The same of the packet before.
    last: Option<(Instant, f64)>,
}

impl Pace {
    /// Of a filter graph: in real time, always on time.
    pub fn graph() -> Self {
        Self { segments: false, line: None, last: None }
    }

    /// Of a playlist's segments, which come in bursts and sometimes late.
    pub fn segments() -> Self {
        Self { segments: true, ..Self::graph() }
    }

    /// When a packet of media time `seconds` that is there at `now` is to be released.
    pub fn due(&mut self, now: Instant, seconds: f64) -> Instant {
        let due = match (self.line, self.last) {
            (Some((start, first)), Some((released, before))) => {
                let step = seconds - before;
                let on_line = start + duration(seconds - first);
                let late = now.saturating_duration_since(on_line);
                if self.segments && (step.abs() > JUMP || late > MOST_LATE) {
                    self.line = Some((now, seconds));
                    now
                } else if self.segments {
                    on_line.max(released + duration(step / CATCH_UP))
                } else {
                    on_line
                }
            }
            _ => {
                self.line = Some((now, seconds));
                now
            }
        };
        self.last = Some((due.max(now), seconds));
        due
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
                free = now.max(pace.due(now, media));
                (free - start).as_secs_f64()
            })
            .collect()
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
