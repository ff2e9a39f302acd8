//! Whether the pictures that come still make windows.

use std::time::Duration;

use crate::data::MediaTime;

/// Notices where pictures go on coming and no window does, of them or of their sound alone: they are
/// too rare for the model.
pub(super) struct Sight {
    /// How long the first window may be in coming, and each further one ([`super::Plan::patience`]).
    patience: (Duration, Duration),
    /// When the next window must have come; `None` until a picture comes after the beginning, or after
    /// a window of sound alone.
    due: Option<MediaTime>,
    lost: bool,
    told: bool,
}

impl Sight {
    pub fn new(patience: (Duration, Duration)) -> Self {
        Self { patience, due: None, lost: false, told: false }
    }

    /// A picture came that completed no window; one of its sound alone may take `longer`.
    pub fn picture(&mut self, media: MediaTime, longer: Duration) {
        let due = *self.due.get_or_insert(media + self.patience.0);
        self.lost |= media > due + longer && !self.told;
    }

    /// A window of pictures came that ends at `end`.
    pub fn window(&mut self, end: MediaTime) {
        *self = Self { due: Some(end + self.patience.1), ..Self::new(self.patience) };
    }

    /// Says once that it was lost, until there is a window again.
    pub fn take_lost(&mut self) -> bool {
        self.told |= self.lost;
        std::mem::take(&mut self.lost)
    }

    /// Counts from the next picture on.
    pub fn clear(&mut self) {
        *self = Self::new(self.patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_lost_once_no_window_came_in_time_and_back_with_the_next() {
        let seconds = |s: u64| MediaTime::ZERO + Duration::from_secs(s);
        let mut sight = Sight::new((Duration::from_secs(14), Duration::from_secs(6)));
        let mut lost_at = |from: u64, to: u64, every: usize| {
            let mut told = Vec::new();
            for at in (from..=to).step_by(every) {
                sight.picture(seconds(at), Duration::ZERO);
                told.extend(sight.take_lost().then_some(at));
            }
            sight.window(seconds(to));
            told
        };
        assert_eq!(lost_at(0, 12, 2), [0; 0], "the first window takes a while");
        assert_eq!(lost_at(14, 18, 2), [0; 0]);
        assert_eq!(lost_at(23, 60, 5), [28], "6 s after the window at 18 s, and said once");
        assert_eq!(lost_at(62, 64, 2), [0; 0]);
        sight.clear();
        for (at, lost) in [(100, false), (117, false), (118, true)] {
            sight.picture(seconds(at), Duration::from_secs(3));
            assert_eq!(sight.take_lost(), lost, "at {at}");
        }
    }
}
