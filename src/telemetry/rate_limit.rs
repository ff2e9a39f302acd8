//! Lets a few of many alike through.

use std::time::{Duration, Instant};

/// Lets the first `most` of each `period` through and counts the others.
///
/// ```
/// use std::time::{Duration, Instant};
/// use percept::telemetry::RateLimit;
///
/// let mut limit = RateLimit::new(1, Duration::from_secs(10));
/// let start = Instant::now();
/// assert_eq!(limit.pass(start), Some(0));
/// assert_eq!(limit.pass(start), None);
/// if let Some(suppressed) = limit.pass(start + Duration::from_secs(10)) {
///     assert_eq!(suppressed, 1); // a field of the line that is logged now
/// }
/// ```
///
/// Reads no clock, and is for one owner: put it in a `Mutex` where threads share it.
#[derive(Debug, Clone)]
pub struct RateLimit {
    most: u32,
    period: Duration,
    /// Start of the present period and what has passed in it.
    current: Option<(Instant, u32)>,
    suppressed: u64,
}

impl RateLimit {
    /// `most` and `period` must be above zero.
    pub fn new(most: u32, period: Duration) -> Self {
        debug_assert!(most > 0 && !period.is_zero());
        Self { most, period, current: None, suppressed: 0 }
    }

    /// `Some(suppressed)` if one may pass `now`, with the number held back since the last
    /// that did; `None` if this one is held back.
    pub fn pass(&mut self, now: Instant) -> Option<u64> {
        match &mut self.current {
            Some((start, passed)) if now.saturating_duration_since(*start) < self.period => {
                if *passed == self.most {
                    self.suppressed += 1;
                    return None;
                }
                *passed += 1;
            }
            _ => self.current = Some((now, 1)),
        }
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_passed_or_counted_and_told_of_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut limit = RateLimit::new(2, Duration::from_secs(1));
        assert_eq!(limit.pass(at(0)), Some(0));
        assert_eq!(limit.pass(at(10)), Some(0));
        assert_eq!(limit.pass(at(20)), None);
        assert_eq!(limit.pass(at(999)), None);
        assert_eq!(limit.pass(at(1000)), Some(2), "a new period begins");
        assert_eq!(limit.pass(at(1001)), Some(0), "what was told is not told again");
        assert_eq!(limit.pass(at(1002)), None);
        // Periods begin with what passes: after a long silence there is no debt and no credit.
        assert_eq!(limit.pass(at(9000)), Some(1));
        assert_eq!(limit.pass(at(9001)), Some(0));
        assert_eq!(limit.pass(at(9999)), None);
    }

    #[test]
    fn a_time_before_the_period_counts_into_it() {
        let start = Instant::now() + Duration::from_secs(5);
        let mut limit = RateLimit::new(1, Duration::from_secs(1));
        assert_eq!(limit.pass(start), Some(0));
        assert_eq!(limit.pass(start - Duration::from_secs(2)), None);
    }
}
