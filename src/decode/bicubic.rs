//! Bicubic scaling as Pillow does it, to the bit: what published image models were trained on.
//!
//! Keys's cubic with a = -0.5, stretched by the scale where a picture is made smaller
//! (antialiased). First along rows, then along columns, each pass in fixed point and rounded
//! to u8. Other libraries round elsewhere or take the passes in the other order, which shows
//! as up to 20 of 255 on sharp edges.

use std::ops::Range;

/// Bits behind the point of a weight: with 8 of a pixel and 2 of overshoot they fill an i32.
const PRECISION: u32 = 32 - 8 - 2;
/// The kernel's reach to either side, in source pixels of an unscaled picture.
const SUPPORT: f64 = 2.0;
const CHANNELS: usize = 3;

/// Part of a u8 RGB picture: `[height, width, 3]`, rows `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub pixels: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

impl<'a> View<'a> {
    fn row(&self, y: usize) -> &'a [u8] {
        &self.pixels[y * self.stride..][..self.width * CHANNELS]
    }
}

/// Scales pictures of one size to another.
pub struct Bicubic {
    /// `(width, height)`.
    from: (usize, usize),
    to: (usize, usize),
    columns: Vec<Taps>,
    rows: Vec<Taps>,
    /// Scaled along rows only: `[from height, to width, 3]`.
    between: Vec<u8>,
    sums: Vec<i32>,
    scaled: Vec<u8>,
}

/// The source pixels that make one pixel, and their weights.
struct Taps {
    span: Range<usize>,
    weights: Vec<i32>,
}

impl Bicubic {
    /// `from` and `to` are `(width, height)`, above zero.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self {
            from,
            to,
            columns: taps(from.0, to.0),
            rows: taps(from.1, to.1),
            between: Vec::new(),
            sums: Vec::new(),
            scaled: Vec::new(),
        }
    }

    /// The scaled picture, `[to height, to width, 3]` without padding.
    pub fn run(&mut self, view: View<'_>) -> &[u8] {
        debug_assert_eq!((view.width, view.height), self.from);
        let row_bytes = self.to.0 * CHANNELS;
        self.between.resize(self.from.1 * row_bytes, 0);
        for (y, out) in self.between.chunks_exact_mut(row_bytes).enumerate() {
            if self.from.0 == self.to.0 {
                // Pillow leaves a pass out that changes no size.
                out.copy_from_slice(view.row(y));
            } else {
                along_row(view.row(y), &self.columns, out);
            }
        }
        if self.from.1 == self.to.1 {
            return &self.between;
        }
        self.scaled.resize(self.to.1 * row_bytes, 0);
        self.sums.resize(row_bytes, 0);
        for (taps, out) in self.rows.iter().zip(self.scaled.chunks_exact_mut(row_bytes)) {
            self.sums.fill(1 << (PRECISION - 1));
            for (y, weight) in taps.span.clone().zip(&taps.weights) {
                let row = &self.between[y * row_bytes..][..row_bytes];
                for (sum, byte) in self.sums.iter_mut().zip(row) {
                    *sum += i32::from(*byte) * weight;
                }
            }
            for (out, sum) in out.iter_mut().zip(&self.sums) {
                *out = rounded(*sum);
            }
        }
        &self.scaled
    }
}

fn along_row(row: &[u8], columns: &[Taps], out: &mut [u8]) {
    for (taps, out) in columns.iter().zip(out.chunks_exact_mut(CHANNELS)) {
        let mut sums = [1 << (PRECISION - 1); CHANNELS];
        let pixels = &row[taps.span.start * CHANNELS..taps.span.end * CHANNELS];
        for (pixel, weight) in pixels.chunks_exact(CHANNELS).zip(&taps.weights) {
            for (sum, byte) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(*byte) * weight;
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = rounded(sum);
        }
    }
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// What makes each of `to` pixels of a line of `from`.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let reach = SUPPORT * stretch;
    (0..to)
        .map(|at| {
            let centre = (at as f64 + 0.5) * scale;
            // A cast of a negative number gives 0.
            let first = (centre - reach + 0.5) as usize;
            let last = ((centre + reach + 0.5) as usize).min(from);
            let weight = |x: usize| kernel((x as f64 - centre + 0.5) * (1.0 / stretch));
            let sum: f64 = (first..last).map(weight).sum();
            let weights = (first..last).map(|x| fixed(weight(x) / sum)).collect();
            Taps { span: first..last, weights }
        })
        .collect()
}

fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION);
    (scaled + if weight < 0.0 { -0.5 } else { 0.5 }) as i32
}

/// Keys 1981, equation 15, with a = -0.5.
fn kernel(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `export/golden_pillow.py` with Pillow itself.
    const GOLDEN: &str = include_str!("../../tests/golden/pillow-bicubic.json");

    /// The pattern that the golden file's pictures are made of.
    fn pattern(width: usize, height: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut pixels = Vec::with_capacity(width * height * CHANNELS);
        for y in 0..height {
            for x in 0..width {
                // Hard edges overshoot, noise rounds, a ramp shows where a pixel lies.
                let edge = if (x / 5 + y / 3) % 2 == 0 { 255 } else { 0 };
                let ramp = (x * 255 / width.max(2)) as u8;
                pixels.extend([edge, noise(), ramp]);
            }
        }
        pixels
    }

    #[test]
    fn every_byte_is_pillow_s() {
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let side = |name: &str, at: usize| case[name][at].as_u64().unwrap() as usize;
            let (from, to) = ((side("from", 0), side("from", 1)), (side("to", 0), side("to", 1)));
            let want: Vec<u8> = case["pixels"]
                .as_str()
                .unwrap()
                .as_bytes()
                .chunks_exact(2)
                .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
                .collect();
            let pixels = pattern(from.0, from.1);
            let view =
                View { pixels: &pixels, stride: from.0 * CHANNELS, width: from.0, height: from.1 };
            let got = Bicubic::new(from, to).run(view).to_vec();
            let wrong = got.iter().zip(&want).filter(|(got, want)| got != want).count();
            assert_eq!((got.len(), wrong), (want.len(), 0), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn a_view_of_part_of_a_picture_sees_nothing_beside_it() {
        let pixels = pattern(20, 20);
        let part: Vec<u8> =
            (5..15).flat_map(|y| pixels[(y * 20 + 4) * 3..][..10 * 3].to_vec()).collect();
        let inner = View { pixels: &pixels[(5 * 20 + 4) * 3..], stride: 60, width: 10, height: 10 };
        let alone = View { pixels: &part, stride: 30, width: 10, height: 10 };
        let mut bicubic = Bicubic::new((10, 10), (7, 23));
        let want = bicubic.run(alone).to_vec();
        assert_eq!(bicubic.run(inner), want);
    }
}
