//! Standard error, written by a thread of its own: a reader that has stopped (a log driver
//! that hangs, a pager) must not stop whoever logs.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};

use super::bars::suspend;

/// Lines that may wait: a MB of them.
const QUEUE: usize = 4096;

/// How long a line waits for room. Once one has waited in vain none does, until there is some.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUED: OnceLock<Queue> = OnceLock::new();

/// The way to the thread.
struct Queue {
    sender: Sender<Said>,
    /// The reader has stopped: what finds no room is left out at once.
    stuck: AtomicBool,
    left_out: AtomicU64,
}

enum Said {
    Lines(Vec<u8>),
    /// Dropped once everything before it is written.
    Mark(#[expect(dead_code, reason = "only its end is waited for")] Sender<()>),
}

/// Starts the thread; false where there is one already.
pub(super) fn start() -> io::Result<bool> {
    let (sender, queue) = bounded(QUEUE);
    let ours = Queue { sender, stuck: AtomicBool::new(false), left_out: AtomicU64::new(0) };
    if QUEUED.set(ours).is_err() {
        return Ok(false);
    }
    std::thread::Builder::new().name("log".into()).spawn(move || write(&queue)).map(|_| true)
}

/// Whole lines for standard error, as they are: on the thread where there is one, else here.
pub fn say(lines: &[u8]) {
    match QUEUED.get() {
        Some(queue) => queue.push(lines.to_vec()),
        None => put(lines),
    }
}

/// Waits until what was said is written, but no longer than `within`.
pub fn flush(within: Duration) {
    if let Some(queue) = QUEUED.get() {
        let until = Instant::now() + within;
        let (mark, written) = bounded(0);
        if queue.sender.send_deadline(Said::Mark(mark), until).is_ok() {
            let _ = written.recv_deadline(until);
        }
    }
}

impl Queue {
    fn push(&self, lines: Vec<u8>) {
        let wait = if self.stuck.load(Relaxed) { Duration::ZERO } else { PATIENCE };
        let full = match self.sender.send_timeout(Said::Lines(lines), wait) {
            Ok(()) => false,
            // The thread could not be started, or has failed.
            Err(SendTimeoutError::Disconnected(Said::Lines(lines))) => return put(&lines),
            Err(_) => true,
        };
        self.stuck.store(full, Relaxed);
        self.left_out.fetch_add(u64::from(full), Relaxed);
    }
}

fn write(queue: &Receiver<Said>) {
    for said in queue {
        if let Said::Lines(lines) = said {
            put(&lines);
        }
        // There is room now, so this thread does not wait for itself.
        if queue.is_empty()
            && let Some(ours) = QUEUED.get()
            && let lines @ 1.. = ours.left_out.swap(0, Relaxed)
        {
            tracing::warn!(lines, "standard error was not read: lines of the log are missing");
        }
    }
}

fn put(lines: &[u8]) {
    // There is nowhere left to report that standard error cannot be written.
    suspend(|| {
        let _ = io::stderr().lock().write_all(lines);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_find_no_room_are_counted_and_later_ones_are_taken_again() {
        let (sender, queue) = bounded(1);
        let ours = Queue { sender, stuck: AtomicBool::new(false), left_out: AtomicU64::new(0) };
        for line in ["one", "two", "three"] {
            ours.push(line.into());
        }
        assert_eq!((ours.left_out.load(Relaxed), ours.stuck.load(Relaxed)), (2, true));
        assert!(matches!(queue.try_recv(), Ok(Said::Lines(line)) if line == b"one"));
        ours.push("four".into());
        assert_eq!((ours.left_out.load(Relaxed), ours.stuck.load(Relaxed)), (2, false));
    }
}
