//! Where rows are: Fourier features.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Fourier features of the rows' positions (Jaegle et al. 2021, section 3.2).
///
/// Axes: `[time, y, x]` for video, `[y, x]` for images, `[time]` for samples, `[time, band]` for
/// spectrograms, the coordinates for points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Bands an axis.
    pub bands: Vec<usize>,
    /// Twice the highest frequency, an axis; not the number of rows.
    pub max_resolution: Vec<f64>,
    #[serde(default = "yes")]
    pub concat_pos: bool,
    #[serde(default)]
    pub sine_only: bool,
    pub order: Order,
    #[serde(default)]
    pub time: TimeAxis,
    /// Whether the file carries the reference implementation's values: metadata properties
    /// `percept.table.<input>.<axis>`.
    #[serde(default)]
    pub tables: bool,
    /// Those values, an axis: f32 `[positions, columns]`, a position's columns being itself (with
    /// `concat_pos`), its sines and its cosines (without `sine_only`).
    #[serde(skip)]
    pub axis_tables: Vec<Arc<[f32]>>,
}

impl Position {
    /// Columns of one axis: its position, sines and cosines, as far as wanted.
    pub fn axis_columns(&self, axis: usize) -> usize {
        let turns = if self.sine_only { 1 } else { 2 };
        usize::from(self.concat_pos) + turns * self.bands[axis]
    }

    /// Fourier channels of a row.
    pub fn channels(&self) -> usize {
        (0..self.bands.len()).map(|axis| self.axis_columns(axis)).sum()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// All positions, then all sines axis by axis, then all cosines axis by axis.
    PositionsSinesCosines,
    /// Axis by axis: its sines, its cosines, its position.
    AxisSinesCosinesPosition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeAxis {
    /// Rows are evenly spaced from -1 to 1.
    #[default]
    Grid,
    /// `1 + 2 * mean(seconds relative to the window's end) / ((frames - 1) * interval[1])`,
    /// the mean over the frames of the row's patch, clamped to `[-1, 1]`.
    Real,
}

fn yes() -> bool {
    true
}
