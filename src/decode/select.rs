//! Which frames are looked at, and whether key frames are enough. Knows no FFmpeg.

use std::time::Duration;

use super::settings::{ActiveMode, DecodeMode};
use crate::data::MediaTime;

/// Key spacings in a row that must fit before only key frames are decoded.
const SPACINGS_WANTED: u32 = 3;
/// Containers round timestamps to milliseconds: a frame this much early is on time.
const EARLY: Duration = Duration::from_millis(1);
/// A spacing longer than the model's by this share still fits: key frames jitter.
const SLACK: f64 = 1.05;

/// Chooses frames on a grid of `step` from each segment's first frame on.
#[derive(Debug, Clone)]
pub struct Grid {
    step: i64,
    least: i64,
    early: i64,
    segment: Option<u32>,
    /// The grid's first time and the next one without a frame, in nanoseconds.
    origin: i64,
    next: i64,
    last: Option<i64>,
}

impl Grid {
    /// `least` is the shortest distance of chosen frames.
    pub fn new(step: Duration, least: Duration) -> Self {
        let step = nanos(step).max(1);
        let least = nanos(least).min(step);
        let early = nanos(EARLY).min(step / 8);
        Self { step, least, early, segment: None, origin: 0, next: 0, last: None }
    }

    fn begin(&mut self, at: i64, segment: u32) {
        if self.segment != Some(segment) {
            self.segment = Some(segment);
            self.origin = at;
            self.next = at;
            self.last = None;
        }
    }

    fn choose(&mut self, at: i64, ahead: i64) -> bool {
        if self.last.is_some_and(|last| at + self.early < last + self.least || at <= last) {
            return false;
        }
        self.last = Some(at);
        let passed = (at + ahead - self.origin).div_euclid(self.step);
        self.next = self.origin + (passed + 1) * self.step;
        true
    }

    /// Whether the frame at `at` is the first at or after a grid time.
    pub fn first_after(&mut self, at: MediaTime, segment: u32) -> bool {
        let at = at.as_nanos();
        self.begin(at, segment);
        at + self.early >= self.next && self.choose(at, self.early)
    }

    /// Whether the key frame at `at` is the nearest to a grid time, if the next one comes
    /// `spacing` later. No frame is waited for. Where the next one would be further than
    /// `most` from the last chosen, this one is taken.
    pub fn nearest(
        &mut self,
        at: MediaTime,
        segment: u32,
        spacing: Option<Duration>,
        most: Option<Duration>,
    ) -> bool {
        let at = at.as_nanos();
        self.begin(at, segment);
        let spacing = spacing.map_or(0, nanos);
        // Halfway to the next one, not included: of two equally near the earlier is taken.
        let reach = spacing / 2;
        let near = at + reach.max(self.early) >= self.next;
        let must =
            most.zip(self.last).is_some_and(|(most, last)| at + spacing > last + nanos(most));
        (near || must) && self.choose(at, reach.max(self.early))
    }
}

/// Decides whether all frames are decoded or key frames only.
#[derive(Debug, Clone)]
pub struct ModeSwitch {
    mode: DecodeMode,
    active: ActiveMode,
    /// Longest spacing of key frames that will do.
    most: Option<Duration>,
    step: Duration,
    fitting: u32,
    spacing: Option<Duration>,
    /// Every packet so far was a key frame.
    intra_only: bool,
    packets: u64,
    /// Key frames alone gave no picture.
    unusable: bool,
}

impl ModeSwitch {
    /// `interval` is the spacing of frames that the model accepts; with none, only streams
    /// that have nothing but key frames are taken at packet level.
    pub fn new(mode: DecodeMode, interval: Option<(Duration, Duration)>, step: Duration) -> Self {
        Self {
            mode,
            // `auto` hopes for the best: packets since a key frame are kept, so nothing is
            // missed when the next one does not come in time.
            active: match (mode, interval) {
                (DecodeMode::KeyFrames, _) | (DecodeMode::Auto, Some(_)) => ActiveMode::KeyFrames,
                (DecodeMode::Auto, None) | (DecodeMode::All, _) => ActiveMode::All,
            },
            most: interval.map(|(_, most)| most.mul_f64(SLACK)),
            step,
            fitting: 0,
            spacing: None,
            intra_only: true,
            packets: 0,
            unusable: false,
        }
    }

    pub fn active(&self) -> ActiveMode {
        self.active
    }

    /// Distance of the last two key frames.
    #[cfg(feature = "ffmpeg")]
    pub fn spacing(&self) -> Option<Duration> {
        self.spacing
    }

