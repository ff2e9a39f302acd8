//! Notices that the machine cannot keep up with its streams.

use std::time::{Duration, Instant};

use crate::data::Stamp;

/// How long figures are gathered before they are judged.
const PERIOD: Duration = Duration::from_secs(30);
/// A warning is not repeated sooner.
const QUIET: Duration = Duration::from_secs(300);
/// A stream that falls behind by so much within a period is read too slowly.
const TOO_LATE: Duration = Duration::from_secs(5);
/// A single frame that comes so much later than it should was sent late, or kept by the network.
const PAUSE: Duration = Duration::from_secs(2);
/// Share of windows dropped from which it is worth a warning.
const TOO_MANY: f64 = 0.05;
/// Share of a period from which the model counts as the reason: windows that come in a
/// burst are dropped by a model that has little to do as well.
const BUSY: f64 = 0.6;

/// Figures of one period in which too many live windows were dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behind {
    pub seen: u64,
    pub dropped: u64,
    /// Share of the period that the model was at work, in `[0, 1]`.
    pub busy: f64,
}

/// Counts a period's windows. Times are passed in.
pub struct KeepUp {
    since: Instant,
    busy: Duration,
    /// Totals at the period's start.
    seen: u64,
    dropped: u64,
    quiet_until: Option<Instant>,
}

impl KeepUp {
    pub fn new(now: Instant) -> Self {
        Self { since: now, busy: Duration::ZERO, seen: 0, dropped: 0, quiet_until: None }
    }

    pub fn worked(&mut self, time: Duration) {
        self.busy += time;
    }

    /// Judges the period when it is over; `seen` and `dropped` are totals of all live streams.
    pub fn judge(&mut self, now: Instant, seen: u64, dropped: u64) -> Option<Behind> {
        let period = now.duration_since(self.since);
        if period < PERIOD {
            return None;
        }
        // Totals shrink when a stream leaves.
        let behind = Behind {
            seen: seen.saturating_sub(self.seen),
            dropped: dropped.saturating_sub(self.dropped),
            busy: (self.busy.as_secs_f64() / period.as_secs_f64()).min(1.0),
        };
        (self.since, self.busy, self.seen, self.dropped) = (now, Duration::ZERO, seen, dropped);
        let share = behind.dropped as f64 / (behind.seen + behind.dropped).max(1) as f64;
        let fine = share <= TOO_MANY || behind.busy < BUSY;
        if fine || self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        self.quiet_until = Some(now + QUIET);
        Some(behind)
    }
}

/// Notices that a live stream is read more slowly than it is sent: its frames come later
/// and later after their media time. Times are passed in.
#[derive(Default)]
pub struct Lag {
    origin: Option<Stamp>,
    before: Option<Stamp>,
    /// When the latest pause was excused: what pauses again and again is read too slowly.
    excused: Option<Instant>,
    quiet_until: Option<Instant>,
}

impl Lag {
    /// How far a stream fell behind within one period, once it is worth a warning.
    ///
    /// Clocks of cameras drift, but not by seconds within a period.
    pub fn frame(&mut self, stamp: &Stamp) -> Option<Duration> {
        let origin = self.origin.get_or_insert(*stamp);
        let before = self.before.replace(*stamp).unwrap_or(*stamp);
        let pause = stamp.arrived.saturating_duration_since(before.arrived);
        let pause = pause.saturating_sub(stamp.media.since(before.media));
        let excused = self.excused.map(|at| stamp.arrived.saturating_duration_since(at));
        if pause > PAUSE && excused.is_none_or(|ago| ago > PERIOD) {
            origin.arrived += pause;
            self.excused = Some(stamp.arrived);
        }
        let taken = stamp.arrived.saturating_duration_since(origin.arrived);
        let sent = stamp.media.since(origin.media);
        if stamp.segment != origin.segment || taken > PERIOD || taken < sent {
            *origin = *stamp;
            return None;
        }
        let behind = taken - sent;
        if behind < TOO_LATE || self.quiet_until.is_some_and(|until| stamp.arrived < until) {
            return None;
        }
        self.quiet_until = Some(stamp.arrived + QUIET);
        Some(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Clock, MediaTime};

    fn stamp(began: Instant, media: f64, arrived: f64) -> Stamp {
        Stamp {
            media: MediaTime::from_nanos((media * 1e9) as i64),
            captured_at: None,
            clock: Clock::Arrival,
            arrived: began + Duration::from_secs_f64(arrived),
            segment: 0,
        }
    }

    #[test]
    fn a_stream_that_is_read_too_slowly_falls_behind_and_a_late_frame_does_not() {
        let began = Instant::now();
        let mut lag = Lag::default();
        let mut frame = |media: f64, arrived: f64| lag.frame(&stamp(began, media, arrived));
        assert_eq!((frame(0.0, 0.0), frame(2.0, 3.0), frame(4.0, 4.1)), (None, None, None));
        // From here on each two seconds of media take three.
        let told: Vec<_> = (1..12)
            .filter_map(|n| frame(4.0 + 2.0 * f64::from(n), 4.1 + 3.0 * f64::from(n)))
            .collect();
        assert_eq!(told.len(), 1, "said once: {told:?}");
        assert!(told[0] >= TOO_LATE);
        // A camera that paused for 8 s, and sends on from where it was.
        let mut lag = Lag::default();
        let late = |n: u32| if n < 10 { 0.0 } else { 8.0 };
        let told = (0..60).filter_map(|n| {
            let at = f64::from(n) * 0.5;
            lag.frame(&stamp(began, at, at + late(n)))
        });
        assert_eq!(told.count(), 0);
        // Looks four seconds apart of what is read at half its speed.
        let mut lag = Lag::default();
        let told = (0..20).filter_map(|n| {
            let at = f64::from(n) * 4.0;
            lag.frame(&stamp(began, at, 2.0 * at))
        });
        assert_eq!(told.count(), 1);
    }

    #[test]
    fn warns_with_the_period_s_own_figures_and_not_every_time() {
        let start = Instant::now();
        let mut keep_up = KeepUp::new(start);
        assert_eq!(keep_up.judge(start + PERIOD / 2, 10, 10), None, "the period is not over");
        assert_eq!(keep_up.judge(start + PERIOD, 100, 5), None, "few were dropped");
        keep_up.worked(PERIOD * 3 / 4);
        let behind = keep_up.judge(start + 2 * PERIOD, 160, 45).unwrap();
        assert_eq!(behind, Behind { seen: 60, dropped: 40, busy: 0.75 });
        keep_up.worked(PERIOD);
        assert_eq!(keep_up.judge(start + 3 * PERIOD, 160, 90), None, "said a moment ago");
        keep_up.worked(QUIET);
        assert!(keep_up.judge(start + 2 * PERIOD + QUIET, 160, 190).is_some());
    }

    #[test]
    fn a_burst_that_an_idle_model_drops_is_no_overload() {
        let start = Instant::now();
        let mut keep_up = KeepUp::new(start);
        keep_up.worked(PERIOD / 4);
        assert_eq!(keep_up.judge(start + PERIOD, 50, 50), None);
    }
}
