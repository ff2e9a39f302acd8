//! Notices that the machine cannot keep up with its streams.

use std::time::{Duration, Instant};

/// How long figures are gathered before they are judged.
const PERIOD: Duration = Duration::from_secs(30);
/// A warning is not repeated sooner.
const QUIET: Duration = Duration::from_secs(300);
/// Share of windows dropped from which it is worth a warning.
const TOO_MANY: f64 = 0.05;

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
        if share <= TOO_MANY || self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        self.quiet_until = Some(now + QUIET);
        Some(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_with_the_period_s_own_figures_and_not_every_time() {
        let start = Instant::now();
        let mut keep_up = KeepUp::new(start);
        assert_eq!(keep_up.judge(start + PERIOD / 2, 10, 10), None, "the period is not over");
        assert_eq!(keep_up.judge(start + PERIOD, 100, 5), None, "few were dropped");
        keep_up.worked(PERIOD / 2);
        let behind = keep_up.judge(start + 2 * PERIOD, 160, 45).unwrap();
        assert_eq!(behind, Behind { seen: 60, dropped: 40, busy: 0.5 });
        assert_eq!(keep_up.judge(start + 3 * PERIOD, 160, 90), None, "said a moment ago");
        assert!(keep_up.judge(start + 2 * PERIOD + QUIET, 160, 190).is_some());
    }
}
