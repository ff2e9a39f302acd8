//! Fourier features.

use super::Faults;
use crate::data::manifest::{Input, Layout, Position};

const MOST_BANDS: usize = 4096;

/// Checks the positions of one input whose own numbers are as they should be.
pub fn check(input: &Input, faults: &mut Faults) {
    let Some(position) = input.position() else {
        if input.layout() == Layout::ByteArray {
            let fix = "write the Fourier features of training, or use layout \"raw\"";
            faults.add("position", "layout `byte_array` needs it and it is missing", fix);
        }
        return;
    };
    let names = axes(input);
    let lengths = [
        ("position.bands", position.bands.len()),
        ("position.max_resolution", position.max_resolution.len()),
    ];
    for (field, length) in lengths {
        if length != names.len() {
            let problem = format!("{length} numbers for {} axes", names.len());
            faults.add(field, problem, format!("write one each for {}", names.join(", ")));
        }
    }
    if position.bands.iter().any(|bands| !(1..=MOST_BANDS).contains(bands)) {
        faults.add(
            "position.bands",
            format!("{:?} is not 1 to {MOST_BANDS} an axis", position.bands),
            "write the bands of training",
        );
    }
    if position.max_resolution.iter().any(|top| !(top.is_finite() && *top > 0.0)) {
        let problem = format!("{:?} is not above 0 an axis", position.max_resolution);
        let fix = "write twice the highest frequency, an axis";
        faults.add("position.max_resolution", problem, fix);
    }
    if position.tables && input.layout() == Layout::ByteArray && faults.list.is_empty() {
        tables(input, position, faults);
    }
}

/// Names of the axes, slowest first.
pub fn axes(input: &Input) -> Vec<String> {
    match input {
        Input::Image(_) => vec!["y".into(), "x".into()],
        Input::Video(_) => vec!["t".into(), "y".into(), "x".into()],
        Input::Audio(sound) if sound.mel.is_some() => vec!["time".into(), "band".into()],
        Input::Audio(_) => vec!["time".into()],
        Input::Points(points) => (0..points.dimensions).map(|i| format!("axis {i}")).collect(),
    }
}

fn tables(input: &Input, position: &Position, faults: &mut Faults) {
    for (axis, cells) in input.cells().into_iter().enumerate() {
        let wanted = cells * position.axis_columns(axis);
        let found = position.axis_tables.get(axis).map(|table| table.len());
        if found == Some(wanted) {
            continue;
        }
        let problem = match found {
            None | Some(0) => format!("the file carries no table for axis {axis}"),
            Some(found) => format!("the table of axis {axis} has {found} numbers, not {wanted}"),
        };
        let fix = format!(
            "write {cells} x {} f32 as base64 into the metadata property `percept.table.{}.{axis}`",
            position.axis_columns(axis),
            input.name()
        );
        faults.add("position.tables", problem, fix);
    }
}