    /// Whether the stream has had nothing but key frames, and more than a few.
    pub fn is_intra_only(&self) -> bool {
        self.intra_only && self.packets > u64::from(SPACINGS_WANTED)
    }

    /// A packet came. `since_key` is its distance from the last key frame before it, where
    /// that is known and sane.
    pub fn packet(&mut self, is_key: bool, since_key: Option<Duration>) {
        self.packets += 1;
        if !is_key {
            self.intra_only = false;
            if self.is_too_long(since_key) {
                self.turn_rare();
            }
            return;
        }
        let Some(spacing) = since_key else {
            // The first, or the first after a jump.
            self.fitting = 0;
            return;
        };
        self.spacing = Some(spacing);
        if self.is_too_long(since_key) {
            self.turn_rare();
            return;
        }
        self.fitting += 1;
        let enough = self.fitting >= SPACINGS_WANTED && !self.unusable;
        let subsampled = self.is_intra_only() && spacing <= self.step;
        if self.mode == DecodeMode::Auto && enough && (self.most.is_some() || subsampled) {
            self.active = ActiveMode::KeyFrames;
        }
    }

    /// A key frame alone gave no picture: in `auto`, all frames are decoded from now on.
    pub fn key_gave_nothing(&mut self) {
        if self.mode == DecodeMode::Auto {
            self.unusable = true;
            self.turn_rare();
        }
    }

    fn is_too_long(&self, spacing: Option<Duration>) -> bool {
        match (self.most, spacing) {
            (Some(most), Some(spacing)) => spacing > most,
            // Without an interval, anything but key frames ends the subsampling.
            (None, _) => !self.intra_only,
            (Some(_), None) => false,
        }
    }

