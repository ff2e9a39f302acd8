//! A model's manifest for people to read.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::check::byte_array_shape;
use super::error::ModelError;
use super::manifest::read_manifest;
use crate::data::Manifest;
use crate::data::manifest::{Input, Layout, Modality, Output, TimeAxis};

/// What `percept model show FILE` prints. Needs no ONNX Runtime.
///
/// # Errors
/// As [`read_manifest`].
pub fn show(path: &Path) -> Result<String, ModelError> {
    let manifest = read_manifest(path)?;
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(format!(
        "{}file      {}, {:.2} MB\n",
        describe(&manifest),
        path.display(),
        size as f64 / 1e6
    ))
}

/// Name, licence, inputs, labels and card of a checked manifest, in lines of at most about 100 columns.
pub fn describe(manifest: &Manifest) -> String {
    let mut text = String::new();
    line(&mut text, "model", format!("{} {}", manifest.name, manifest.version));
    line(&mut text, "licence", &manifest.license);
    if !manifest.source.is_empty() {
        line(&mut text, "source", &manifest.source);
    }
    for input in &manifest.inputs {
        describe_input(&mut text, input);
    }
    describe_output(&mut text, &manifest.output);
    if !manifest.card.is_null() {
        text.push_str("card\n");
        card(&mut text, &manifest.card, 1);
    }
    text
}

fn describe_input(text: &mut String, input: &Input) {
    let [height, width] = input.size;
    let clip = match (input.modality, input.interval, input.fps) {
        (Modality::Image, ..) => format!("a picture of {width}x{height}"),
        (_, Some([least, most]), _) => {
            format!("{} frames of {width}x{height}, {least} to {most} s apart", input.frames)
        }
        (_, _, Some(fps)) => {
            format!("{} frames of {width}x{height} at {fps} a second", input.frames)
        }
        (_, None, None) => format!("{} frames of {width}x{height}", input.frames),
    };
    line(text, "input", format!("{} ({}): {clip}", input.name, word(&input.modality)));
    line(text, "", format!("resize {}, filter {}", word(&input.resize), word(&input.filter)));
    match input.layout {
        Layout::ByteArray => {
            let (rows, channels) = byte_array_shape(input);
            let bytes = input.patch.iter().product::<usize>() * 3;
            let [t, y, x] = input.patch;
            line(
                text,
                "",
                format!(
                    "byte array of {rows} rows, {channels} channels: {bytes} bytes, {} Fourier",
                    channels - bytes
                ),
            );
            line(text, "", format!("a row is a patch of {t} frames of {x}x{y}"));
        }
        Layout::Raw => line(text, "", "raw bytes; positions are inside the graph"),
    }
    let (axes, position) =
        (if input.modality == Modality::Video { "t, y, x" } else { "y, x" }, &input.position);
    let time = if position.time == TimeAxis::Real { "; real times" } else { "" };
    let turns = if position.sine_only { "sines alone" } else { "sines and cosines" };
    let (bands, tops) = (list(&position.bands), list(&position.max_resolution));
    line(text, "", format!("Fourier features of {axes}: {bands} bands to {tops}, {turns}{time}"));
    line(
        text,
        "",
        format!("mean {}, deviation {} of bytes / 255", list(&input.mean), list(&input.std)),
    );
}

fn describe_output(text: &mut String, output: &Output) {
    let calibrated = if output.calibration.is_some() { ", calibrated" } else { "" };
    let activation = word(&output.activation);
    line(
        text,
        "output",
        format!("{}: {} labels, {activation}{calibrated}", output.name, output.labels.len()),
    );
    let width = output.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(5);
    line(text, "", format!("{:width$}  enter  leave", "label"));
    for label in &output.labels {
        let (enter, leave) = match output.thresholds.get(label) {
            Some(thresholds) => {
                (format!("{:.2}", thresholds.enter), format!("{:.2}", thresholds.leave))
            }
            None => ("-".into(), "-".into()),
        };
        line(text, "", format!("{label:width$}  {enter:>5}  {leave:>5}"));
    }
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{}", format!("{name:<10}{value}").trim_end());
}

/// A choice as the manifest writes it, such as `stretch`.
fn word(choice: &impl serde::Serialize) -> String {
    serde_json::to_value(choice)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn list<T: std::fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// A card is free JSON: objects as indented names, everything else on its name's line.
fn card(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if value
                    .as_object()
                    .is_some_and(|fields| fields.values().any(|v| v.is_object() || v.is_array()))
                {
                    let _ = writeln!(text, "{indent}{name}");
                    card(text, value, depth + 1);
                } else {
                    let _ = writeln!(text, "{indent}{name}: {}", inline(value));
                }
            }
        }
        other => {
            let _ = writeln!(text, "{indent}{}", inline(other));
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", inline(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}
