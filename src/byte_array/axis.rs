//! One axis of the positions: where its rows lie, and the features of a place on it.

use std::f64::consts::PI;

/// `count` positions evenly spaced from -1 to 1, in f64. One position alone is -1.
pub fn grid(count: usize) -> Vec<f64> {
    spaced(-1.0, 1.0, count)
}

/// `count` frequencies from 1 to half of `max_resolution`, in half turns a unit of position.
pub fn bands(count: usize, max_resolution: f64) -> Vec<f64> {
    spaced(1.0, max_resolution / 2.0, count)
}

/// Writes `sin(pi f x)` and `cos(pi f x)` for every band `f`, angles formed in f64.
///
/// `sines` and `cosines` are as long as `bands`; empty `cosines` are left out.
pub fn turn(position: f64, bands: &[f64], sines: &mut [f32], cosines: &mut [f32]) {
    for (sine, band) in sines.iter_mut().zip(bands) {
        *sine = (PI * band * position).sin() as f32;
    }
    for (cosine, band) in cosines.iter_mut().zip(bands) {
        *cosine = (PI * band * position).cos() as f32;
    }
}

/// `first` to `last` in `count` even steps, ends included; the last is exactly `last`.
fn spaced(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / (count.max(2) - 1) as f64;
    let mut values: Vec<f64> = (0..count).map(|i| first + step * i as f64).collect();
    if count > 1 {
        values[count - 1] = last;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_row_lies_at_the_start_of_its_axis() {
        assert_eq!(grid(1), [-1.0]);
        assert_eq!(bands(1, 224.0), [1.0]);
    }

    #[test]
    fn ends_are_exact() {
        for count in [2, 3, 7, 224] {
            let grid = grid(count);
            assert_eq!((grid[0], grid[count - 1]), (-1.0, 1.0));
        }
        assert_eq!(bands(64, 224.0)[63], 112.0);
    }
}
