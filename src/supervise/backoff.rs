//! How long to wait before trying again.

use std::time::{Duration, Instant};

/// Waits between tries; `first` is above zero and at most `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    pub first: Duration,
    pub most: Duration,
    /// After a wrong password: cameras lock accounts that knock too often.
    pub unauthorized: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        let [first, most, unauthorized] = [1, 60, 300].map(Duration::from_secs);
        Self { first, most, unauthorized }
    }
}

/// Exponential waits with jitter: each is drawn from the upper half of a span that
/// doubles from `first` to `most`. There is no first try without a wait: a retry waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    span: Duration,
}

impl Backoff {
    /// `first` must be above zero and at most `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        debug_assert!(!first.is_zero() && first <= most);
        Self { first, most, span: first }
    }

    /// The next wait; `draw` is uniform in `[0, 1)`.
    pub fn next(&mut self, draw: f64) -> Duration {
        let wait = self.span.mul_f64(0.5 + 0.5 * draw.clamp(0.0, 1.0));
        self.span = (self.span * 2).min(self.most);
        wait
    }

    /// Waits begin from `first` again: what was tried has run well.
    pub fn reset(&mut self) {
        self.span = self.first;
    }
}

/// What has run for so long has run well: the next wait is short again.
const RUN_WELL: Duration = Duration::from_secs(30);

/// How long what was tried has run: neither the time in which it could not be opened nor a last
/// silence counts. Times are passed in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// When it first and when it last gave something.
    span: Option<(Instant, Instant)>,
}

impl Run {
    /// It gave something.
    pub fn gave(&mut self, at: Instant) {
        let (first, _) = self.span.unwrap_or((at, at));
        self.span = Some((first, at));
    }

    /// Whether it ran well: long enough for [`Backoff::reset`].
    pub fn was_well(&self) -> bool {
        self.span.is_some_and(|(first, last)| last.saturating_duration_since(first) >= RUN_WELL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_to_the_most_and_are_never_zero() {
        let mut backoff = Backoff::new(S, 5 * S);
        let longest: Vec<_> = (0..5).map(|_| backoff.next(1.0)).collect();
        assert_eq!(longest, [S, 2 * S, 4 * S, 5 * S, 5 * S]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), S / 2);
        assert_eq!(backoff.next(0.0), S);
    }

    #[test]
    fn only_what_gave_something_for_long_ran_well() {
        let start = Instant::now();
        let mut run = Run::default();
        assert!(!run.was_well(), "it could not be opened, however long that took");
        run.gave(start);
        assert!(!run.was_well(), "nothing followed, however long that was waited for");
        run.gave(start + 29 * S);
        assert!(!run.was_well());
        run.gave(start + 30 * S);
        assert!(run.was_well());
    }
}
