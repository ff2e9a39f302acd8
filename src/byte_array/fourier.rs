//! Fourier features of any positions, row by row.

use std::ops::Range;

use super::axis;
use crate::data::manifest::Position;

/// Where each axis's features lie among a row's Fourier channels.
///
/// `[pos_1 .. pos_n, sines of axis 1 .. axis n, cosines of axis 1 .. axis n]`; positions
/// only with `concat_pos`, cosines only without `sine_only`.
pub struct Columns {
    axes: usize,
    concat_pos: bool,
    sine_only: bool,
    /// Bands before each axis, and all of them at the end: `axes + 1` numbers.
    before: Vec<usize>,
}

impl Columns {
    pub fn new(position: &Position) -> Self {
        let mut before = vec![0];
        for bands in &position.bands {
            before.push(before[before.len() - 1] + bands);
        }
        Self {
            axes: position.bands.len(),
            concat_pos: position.concat_pos,
            sine_only: position.sine_only,
            before,
        }
    }

    /// Fourier channels of a row.
    pub fn count(&self) -> usize {
        let turns = if self.sine_only { 1 } else { 2 };
        self.sines_from() + turns * self.before[self.axes]
    }

    /// The column of the axis's position, where positions are concatenated.
    pub fn position(&self, axis: usize) -> Option<usize> {
        self.concat_pos.then_some(axis)
    }

    pub fn sines(&self, axis: usize) -> Range<usize> {
        let from = self.sines_from();
        from + self.before[axis]..from + self.before[axis + 1]
    }

    /// Empty with `sine_only`.
    pub fn cosines(&self, axis: usize) -> Range<usize> {
        if self.sine_only {
            return 0..0;
        }
        let from = self.sines_from() + self.before[self.axes];
        from + self.before[axis]..from + self.before[axis + 1]
    }

    fn sines_from(&self) -> usize {
        if self.concat_pos { self.axes } else { 0 }
    }
}

/// The features of one place on one axis.
#[derive(Clone)]
pub struct Feature {
    position: f32,
    sines: Vec<f32>,
    /// Empty with `sine_only`.
    cosines: Vec<f32>,
}

impl Feature {
    /// `bands` as from [`axis::bands`]; the angles are formed in f64, then rounded.
    pub fn new(place: f64, bands: &[f64], sine_only: bool) -> Self {
        let mut feature = Self {
            position: place as f32,
            sines: vec![0.0; bands.len()],
            cosines: vec![0.0; if sine_only { 0 } else { bands.len() }],
        };
        axis::turn(place, bands, &mut feature.sines, &mut feature.cosines);
        feature
    }

    /// Moves to another place without allocating.
    pub fn set(&mut self, place: f64, bands: &[f64]) {
        self.position = place as f32;
        axis::turn(place, bands, &mut self.sines, &mut self.cosines);
    }

    /// Writes this axis's columns of one row's Fourier channels.
    pub fn write(&self, row: &mut [f32], axis: usize, columns: &Columns) {
        if let Some(column) = columns.position(axis) {
            row[column] = self.position;
        }
        row[columns.sines(axis)].copy_from_slice(&self.sines);
        if !self.cosines.is_empty() {
            row[columns.cosines(axis)].copy_from_slice(&self.cosines);
        }
    }
}

/// Fourier features (Jaegle et al. 2021, section 3.2) of `positions`, f64 `[m, axes]` in `[-1, 1]`.
///
/// Gives f32 `[m, features]`, row-major: each sine and cosine is formed in f64 and then
/// rounded. Frequencies are those of `position`: `linspace(1, max_resolution / 2, bands)`
/// half turns a unit, an axis. Slow and plain; [`super::ByteArray`] is the fast way.
///
/// # Panics
/// If `positions` is not a multiple of `position`'s axes.
pub fn fourier_features(positions: &[f64], position: &Position) -> Vec<f32> {
    let columns = Columns::new(position);
    let axes = position.bands.len();
    assert!(axes > 0 && positions.len().is_multiple_of(axes), "positions come in rows of {axes}");
    let bands: Vec<_> = position
        .bands
        .iter()
        .zip(&position.max_resolution)
        .map(|(&k, &max)| axis::bands(k, max))
        .collect();
    let mut features: Vec<_> =
        bands.iter().map(|bands| Feature::new(0.0, bands, position.sine_only)).collect();
    let mut out = vec![0.0; positions.len() / axes * columns.count()];
    for (row, places) in out.chunks_exact_mut(columns.count()).zip(positions.chunks_exact(axes)) {
        for (axis, &place) in places.iter().enumerate() {
            features[axis].set(place, &bands[axis]);
            features[axis].write(row, axis, &columns);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::{Order, TimeAxis};

    fn position(bands: &[usize], concat_pos: bool, sine_only: bool) -> Position {
        Position {
            bands: bands.to_vec(),
            max_resolution: vec![8.0; bands.len()],
            concat_pos,
            sine_only,
            order: Order::PositionsSinesCosines,
            time: TimeAxis::Grid,
        }
    }

    #[test]
    fn the_published_image_has_258_fourier_channels() {
        assert_eq!(Columns::new(&position(&[64, 64], true, false)).count(), 258);
    }

    #[test]
    fn every_column_belongs_to_exactly_one_axis_and_kind() {
        for (concat_pos, sine_only) in [(true, false), (false, false), (true, true), (false, true)]
        {
            let columns = Columns::new(&position(&[3, 1, 5], concat_pos, sine_only));
            let mut seen = vec![0; columns.count()];
            for axis in 0..3 {
                for column in columns
                    .position(axis)
                    .into_iter()
                    .chain(columns.sines(axis))
                    .chain(columns.cosines(axis))
                {
                    seen[column] += 1;
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{seen:?}");
        }
    }

    #[test]
    fn sines_and_positions_can_be_had_alone() {
        let places = [0.5, -0.25];
        let full = fourier_features(&places, &position(&[2, 2], true, false));
        assert_eq!(full.len(), 10);
        assert_eq!(fourier_features(&places, &position(&[2, 2], true, true)), full[..6]);
        assert_eq!(fourier_features(&places, &position(&[2, 2], false, true)), full[2..6]);
    }
}
