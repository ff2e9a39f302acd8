//! Fourier features against values that an independent script made (`export/golden_fourier.py`).

use std::path::Path;

use percept::byte_array::fourier_features;
use percept::data::manifest::{Order, Position, TimeAxis};

/// Both sides round a float64 to f32, so they may part by one step of f32 below 1.
const TOLERANCE: f32 = 1.2e-7;

#[derive(serde::Deserialize)]
struct Golden {
    rows: Vec<usize>,
    bands: Vec<usize>,
    max_resolution: Vec<f64>,
    concat_pos: bool,
    sine_only: bool,
    sampled: Vec<Sampled>,
}

#[derive(serde::Deserialize)]
struct Sampled {
    row: usize,
    values: Vec<f32>,
}

fn check(name: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/fourier-{name}.json"));
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let position = Position {
        bands: golden.bands,
        max_resolution: golden.max_resolution,
        concat_pos: golden.concat_pos,
        sine_only: golden.sine_only,
        order: Order::PositionsSinesCosines,
        time: TimeAxis::Grid,
        tables: false,
        axis_tables: Vec::new(),
    };
    assert!(golden.sampled.len() > 3);
    for Sampled { row, values } in golden.sampled {
        let mut rest = row;
        let mut places = vec![0.0; golden.rows.len()];
        for (place, &count) in places.iter_mut().zip(&golden.rows).rev() {
            *place = -1.0 + 2.0 * (rest % count) as f64 / (count - 1) as f64;
            rest /= count;
        }
        let found = fourier_features(&places, &position);
        assert_eq!(found.len(), values.len(), "{name}, row {row}");
        for (channel, (found, wanted)) in found.iter().zip(&values).enumerate() {
            assert!(
                (found - wanted).abs() <= TOLERANCE,
                "{name}, row {row}, channel {channel}: {found} is not {wanted}"
            );
        }
    }
}

#[test]
fn one_axis() {
    check("audio");
}

#[test]
fn two_axes_as_published_for_images() {
    check("image-224");
}

#[test]
fn two_axes_that_differ_in_rows_bands_and_resolution() {
    check("uneven-image");
}

#[test]
fn three_axes_as_the_default_model_has_them() {
    check("video");
}

#[test]
fn sines_without_positions_or_cosines() {
    check("video-sines-alone");
}
