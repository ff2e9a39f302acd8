//! Fourier features of any positions, row by row.

use std::ops::Range;

use super::axis;
use crate::data::manifest::{Order, Position};

/// Where each axis's features lie among a row's Fourier channels, as [`Order`] says.
///
/// Positions only with `concat_pos`, cosines only without `sine_only`.
pub struct Columns {
    count: usize,
    /// One an axis.
    axes: Vec<AxisColumns>,
}

/// The columns of one axis.
struct AxisColumns {
    position: Option<usize>,
    sines: Range<usize>,
    /// Empty with `sine_only`.
    cosines: Range<usize>,
}

impl Columns {
    pub fn new(position: &Position) -> Self {
        let places = usize::from(position.concat_pos);
        let turns = if position.sine_only { 0 } else { 1 };
        let axes = position.bands.len();
        let all: usize = position.bands.iter().sum();
        let mut before = 0;
        let columns = position.bands.iter().enumerate().map(|(axis, &bands)| {
            let (at, sines, cosines) = match position.order {
                Order::PositionsSinesCosines => {
                    let sines = places * axes + before;
                    (axis, sines, sines + all)
                }
                Order::AxisSinesCosinesPosition => {
                    let sines = (1 + turns) * before + places * axis;
                    let cosines = sines + bands;
                    (cosines + turns * bands, sines, cosines)
                }
            };
            before += bands;
            AxisColumns {
                position: position.concat_pos.then_some(at),
                sines: sines..sines + bands,
                cosines: if position.sine_only { 0..0 } else { cosines..cosines + bands },
            }
        });
        Self { axes: columns.collect(), count: position.channels() }
    }

    /// Fourier channels of a row.
    pub fn count(&self) -> usize {
        self.count
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

    /// The features of one axis, in order, `cells` of them: from the model file's table if it
    /// carries one, else computed.
    pub fn of_axis(position: &Position, axis: usize, cells: usize) -> Vec<Self> {
        if let Some(table) = position.axis_tables.get(axis) {
            let rows = table.chunks_exact(position.axis_columns(axis));
            return rows.map(|row| Self::from_row(row, position, axis)).collect();
        }
        let bands = axis::bands(position.bands[axis], position.max_resolution[axis]);
        let places = axis::grid(cells).into_iter();
        places.map(|place| Self::new(place, &bands, position.sine_only)).collect()
    }

    /// `row`: position, sines and cosines, as far as the model wants them.
    fn from_row(row: &[f32], position: &Position, axis: usize) -> Self {
        let (place, turns) = row.split_at(usize::from(position.concat_pos));
        let (sines, cosines) = turns.split_at(position.bands[axis]);
        Self {
            position: place.first().copied().unwrap_or_default(),
            sines: sines.to_vec(),
            cosines: cosines.to_vec(),
        }
    }

    /// Moves to another place without allocating.
    pub fn set(&mut self, place: f64, bands: &[f64]) {
        self.position = place as f32;
        axis::turn(place, bands, &mut self.sines, &mut self.cosines);
    }

    /// Writes this axis's columns of one row's Fourier channels.
    pub fn write(&self, row: &mut [f32], axis: usize, columns: &Columns) {
        let columns = &columns.axes[axis];
        if let Some(column) = columns.position {
            row[column] = self.position;
        }
        row[columns.sines.clone()].copy_from_slice(&self.sines);
        if !self.cosines.is_empty() {
            row[columns.cosines.clone()].copy_from_slice(&self.cosines);
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
    use crate::data::manifest::TimeAxis;

    const ORDERS: [Order; 2] = [Order::PositionsSinesCosines, Order::AxisSinesCosinesPosition];

    fn position(bands: &[usize], concat_pos: bool, sine_only: bool) -> Position {
        Position {
            bands: bands.to_vec(),
            max_resolution: vec![8.0; bands.len()],
            concat_pos,
            sine_only,
            order: Order::PositionsSinesCosines,
            time: TimeAxis::Grid,
            tables: false,
            axis_tables: Vec::new(),
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
            for order in ORDERS {
                let position = Position { order, ..position(&[3, 1, 5], concat_pos, sine_only) };
                let columns = Columns::new(&position);
                let mut seen = vec![0; columns.count()];
                for axis in &columns.axes {
                    let all = axis.position.into_iter();
                    for column in all.chain(axis.sines.clone()).chain(axis.cosines.clone()) {
                        seen[column] += 1;
                    }
                }
                assert!(seen.iter().all(|&n| n == 1), "{order:?} {seen:?}");
            }
        }
    }

    #[test]
    fn orders_hold_the_same_values_in_other_places() {
        let places = [0.5, -0.25];
        let all = position(&[1, 2], true, false);
        let grouped = fourier_features(&places, &all);
        let by_axis = Position { order: Order::AxisSinesCosinesPosition, ..all };
        // Grouped: y, x, sin y, sin x, sin x, cos y, cos x, cos x.
        let wanted = [2, 5, 0, 3, 4, 6, 7, 1].map(|column| grouped[column]);
        assert_eq!(fourier_features(&places, &by_axis), wanted);
    }

    #[test]
    fn sines_and_positions_can_be_had_alone() {
        let places = [0.5, -0.25];
        let full = fourier_features(&places, &position(&[2, 2], true, false));
        assert_eq!(full.len(), 10);
        assert_eq!(fourier_features(&places, &position(&[2, 2], true, true)), full[..6]);
        assert_eq!(fourier_features(&places, &position(&[2, 2], false, true)), full[2..6]);
    }

    #[test]
    fn tables_of_the_file_come_before_any_formula() {
        let mut wanted = position(&[2], true, false);
        wanted.axis_tables =
            vec![[[0.5, 1.0, 2.0, 3.0, 4.0], [9.0, 8.0, 7.0, 6.0, 5.0]].as_flattened().into()];
        let features = Feature::of_axis(&wanted, 0, 2);
        let mut row = [0.0; 5];
        features[1].write(&mut row, 0, &Columns::new(&wanted));
        assert_eq!((features.len(), row), (2, [9.0, 8.0, 7.0, 6.0, 5.0]));
    }
}
