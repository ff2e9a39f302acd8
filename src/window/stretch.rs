//! Sound made a little longer or shorter, without clicks.

use std::f64::consts::PI;

/// Samples on either side of a moment that its value is made of.
pub(super) const REACH: usize = 8;
const TAPS: usize = 2 * REACH;
/// Positions between two samples for which weights are kept; between those they are mixed.
const PHASES: usize = 128;

/// Reads its input at a speed near 1, by band-limited interpolation. At speed 1 and without a
/// fraction of a sample to make up for, samples pass unchanged.
pub(super) struct Stretch {
    channels: usize,
    /// `[PHASES + 1, TAPS]`, each row of sum 1.
    weights: Vec<f32>,
    /// `[samples, channels]`: what is still needed, after [`REACH`] samples of the past.
    input: Vec<f32>,
    /// Where in `input` the next output lies, in samples.
    at: f64,
    /// Input samples an output sample.
    speed: f64,
}

impl Stretch {
    pub fn new(channels: usize) -> Self {
        let mut weights = Vec::with_capacity((PHASES + 1) * TAPS);
        for phase in 0..=PHASES {
            let fraction = phase as f64 / PHASES as f64;
            let row: [f64; TAPS] = std::array::from_fn(|tap| {
                windowed_sinc(tap as f64 - (REACH - 1) as f64 - fraction)
            });
            let sum: f64 = row.iter().sum();
            weights.extend(row.map(|weight| (weight / sum) as f32));
        }
        let mut stretch = Self { channels, weights, input: Vec::new(), at: 0.0, speed: 1.0 };
        stretch.restart();
        stretch
    }

    /// Forgets the past: silence lies before the next sample.
    pub fn restart(&mut self) {
        self.input.clear();
        self.input.resize(REACH * self.channels, 0.0);
        self.at = REACH as f64;
        self.speed = 1.0;
    }

    pub fn set_speed(&mut self, speed: f64) {
        self.speed = speed;
    }

    /// Output samples that what was put in will still make.
    pub fn pending(&self) -> f64 {
        (self.samples() as f64 - self.at) / self.speed
    }

    /// Takes `[samples, channels]` and gives what came ready, in the same form.
    pub fn push(&mut self, samples: &[f32], mut give: impl FnMut(&[f32])) {
        self.input.extend_from_slice(samples);
        let last = self.samples().saturating_sub(REACH);
        if self.speed == 1.0 && self.at.fract() == 0.0 {
            let from = self.at as usize;
            if from < last {
                give(&self.input[from * self.channels..last * self.channels]);
                self.at = last as f64;
            }
        } else {
            let mut value = vec![0.0; self.channels];
            while self.at < last as f64 {
                self.interpolate(&mut value);
                give(&value);
                self.at += self.speed;
            }
        }
        let passed = (self.at as usize).saturating_sub(REACH);
        self.input.drain(..passed * self.channels);
        self.at -= passed as f64;
    }

    /// Gives all that is pending, as if silence followed.
    pub fn finish(&mut self, give: impl FnMut(&[f32])) {
        self.push(&vec![0.0; REACH * self.channels], give);
        self.restart();
    }

    fn samples(&self) -> usize {
        self.input.len() / self.channels
    }

    fn interpolate(&self, value: &mut [f32]) {
        let first = self.at as usize + 1 - REACH;
        let phase = self.at.fract() * PHASES as f64;
        let (row, mix) = (phase as usize, phase.fract() as f32);
        let (low, high) = self.weights[row * TAPS..(row + 2) * TAPS].split_at(TAPS);
        value.fill(0.0);
        let taps = self.input[first * self.channels..].chunks_exact(self.channels);
        for ((sample, low), high) in taps.zip(low).zip(high) {
            let weight = low + mix * (high - low);
            for (value, sample) in value.iter_mut().zip(sample) {
                *value += weight * sample;
            }
        }
    }
}

/// Blackman's window over [`TAPS`] samples: 1 at 0, 0 at every other whole number.
fn windowed_sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.fract() == 0.0 || x.abs() >= REACH as f64 {
        return 0.0;
    }
    let turn = PI * x / REACH as f64;
    (PI * x).sin() / (PI * x) * (0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(n: f64) -> f32 {
        (0.5 * (0.3 * n).sin()) as f32
    }

    fn stretched(speed: f64) -> Vec<f32> {
        let mut stretch = Stretch::new(1);
        let mut out = Vec::new();
        let input: Vec<f32> = (0..4000).map(|n| sine(f64::from(n))).collect();
        // Speed changes only once there is a past, as it does in use.
        for (n, piece) in input.chunks(160).enumerate() {
            if n == 1 {
                stretch.set_speed(speed);
            }
            stretch.push(piece, |samples| out.extend_from_slice(samples));
        }
        stretch.finish(|samples| out.extend_from_slice(samples));
        out
    }

    #[test]
    fn at_speed_one_nothing_changes() {
        let out = stretched(1.0);
        assert_eq!(out.len(), 4000);
        assert!((0..4000).all(|n| out[n as usize] == sine(f64::from(n))));
    }

    #[test]
    fn at_another_speed_the_same_tone_is_read_faster_or_slower() {
        for speed in [0.995, 1.0003] {
            let out = stretched(speed);
            let turn = 160 - REACH;
            let wanted = turn as f64 + (4000 - turn) as f64 / speed;
            assert!((out.len() as f64 - wanted).abs() <= 1.0, "{} {wanted}", out.len());
            for (n, got) in out.iter().enumerate().skip(20).take(3900) {
                let at = if n <= turn { n as f64 } else { turn as f64 + (n - turn) as f64 * speed };
                assert!((got - sine(at)).abs() < 2e-3, "{n}: {got} {}", sine(at));
            }
        }
    }
}
