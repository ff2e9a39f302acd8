//! Mel spectrograms, as `torchaudio.transforms.MelSpectrogram` defines them.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::sound::check_samples;
use crate::data::SoundClip;
use crate::data::manifest::{Mel, MelNorm, MelScale, Sound};

/// Turns a window's sound into f32 `[frames, bands]`; channels are averaged.
///
/// Computed in f64, so it differs from an f32 reference by that reference's rounding.
pub struct Spectrogram {
    mel: Mel,
    samples: usize,
    channels: usize,
    frames: usize,
    /// The analysis window, `[n_fft]`.
    window: Vec<f64>,
    filters: Vec<Triangle>,
    transform: Arc<dyn RealToComplex<f64>>,
    /// The window's sound, mono, padded where frames are centred.
    mono: Vec<f64>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    /// Powers of the magnitudes of one frame.
    powers: Vec<f64>,
}

/// One mel band: weights of the frequencies from `first` on.
struct Triangle {
    first: usize,
    weights: Vec<f64>,
}

impl Spectrogram {
    pub fn new(input: &Sound, mel: &Mel) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(mel.n_fft);
        Self {
            samples: input.samples,
            channels: input.channels,
            frames: mel.frames(input.samples),
            window: hann(mel.window, mel.n_fft),
            filters: triangles(mel, input.sample_rate),
            mono: vec![0.0; input.samples + 2 * mel.padding()],
            frame: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            powers: vec![0.0; mel.n_fft / 2 + 1],
            transform,
            mel: mel.clone(),
        }
    }

    /// Values of one window.
    pub fn values(&self) -> usize {
        self.frames * self.mel.bands
    }

    pub fn bands(&self) -> usize {
        self.mel.bands
    }

    /// Fills `values`, f32 `[frames, bands]`; no sound is silence.
    pub fn run(&mut self, sound: Option<&SoundClip>, values: &mut [f32]) {
        self.gather(sound);
        for (index, values) in values.chunks_exact_mut(self.mel.bands).enumerate() {
            let from = &self.mono[index * self.mel.hop..][..self.mel.n_fft];
            for (value, (sample, weight)) in
                self.frame.iter_mut().zip(from.iter().zip(&self.window))
            {
                *value = sample * weight;
            }
            self.transform
                .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
                .expect("buffers are the transform's own");
            for (power, bin) in self.powers.iter_mut().zip(&self.spectrum) {
                let squared = bin.norm_sqr();
                *power = if self.mel.power == 2.0 {
                    squared
                } else {
                    squared.powf(self.mel.power / 2.0)
                };
            }
            for (value, filter) in values.iter_mut().zip(&self.filters) {
                let powers = &self.powers[filter.first..];
                let sum: f64 = powers.iter().zip(&filter.weights).map(|(p, w)| p * w).sum();
                let told = self.mel.log.map_or(sum, |log| sum.max(f64::from(log.floor)).ln());
                *value = ((told - f64::from(self.mel.mean)) / f64::from(self.mel.std)) as f32;
            }
        }
    }

    /// Mixes the sound down and reflects its ends.
    fn gather(&mut self, sound: Option<&SoundClip>) {
        let Some(sound) = sound else { return self.mono.fill(0.0) };
        check_samples(sound, self.samples * self.channels);
        let pad = self.mel.padding();
        for (to, from) in self.mono[pad..].iter_mut().zip(sound.samples.chunks_exact(self.channels))
        {
            *to = from.iter().map(|&x| f64::from(x)).sum::<f64>() / self.channels as f64;
        }
        let last = pad + self.samples - 1;
        for offset in 1..=pad {
            self.mono[pad - offset] = self.mono[pad + offset];
            self.mono[last + offset] = self.mono[last - offset];
        }
    }
}

/// A periodic Hann window of `length`, in the middle of `n_fft` zeros.
fn hann(length: usize, n_fft: usize) -> Vec<f64> {
    let mut window = vec![0.0; n_fft];
    let from = (n_fft - length) / 2;
    for (i, value) in window[from..from + length].iter_mut().enumerate() {
        *value = 0.5 - 0.5 * (2.0 * PI * i as f64 / length as f64).cos();
    }
    window
}

/// The mel filter bank: triangles that meet at points evenly spaced in mel.
fn triangles(mel: &Mel, sample_rate: u32) -> Vec<Triangle> {
    let bins = mel.n_fft / 2 + 1;
    // The reference halves the rate as a whole number.
    let top = f64::from(sample_rate / 2);
    let frequency = |bin: usize| top * bin as f64 / (bins - 1) as f64;
    let (low, high) = (to_mel(mel.f_min, mel.scale), to_mel(mel.f_max, mel.scale));
    let step = (high - low) / (mel.bands + 1) as f64;
    let corners: Vec<f64> =
        (0..mel.bands + 2).map(|i| to_hertz(low + step * i as f64, mel.scale)).collect();
    corners
        .windows(3)
        .map(|corner| {
            let [left, middle, right] = [corner[0], corner[1], corner[2]];
            let scale = match mel.norm {
                None => 1.0,
                Some(MelNorm::Slaney) => 2.0 / (right - left),
            };
            let weight = |bin: usize| {
                let f = frequency(bin);
                ((f - left) / (middle - left)).min((right - f) / (right - middle)).max(0.0) * scale
            };
            let first = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            let weights = (first..bins).map(weight).take_while(|&w| w > 0.0).collect();
            Triangle { first, weights }
        })
        .collect()
}

/// Where Slaney's scale turns from linear to logarithmic, in hertz, and its slopes.
const SLANEY_KNEE: f64 = 1000.0;
const SLANEY_LINEAR: f64 = 200.0 / 3.0;

/// `ln(6.4) / 27`.
fn slaney_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn to_mel(hertz: f64, scale: MelScale) -> f64 {
    match scale {
        MelScale::Htk => 2595.0 * (1.0 + hertz / 700.0).log10(),
        MelScale::Slaney if hertz >= SLANEY_KNEE => {
            SLANEY_KNEE / SLANEY_LINEAR + (hertz / SLANEY_KNEE).ln() / slaney_step()
        }
        MelScale::Slaney => hertz / SLANEY_LINEAR,
    }
}

fn to_hertz(mel: f64, scale: MelScale) -> f64 {
    match scale {
        MelScale::Htk => 700.0 * (10_f64.powf(mel / 2595.0) - 1.0),
        MelScale::Slaney if mel >= SLANEY_KNEE / SLANEY_LINEAR => {
            SLANEY_KNEE * (slaney_step() * (mel - SLANEY_KNEE / SLANEY_LINEAR)).exp()
        }
        MelScale::Slaney => mel * SLANEY_LINEAR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_turn_back() {
        for scale in [MelScale::Htk, MelScale::Slaney] {
            for hertz in [0.0, 60.0, 999.0, 1000.0, 4321.0, 24_000.0] {
                assert!((to_hertz(to_mel(hertz, scale), scale) - hertz).abs() < 1e-9 * 24_000.0);
            }
        }
        assert!((to_mel(1000.0, MelScale::Htk) - 1000.0).abs() < 0.1);
        assert!((to_mel(1000.0, MelScale::Slaney) - 15.0).abs() < 1e-9);
    }

    #[test]
    fn a_short_window_lies_in_the_middle() {
        let window = hann(4, 8);
        assert_eq!(&window[..3], &[0.0, 0.0, 0.0]);
        assert!((window[4] - 1.0).abs() < 1e-12, "{window:?}");
    }
}
