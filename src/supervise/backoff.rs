//! How long to wait before trying again.

use std::time::Duration;

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
}