    fn turn_rare(&mut self) {
        self.fitting = 0;
        if self.mode == DecodeMode::Auto {
            self.active = ActiveMode::All;
        }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const INTERVAL: Option<(Duration, Duration)> =
        Some((Duration::from_millis(500), Duration::from_secs(4)));

    fn at(millis: i64) -> MediaTime {
        MediaTime::from_nanos(millis * 1_000_000)
    }

    fn chosen(grid: &mut Grid, times: impl IntoIterator<Item = i64>) -> Vec<i64> {
        times.into_iter().filter(|time| grid.first_after(at(*time), 0)).collect()
    }

    #[test]
    fn the_first_frame_at_or_after_each_grid_time_is_taken() {
        let mut grid = Grid::new(2000 * MS, 500 * MS);
        assert_eq!(chosen(&mut grid, (0..=6000).step_by(40)), [0, 2000, 4000, 6000]);
    }

    #[test]
    fn variable_frame_rate_is_exact_and_does_not_drift() {
        let mut grid = Grid::new(1000 * MS, 500 * MS);
        let frames = [7, 300, 990, 1010, 1900, 2100, 2200, 4500, 5001, 5008, 6100];
        // Grid: 7, 1007, 2007 … 4500 stands for 4007, so 5007 is next, 508 ms later.
        assert_eq!(chosen(&mut grid, frames), [7, 1010, 2100, 4500, 5008, 6100]);
    }

    #[test]
    fn frames_are_never_closer_than_the_model_accepts() {
        let mut grid = Grid::new(1000 * MS, 800 * MS);
        assert_eq!(
            chosen(&mut grid, [0, 1900, 2000, 2600, 2700, 3000, 4000]),
            [0, 1900, 2700, 4000]
        );
    }

    #[test]
    fn rounded_timestamps_lose_no_frame() {
        let step = Duration::from_secs_f64(1.0 / 30.0);
        let mut grid = Grid::new(step, Duration::ZERO);
        let frames: Vec<i64> = (0..90).map(|i| i * 1000 / 30).collect();
        assert_eq!(chosen(&mut grid, frames.clone()), frames);
    }

    #[test]
    fn each_segment_has_its_own_grid() {
        let mut grid = Grid::new(2000 * MS, 500 * MS);
        assert!(grid.first_after(at(0), 0));
        assert!(grid.first_after(at(100), 1));
        assert!(!grid.first_after(at(2000), 1) && grid.first_after(at(2100), 1));
    }

    fn nearest(keys: &[i64], step: u32, most: Option<Duration>) -> Vec<i64> {
        let mut grid = Grid::new(step * MS, 500 * MS);
        let mut before = None;
        let mut taken = Vec::new();
        for key in keys {
            let spacing = before.map(|before: i64| Duration::from_millis((key - before) as u64));
            if grid.nearest(at(*key), 0, spacing, most) {
                taken.push(*key);
            }
            before = Some(*key);
        }
        taken
    }

    #[test]
    fn the_nearest_key_frame_stands_for_a_grid_time() {
        let every = |step: usize| (0..=12_000).step_by(step).collect::<Vec<i64>>();
        assert_eq!(nearest(&every(2000), 2000, None), every(2000));
        // Rarer than the grid: all of them.
        assert_eq!(nearest(&every(3000), 2000, None), every(3000));
        // 1.5 s apart for a grid of 2 s: 1.5 is nearer to 2 than 3 is, 4.5 to 4 than 3,
        // and the key at 6 is on it; 7.5, 10.5 and 12 likewise.
        assert_eq!(nearest(&every(1500), 2000, None), [0, 1500, 4500, 6000, 7500, 10_500, 12_000]);
        // Much denser: within half a spacing of the grid.
        let dense = nearest(&every(80), 2000, None);
        assert_eq!(dense.len(), 7);
        for (k, key) in dense.iter().enumerate() {
            assert!((key - 2000 * k as i64).abs() <= 40, "{dense:?}");
        }
    }

    #[test]
    fn a_key_frame_is_taken_early_rather_than_leave_too_long_a_gap() {
        let keys: Vec<i64> = (0..=15_000).step_by(3000).collect();
        assert_eq!(nearest(&keys, 4000, Some(4000 * MS)), keys);
        assert_eq!(nearest(&keys, 4000, None), [0, 3000, 9000, 12_000, 15_000]);
    }

    fn feed(switch: &mut ModeSwitch, keys: u32, spacing: u32, between: bool) {
        for _ in 0..keys {
            if between {
                switch.packet(false, Some((spacing / 2) * MS));
            }
            switch.packet(true, Some(spacing * MS));
        }
    }

    #[test]
    fn auto_begins_with_key_frames_and_comes_back_to_them_after_three_spacings() {
        let mut switch = ModeSwitch::new(DecodeMode::Auto, INTERVAL, 2000 * MS);
        switch.packet(true, None);
        feed(&mut switch, 3, 2000, true);
        assert_eq!(switch.active(), ActiveMode::KeyFrames);
        switch.packet(false, Some(4000 * MS));
        assert_eq!(switch.active(), ActiveMode::KeyFrames);
        switch.packet(false, Some(4300 * MS));
        assert_eq!(switch.active(), ActiveMode::All);
        feed(&mut switch, 2, 3000, true);
        assert_eq!(switch.active(), ActiveMode::All);
        feed(&mut switch, 1, 3000, true);
        assert_eq!(switch.active(), ActiveMode::KeyFrames);
    }

    #[test]
    fn key_frames_too_rare_are_never_enough() {
        let mut switch = ModeSwitch::new(DecodeMode::Auto, INTERVAL, 2000 * MS);
        switch.packet(true, None);
        feed(&mut switch, 10, 10_000, true);
        assert_eq!(switch.active(), ActiveMode::All);
    }

    #[test]
    fn an_intra_only_stream_is_subsampled_even_at_a_fixed_rate() {
        for interval in [INTERVAL, None] {
            let mut switch = ModeSwitch::new(DecodeMode::Auto, interval, 2000 * MS);
            switch.packet(true, None);
            feed(&mut switch, 3, 40, false);
            assert_eq!(switch.active(), ActiveMode::KeyFrames);
            assert!(switch.is_intra_only());
        }
        let mut switch = ModeSwitch::new(DecodeMode::Auto, None, 2000 * MS);
        switch.packet(true, None);
        feed(&mut switch, 9, 40, true);
        assert_eq!(switch.active(), ActiveMode::All, "a fixed rate needs every frame");
    }

    #[test]
    fn a_fixed_choice_stays_and_useless_key_frames_end_auto_for_good() {
        let mut all = ModeSwitch::new(DecodeMode::All, INTERVAL, 2000 * MS);
        feed(&mut all, 9, 2000, true);
        assert_eq!(all.active(), ActiveMode::All);
        let mut keys = ModeSwitch::new(DecodeMode::KeyFrames, INTERVAL, 2000 * MS);
        feed(&mut keys, 9, 60_000, true);
        keys.key_gave_nothing();
        assert_eq!(keys.active(), ActiveMode::KeyFrames);
        let mut auto = ModeSwitch::new(DecodeMode::Auto, INTERVAL, 2000 * MS);
        feed(&mut auto, 9, 2000, true);
        auto.key_gave_nothing();
        feed(&mut auto, 9, 2000, true);
        assert_eq!(auto.active(), ActiveMode::All);
    }
}
