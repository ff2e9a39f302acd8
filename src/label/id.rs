//! Names of events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;

/// Makes ids that no other process makes and that sort in the order they were made.
///
/// 26 digits in the form of a ULID: 48 bits of the process's start in milliseconds
/// since 1970, 32 random bits of the process, 48 bits of a count.
#[derive(Debug)]
pub struct Ids {
    started: u128,
    random: u128,
    made: AtomicU64,
}

impl Ids {
    /// One source for the whole process. The same arguments give the same ids, which
    /// is what a test wants.
    pub fn new(process_started: SystemTime, random: u32) -> Self {
        let since_1970 = process_started.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: since_1970.as_millis(), random: random.into(), made: AtomicU64::new(0) }
    }

    pub fn make(&self) -> Arc<str> {
        let count = u128::from(self.made.fetch_add(1, Ordering::Relaxed));
        let low = |value: u128, bits: u32| value & ((1 << bits) - 1);
        let id = low(self.started, 48) << 80 | self.random << 48 | low(count, 48);
        let digit = |place: usize| DIGITS[(id >> (5 * (LENGTH - 1 - place)) & 31) as usize];
        (0..LENGTH).map(|place| char::from(digit(place))).collect::<String>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ids_are_unique_and_sort_in_the_order_they_were_made() {
        let ids = Ids::new(UNIX_EPOCH + Duration::from_millis(1_764_000_000_000), 0xDEAD_BEEF);
        let made: Vec<_> = (0..3000).map(|_| ids.make()).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(made.iter().all(|id| id.len() == 26));
    }

    #[test]
    fn a_later_process_sorts_later_and_two_of_one_moment_differ() {
        let at = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        let early = Ids::new(at(1_764_000_000_000), u32::MAX);
        let late = Ids::new(at(1_764_000_000_001), 0);
        assert!(early.make() < late.make());
        assert_ne!(Ids::new(at(1), 1).make(), Ids::new(at(1), 2).make());
    }

    #[test]
    fn the_time_is_where_a_ulid_has_it() {
        // The example of the ULID specification: 1469918176385 ms is 01ARYZ6S41.
        let ids = Ids::new(UNIX_EPOCH + Duration::from_millis(1_469_918_176_385), 0);
        assert_eq!(&*ids.make(), "01ARYZ6S410000000000000000");
        assert_eq!(&*ids.make(), "01ARYZ6S410000000000000001");
    }
}
