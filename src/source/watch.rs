//! When a blocking call into FFmpeg must come back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::supervise::Stop;

/// Why a blocking call was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The program, or this stream, is being stopped.
    Stopped,
    /// The deadline passed.
    Overdue,
}

/// A deadline that can be moved on, and a stop flag; asked from inside FFmpeg.
pub struct Watch {
    stop: Stop,
    origin: Instant,
    /// Nanoseconds after `origin`.
    deadline: AtomicU64,
    /// A call was broken off: what it read from cannot be read any more, whatever the
    /// deadline is now. FFmpeg may still have given out what it had.
    broken: AtomicBool,
}

impl Watch {
    /// Runs out after `timeout`.
    pub fn new(stop: Stop, timeout: Duration) -> Self {
        let watch = Self {
            stop,
            origin: Instant::now(),
            deadline: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        };
        watch.extend(timeout);
        watch
    }

    /// Runs out `timeout` from now.
    pub fn extend(&self, timeout: Duration) {
        let deadline = (self.origin.elapsed() + timeout).as_nanos();
        self.deadline.store(u64::try_from(deadline).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// `Some` once the blocking call has to return.
    pub fn interruption(&self) -> Option<Interruption> {
        if self.stop.stopped() {
            return Some(Interruption::Stopped);
        }
        let overdue = self.broken.load(Ordering::Relaxed)
            || self.origin.elapsed().as_nanos() >= self.deadline.load(Ordering::Relaxed).into();
        overdue.then_some(Interruption::Overdue)
    }

    /// Whether the call that asks is to be broken off.
    pub fn breaks_off(&self) -> bool {
        let broken = self.interruption().is_some();
        if broken {
            self.broken.store(true, Ordering::Relaxed);
        }
        broken
    }

    /// Breaks off the call that is under way.
    pub fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Waits until `due`; says whether it was told to stop before.
    pub fn wait_until(&self, due: Instant) -> bool {
        self.stop.wait(due.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_moves_on_and_stop_comes_first() {
        let stop = Stop::new();
        let watch = Watch::new(stop.clone(), Duration::ZERO);
        assert_eq!(watch.interruption(), Some(Interruption::Overdue));
        watch.extend(Duration::from_secs(3600));
        assert_eq!(watch.interruption(), None);
        watch.extend(Duration::MAX / 4);
        assert_eq!(watch.interruption(), None);
        stop.stop();
        assert_eq!(watch.interruption(), Some(Interruption::Stopped));
    }

    #[test]
    fn what_was_broken_off_stays_so() {
        let watch = Watch::new(Stop::new(), Duration::ZERO);
        assert!(watch.breaks_off());
        watch.extend(Duration::from_secs(3600));
        assert_eq!(watch.interruption(), Some(Interruption::Overdue));
    }
}
