//! FFmpeg's own messages, turned into ours: masked, levelled and few.
//!
//! What FFmpeg calls an error is often an ordinary answer (a camera that is off, at every
//! try; a damaged packet), which our own errors and counters tell of already. So it is for
//! `debug`; only what it calls fatal is a warning.

use std::cell::RefCell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::telemetry::redact;

/// Messages passed on in one [`SPAN`], all streams together.
const MOST: u32 = 5;
const SPAN: Duration = Duration::from_secs(1);

/// Bytes of one line that are kept; what is longer is passed on in parts.
const LONGEST: usize = 8192;

/// Levels as FFmpeg numbers them.
const FATAL: i32 = 8;
const WARNING: i32 = 24;

static LIMITER: Mutex<Limiter> = Mutex::new(Limiter::new());

thread_local! {
    /// A message that has not come to its end of line yet.
    static PARTIAL: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Whether a message of this FFmpeg level would be written anywhere.
pub(super) fn wanted(level: i32) -> bool {
    if level <= FATAL {
        tracing::enabled!(target: "ffmpeg", tracing::Level::WARN)
    } else if level <= WARNING {
        tracing::enabled!(target: "ffmpeg", tracing::Level::DEBUG)
    } else {
        tracing::enabled!(target: "ffmpeg", tracing::Level::TRACE)
    }
}

/// Takes a piece of a message of this FFmpeg level; whole lines are passed on.
pub(super) fn piece(level: i32, text: &str) {
    PARTIAL.with_borrow_mut(|partial| {
        partial.push_str(text);
        while let Some(end) = partial.find('\n') {
            let line: String = partial.drain(..=end).collect();
            emit(level, line.trim_end());
        }
        if partial.len() > LONGEST {
            emit(level, &std::mem::take(partial));
        }
    });
}

fn emit(level: i32, line: &str) {
    let (part, message) = split(line);
    if message.is_empty() {
        return;
    }
    let message = redact::mask(message);
    let verdict =
        LIMITER.lock().expect("no holder of this lock panics").admit(Instant::now(), &message);
    let Some(held_back) = verdict else { return };
    if level <= FATAL {
        tracing::warn!(target: "ffmpeg", part, held_back, %message, "ffmpeg complains");
    } else if level <= WARNING {
        tracing::debug!(target: "ffmpeg", part, held_back, %message, "ffmpeg warns");
    } else {
        tracing::trace!(target: "ffmpeg", part, held_back, %message, "ffmpeg says");
    }
}

/// `[h264 @ 0x5581] text` as `("h264", "text")`; the innermost of several counts.
fn split(line: &str) -> (&str, &str) {
    let (mut part, mut rest) = ("", line.trim_start());
    while let Some(inside) = rest.strip_prefix('[') {
        let Some((head, tail)) = inside.split_once(']') else { break };
        let Some((name, _address)) = head.split_once(" @ 0x") else { break };
        (part, rest) = (name, tail.trim_start());
    }
    (part, rest)
}

/// Lets through a few messages a span and no message twice running.
struct Limiter {
    began: Option<Instant>,
    passed: u32,
    held_back: u64,
    last: String,
}

impl Limiter {
    const fn new() -> Self {
        Self { began: None, passed: 0, held_back: 0, last: String::new() }
    }

    /// `Some(messages held back before this one)` if `message` may be written at `now`.
    fn admit(&mut self, now: Instant, message: &str) -> Option<u64> {
        if self.began.is_none_or(|began| now.duration_since(began) >= SPAN) {
            self.began = Some(now);
            self.passed = 0;
            self.last.clear();
        }
        if self.passed >= MOST || self.last == message {
            self.held_back += 1;
            return None;
        }
        self.passed += 1;
        self.last = message.to_owned();
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_thinned_and_counted() {
        let start = Instant::now();
        let mut limiter = Limiter::new();
        assert_eq!(limiter.admit(start, "a"), Some(0));
        assert_eq!(limiter.admit(start, "a"), None);
        let passed = (0..100).filter(|i| limiter.admit(start, &i.to_string()).is_some()).count();
        assert_eq!(passed as u32, MOST - 1);
        assert_eq!(limiter.admit(start + SPAN, "a"), Some(100 - u64::from(MOST - 1)));
    }

    #[test]
    fn a_line_that_never_ends_is_not_kept_for_ever() {
        (0..100).for_each(|_| piece(WARNING, &"x".repeat(1000)));
        PARTIAL.with_borrow(|partial| assert!(partial.len() <= LONGEST, "{}", partial.len()));
    }

    #[test]
    fn the_part_that_speaks_is_told_from_what_it_says() {
        assert_eq!(split("[h264 @ 0x55aa] concealing errors"), ("h264", "concealing errors"));
        assert_eq!(split("[hls @ 0x1] [mpegts @ 0x2] lost"), ("mpegts", "lost"));
        assert_eq!(split("[not a prefix] x"), ("", "[not a prefix] x"));
    }
}
