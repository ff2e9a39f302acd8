//! Which calls into the sound library are under way, for some never come back.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// A device that was closed so often in vain is opened no more. ALSA's PulseAudio plugin often does
/// not come back from a stream whose server was killed (alsa-plugins 1.2.7, libpulse 16.1: the plugin
/// holds a piece of shared memory for which libpulse waits for ever, with the lock held that the plugin
/// needs; without shared memory, `enable-shm = no` in `client.conf`, it comes back). Each keeps three
/// threads and five descriptors.
const MOST_CLOSING: usize = 8;

/// Of this process, by what a device is called in the configuration.
static CALLS: LazyLock<Calls> = LazyLock::new(Calls::default);

#[derive(Default)]
struct Calls(Mutex<HashMap<String, UnderWay>>);

/// Calls of one device.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct UnderWay {
    opening: usize,
    closing: usize,
    /// Of `closing`, those that were told of.
    told: usize,
}

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Opening,
    Closing,
}

/// A call that is under way until this is dropped.
pub(super) struct Call {
    calls: &'static Calls,
    device: String,
    doing: Doing,
}

/// Begins to open a device; where one may not be opened, what has not come back. Also gives how many
/// calls have not come back from closing it, where there are more than when it was last given, else 0.
pub(super) fn opening(device: &str) -> Result<(Call, usize), Doing> {
    CALLS.opening(device)
}

/// Whether a call to open this device is under way.
pub(super) fn is_opening(device: &str) -> bool {
    CALLS.change(device, |calls| calls.opening > 0)
}

/// Begins to close a device.
pub(super) fn closing(device: &str) -> Call {
    CALLS.closing(device)
}

impl Calls {
    fn change<T>(&self, device: &str, change: impl FnOnce(&mut UnderWay) -> T) -> T {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(calls.entry(device.to_owned()).or_default())
    }

    fn opening(&'static self, device: &str) -> Result<(Call, usize), Doing> {
        let closing = self.change(device, |calls| {
            if calls.opening > 0 {
                return Err(Doing::Opening);
            }
            if calls.closing >= MOST_CLOSING {
                return Err(Doing::Closing);
            }
            calls.opening += 1;
            let told = std::mem::replace(&mut calls.told, calls.closing);
            Ok(if calls.closing > told { calls.closing } else { 0 })
        })?;
        Ok((Call { calls: self, device: device.to_owned(), doing: Doing::Opening }, closing))
    }

    fn closing(&'static self, device: &str) -> Call {
        self.change(device, |calls| calls.closing += 1);
        Call { calls: self, device: device.to_owned(), doing: Doing::Closing }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.change(&self.device, |calls| match self.doing {
            Doing::Opening => calls.opening -= 1,
            Doing::Closing => {
                calls.closing -= 1;
                calls.told = calls.told.min(calls.closing);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_opened_by_one_call_at_a_time() {
        let calls: &'static Calls = Box::leak(Box::default());
        let (first, _) = calls.opening("a").unwrap();
        assert_eq!(calls.opening("a").err(), Some(Doing::Opening));
        assert!(calls.opening("b").is_ok(), "another device");
        drop(first);
        assert!(calls.opening("a").is_ok());
    }

    #[test]
    fn a_device_that_cannot_be_closed_is_opened_a_few_times_more_and_then_not() {
        let calls: &'static Calls = Box::leak(Box::default());
        let mut hanging = Vec::new();
        for closing in 0..MOST_CLOSING {
            for told in [closing, 0] {
                assert_eq!(calls.opening("a").map(|(_, closing)| closing).ok(), Some(told));
            }
            hanging.push(calls.closing("a"));
        }
        assert_eq!(calls.opening("a").err(), Some(Doing::Closing));
        hanging.pop();
        assert!(calls.opening("a").is_ok(), "one has come back");
    }
}
