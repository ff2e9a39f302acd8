//! JPEG's and WebP's planes as RGB, as libjpeg and libwebp make it of them: chroma upsampled
//! by a triangle filter ("fancy"), then the format's own matrix in fixed point.
//!
//! swscale's chroma is further from that than all the rest of the way together.

const CHANNELS: usize = 3;
const HALF: i32 = 1 << 15;

/// One plane of u8 samples, rows `stride` bytes apart.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    pub samples: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

impl<'a> Plane<'a> {
    fn row(&self, y: usize) -> &'a [u8] {
        &self.samples[y * self.stride..][..self.width]
    }
}

/// How many times fewer chroma samples there are than pixels: 1 or 2 each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subsampling {
    pub across: usize,
    pub down: usize,
}

/// Which matrix and range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JFIF 1.02: full range, BT.601's coefficients.
    Jfif,
    /// BT.601 of limited range.
    Webp,
}

/// Writes `[height, width, 3]` RGB of `luma`'s size.
pub fn to_rgb(
    luma: Plane<'_>,
    chroma: [Plane<'_>; 2],
    (form, sub): (Form, Subsampling),
    rgb: &mut [u8],
) {
    let colour = match form {
        Form::Jfif => jfif,
        Form::Webp => webp,
    };
    let width = luma.width;
    let mut rows = [vec![0; width + 1], vec![0; width + 1]];
    let mut sums = Vec::new();
    for (y, out) in rgb.chunks_exact_mut(width * CHANNELS).enumerate() {
        for (plane, row) in chroma.iter().zip(&mut rows) {
            upsample(plane, y, sub, &mut sums, row);
        }
        let [cb, cr] = &rows;
        for (x, pixel) in out.chunks_exact_mut(CHANNELS).enumerate() {
            pixel.copy_from_slice(&colour(luma.row(y)[x], cb[x], cr[x]));
        }
    }
}

/// Row `y` of the picture of one chroma plane; `out` has room for an even number of samples.
fn upsample(plane: &Plane<'_>, y: usize, sub: Subsampling, sums: &mut Vec<i32>, out: &mut [u8]) {
    let near = (y / sub.down).min(plane.height - 1);
    // Weights of 3 and 1; `scale` is what they add up to, so far.
    sums.clear();
    let (scale, bias) = if sub.down == 2 {
        let above = y.is_multiple_of(2);
        let below = (near + 1).min(plane.height - 1);
        let far = if above { near.saturating_sub(1) } else { below };
        let pairs = plane.row(near).iter().zip(plane.row(far));
        sums.extend(pairs.map(|(near, far)| 3 * i32::from(*near) + i32::from(*far)));
        (4, if above { 1 } else { 2 })
    } else {
        sums.extend(plane.row(near).iter().map(|sample| i32::from(*sample)));
        (1, 0)
    };
    if sub.across == 1 {
        out.iter_mut().zip(&*sums).for_each(|(out, sum)| *out = ((sum + bias) / scale) as u8);
        return;
    }
    // libjpeg repeats the samples of very narrow pictures.
    if plane.width <= 2 {
        for (x, out) in out.iter_mut().enumerate() {
            *out = plane.row(near)[(x / 2).min(plane.width - 1)];
        }
        return;
    }
    let biases = if scale == 1 { [1, 2] } else { [8, 7] };
    let last = sums.len() - 1;
    for (x, pair) in out.chunks_exact_mut(2).take(sums.len()).enumerate() {
        let (before, after) = (sums[x.saturating_sub(1)], sums[(x + 1).min(last)]);
        pair[0] = ((3 * sums[x] + before + biases[0]) / (4 * scale)) as u8;
        pair[1] = ((3 * sums[x] + after + biases[1]) / (4 * scale)) as u8;
    }
}

/// As libjpeg rounds.
fn jfif(luma: u8, cb: u8, cr: u8) -> [u8; 3] {
    const fn fixed(value: f64) -> i32 {
        (value * 65536.0 + 0.5) as i32
    }
    let (luma, cb, cr) = (i32::from(luma), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = luma + ((fixed(1.402) * cr + HALF) >> 16);
    let green = luma + ((-fixed(0.34414) * cb - fixed(0.71414) * cr + HALF) >> 16);
    let blue = luma + ((fixed(1.772) * cb + HALF) >> 16);
    [red, green, blue].map(|value| value.clamp(0, 255) as u8)
}

/// As libwebp rounds: 8 bits and then 6 behind the point.
fn webp(luma: u8, cb: u8, cr: u8) -> [u8; 3] {
    let part = |value: u8, factor: i32| (i32::from(value) * factor) >> 8;
    let luma = part(luma, 19_077);
    let red = luma + part(cr, 26_149) - 14_234;
    let green = luma - part(cb, 6_419) - part(cr, 13_320) + 8_708;
    let blue = luma + part(cb, 33_050) - 17_685;
    [red, green, blue].map(|value| (value >> 6).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upsampled(samples: &[u8], width: usize, y: usize, across: usize, down: usize) -> Vec<u8> {
        let plane = Plane { samples, stride: width, width, height: samples.len() / width };
        let mut out = vec![0; width * across];
        upsample(&plane, y, Subsampling { across, down }, &mut Vec::new(), &mut out);
        out
    }

    /// By hand, from the comments of libjpeg's `jdsample.c`.
    #[test]
    fn chroma_is_a_triangle_with_alternating_rounding() {
        assert_eq!(upsampled(&[0, 100, 50], 3, 0, 2, 1), [0, 25, 75, 88, 62, 50]);
        assert_eq!(upsampled(&[0, 100], 1, 1, 1, 2), [25]);
        assert_eq!(upsampled(&[0, 100], 1, 2, 1, 2), [75]);
        // Column sums of row 1: 3 * [0, 100, 50] + [10, 20, 30] = [10, 320, 180].
        let rows = [0, 100, 50, 10, 20, 30];
        assert_eq!(upsampled(&rows, 3, 1, 2, 2), [3, 22, 61, 71, 54, 45]);
        assert_eq!(upsampled(&[7, 9], 2, 0, 2, 2), [7, 7, 9, 9], "too narrow for a filter");
    }

    #[test]
    fn pictures_of_odd_sides_are_filled_to_their_edges() {
        for (form, colour) in [(Form::Jfif, jfif(90, 60, 200)), (Form::Webp, webp(90, 60, 200))] {
            for sub in [(2, 2), (2, 1), (1, 2), (1, 1)] {
                let sub = Subsampling { across: sub.0, down: sub.1 };
                let (width, height) = (7_usize, 5_usize);
                let (columns, rows) = (width.div_ceil(sub.across), height.div_ceil(sub.down));
                // Rows are padded with what must not be seen.
                let plane = |value: u8, width: usize, height: usize| {
                    let mut row = vec![value; width];
                    row.push(255);
                    row.repeat(height)
                };
                let of =
                    |samples, width, height| Plane { samples, stride: width + 1, width, height };
                let (luma, cb) = (plane(90, width, height), plane(60, columns, rows));
                let cr = plane(200, columns, rows);
                let mut rgb = vec![0; width * height * CHANNELS];
                let chroma = [of(&cb, columns, rows), of(&cr, columns, rows)];
                to_rgb(of(&luma, width, height), chroma, (form, sub), &mut rgb);
                assert!(
                    rgb.chunks_exact(CHANNELS).all(|pixel| pixel == colour),
                    "{form:?} {sub:?}"
                );
            }
        }
    }

    #[test]
    fn primaries_come_out_as_they_went_in() {
        assert_eq!(jfif(128, 128, 128), [128; 3]);
        assert_eq!(jfif(76, 85, 255), [254, 0, 0]);
        assert_eq!(jfif(29, 255, 107), [0, 0, 254]);
        assert_eq!((webp(16, 128, 128), webp(235, 128, 128)), ([0; 3], [255; 3]));
        assert_eq!(webp(81, 90, 240), [254, 0, 0]);
    }
}
