//! Rows of point clouds.

use super::axis;
use super::fourier::{Columns, Feature};
use crate::data::Window;
use crate::data::manifest::Points;

/// Writes the Fourier features of a cloud's coordinates: nothing of a row is constant.
pub struct PointRows {
    columns: Columns,
    bands: Vec<Vec<f64>>,
    /// The features about to be written, one an axis.
    features: Vec<Feature>,
    points: usize,
}

impl PointRows {
    pub fn new(input: &Points) -> Self {
        let position = input.position.as_ref().expect("a checked byte array has positions");
        let axes = position.bands.iter().zip(&position.max_resolution);
        let bands: Vec<_> = axes.map(|(&count, &top)| axis::bands(count, top)).collect();
        let features =
            bands.iter().map(|bands| Feature::new(0.0, bands, position.sine_only)).collect();
        Self { columns: Columns::new(position), bands, features, points: input.points }
    }

    /// `values`: f32 `[points, channels]` of the slot. A missing cloud is written as zeros.
    pub fn write(&mut self, values: &mut [f32], channels: usize, window: &Window) {
        let Some(points) = &window.points else { return values.fill(0.0) };
        assert_eq!(
            points.len(),
            self.points * self.bands.len(),
            "a window has as many points as the model wants"
        );
        let rows = values.chunks_exact_mut(channels).zip(points.chunks_exact(self.bands.len()));
        for (row, point) in rows {
            for (axis, (feature, &place)) in self.features.iter_mut().zip(point).enumerate() {
                feature.set(f64::from(place), &self.bands[axis]);
                feature.write(row, axis, &self.columns);
            }
        }
    }
}
