//! Three kinds of time, three types.
//!
//! Media time is [`MediaTime`]; delays and timeouts are [`Instant`]; wall time, for
//! people and for lining up machines, is [`SystemTime`]. Nothing here reads a clock.

use std::time::{Duration, Instant, SystemTime};

/// Nanoseconds of media time since the stream's first frame in this process; of a file, since the
/// start of its first track of pictures or sound.
///
/// Never decreases along a stream and runs on over reconnects and time jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MediaTime(i64);

impl MediaTime {
    pub const ZERO: Self = Self(0);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl std::ops::Add<Duration> for MediaTime {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// Where a capture time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The sender's clock, from an RTCP sender report (RFC 3550, section 6.4.1).
    Rtcp,
    /// This machine's clock when the packet arrived.
    Arrival,
    /// A file: nobody knows when it was taken.
    None,
}

/// When a frame was taken; set once, where it enters the process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp {
    pub media: MediaTime,
    /// Wall time of capture; `None` exactly when `clock` is [`Clock::None`].
    pub captured_at: Option<SystemTime>,
    pub clock: Clock,
    /// When the packet was read, for end-to-end latency.
    pub arrived: Instant,
    /// Goes up by one at each reconnect and each time jump: no window spans two.
    pub segment: u32,
}

impl Stamp {
    /// Of something read just now, of which nobody knows when it was taken.
    pub fn unclocked(media: MediaTime) -> Self {
        let arrived = Instant::now();
        Self { media, captured_at: None, clock: Clock::None, arrived, segment: 0 }
    }
}
