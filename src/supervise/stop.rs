//! One flag that everything long watches.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Told once, seen by all clones; never taken back.
#[derive(Clone, Default)]
pub struct Stop(Arc<(Mutex<Option<Instant>>, Condvar)>);

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn stop(&self) {
        self.0.0.lock().expect("no holder of this lock panics").get_or_insert_with(Instant::now);
        self.0.1.notify_all();
    }

    pub fn stopped(&self) -> bool {
        self.since().is_some()
    }

    /// When it was told first.
    pub fn since(&self) -> Option<Instant> {
        *self.0.0.lock().expect("no holder of this lock panics")
    }

    /// Waits for `duration`, or less if told to stop; says whether it was told.
    pub fn wait(&self, duration: Duration) -> bool {
        let deadline = Instant::now() + duration;
        let mut stopped = self.0.0.lock().expect("no holder of this lock panics");
        while stopped.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            stopped = self.0.1.wait_timeout(stopped, left).expect("no holder panics").0;
        }
        stopped.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_thread_is_woken() {
        let stop = Stop::new();
        let waiter = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::from_secs(3600))
        });
        stop.stop();
        assert!(waiter.join().unwrap());
        assert!(!Stop::new().wait(Duration::ZERO));
    }
}
