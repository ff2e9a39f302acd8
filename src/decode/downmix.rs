//! Channels mixed into one.

/// A mean that has less than this share of its channels' power is no sound any more.
const CANCELLED: f32 = 0.01;
/// With more than this share it is sound again.
const RESTORED: f32 = 0.1;
/// Seconds over which powers are averaged.
const OVER: f32 = 0.5;
/// Power (full scale is 1) under which there is nothing to compare: a microphone's own noise.
const NOTHING: f32 = 1e-9;

/// Takes the mean of interleaved channels. Two that cancel, as of a line-in with one leg turned
/// round, are no silence: then the louder is taken by itself, until the mean is sound again.
pub(super) struct Downmix {
    channels: usize,
    /// Samples a channel over which powers are averaged.
    over: f32,
    /// Power of each of the two, and of their mean; `None` before the first samples.
    powers: Option<[f32; 3]>,
    cancelled: bool,
}

impl Downmix {
    /// `rate` in samples a second.
    pub fn new(channels: usize, rate: u32) -> Self {
        Self { channels: channels.max(1), over: OVER * rate as f32, powers: None, cancelled: false }
    }

    /// How many channels it takes.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Appends one sample for each of `[samples, channels]`, `copies` times.
    pub fn mix(&mut self, samples: &[f32], copies: usize, out: &mut Vec<f32>) {
        let alone = if self.channels == 2 { self.louder_if_cancelled(samples) } else { None };
        for each in samples.chunks_exact(self.channels) {
            let one = match alone {
                Some(channel) => number(each[channel]),
                None => each.iter().copied().map(number).sum::<f32>() / self.channels as f32,
            };
            out.extend(std::iter::repeat_n(one, copies));
        }
    }

    fn louder_if_cancelled(&mut self, samples: &[f32]) -> Option<usize> {
        let count = samples.len() / 2;
        if count > 0 {
            let mut sums = [0.0_f32; 3];
            for pair in samples.chunks_exact(2) {
                let (left, right) = (number(pair[0]), number(pair[1]));
                let mean = (left + right) / 2.0;
                sums[0] += left * left;
                sums[1] += right * right;
                sums[2] += mean * mean;
            }
            let share = 1.0 - (-(count as f32) / self.over).exp();
            let latest = sums.map(|sum| sum / count as f32);
            let before = self.powers.unwrap_or(latest);
            let powers = std::array::from_fn(|i| before[i] + share * (latest[i] - before[i]));
            self.powers = Some(powers);
            let each = powers[0].max(powers[1]);
            let bound = if self.cancelled { RESTORED } else { CANCELLED };
            self.cancelled = each > NOTHING && powers[2] < bound * each;
        }
        let [left, right, _] = self.powers?;
        self.cancelled.then_some(usize::from(right > left))
    }
}

/// A float file may hold anything; a model is to see numbers.
pub(super) fn number(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten milliseconds of two channels at 16 kHz.
    fn mixed(downmix: &mut Downmix, left: f32, right: f32) -> f32 {
        let tone = |n: usize| (n as f32 * 0.3).sin();
        let samples: Vec<f32> = (0..160).flat_map(|n| [left * tone(n), right * tone(n)]).collect();
        let mut out = Vec::new();
        downmix.mix(&samples, 1, &mut out);
        assert_eq!(out.len(), 160);
        out[5] / tone(5)
    }

    #[test]
    fn the_mean_is_taken_unless_two_channels_cancel() {
        for (left, right, wanted) in [
            (0.5, 0.5, 0.5),
            (0.5, 0.0, 0.25),
            (0.5, -0.3, 0.1),
            (0.5, -0.5, 0.5),
            (0.4, -0.45, -0.45),
            (1e-6, -1e-6, 0.0),
        ] {
            let found = mixed(&mut Downmix::new(2, 16_000), left, right);
            assert!((found - wanted).abs() < 1e-6, "{left} {right}: {found}");
        }
        let mut three = Downmix::new(3, 16_000);
        assert_eq!(three.channels(), 3);
        let mut out = Vec::new();
        three.mix(&[0.3, -0.3, f32::NAN, 0.3, 0.3, 0.3], 2, &mut out);
        assert_eq!(out, [0.0, 0.0, 0.3, 0.3]);
    }

    #[test]
    fn a_moment_of_cancelling_changes_nothing_and_what_was_mended_is_mixed_again() {
        let mut downmix = Downmix::new(2, 16_000);
        let mut take = |right, times| (0..times).map(|_| mixed(&mut downmix, 0.5, right)).last();
        assert_eq!(take(0.5, 100), Some(0.5));
        assert_eq!(take(-0.5, 20), Some(0.0), "0.2 s");
        assert!((take(-0.5, 400).unwrap() - 0.5).abs() < 1e-6);
        assert_eq!(take(0.5, 100), Some(0.5));
        assert!((take(0.0, 10).unwrap() - 0.25).abs() < 1e-6);
    }
}
