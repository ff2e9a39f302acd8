//! A model's manifest for people to read.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::check::axes;
use super::error::ModelError;
use super::manifest::read_manifest;
use crate::data::Manifest;
use crate::data::manifest::{Input, Layout, Pictures, Sound, Thresholds, TimeAxis};

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
    if let Some(present) = &manifest.present {
        line(&mut text, "", format!("{present}: which of them are there"));
    }
    if let Some(steps) = &manifest.steps {
        line(&mut text, "steps", format!("{} looks, each one run of the graph", steps.looks));
    }
    describe_output(&mut text, manifest);
    if !manifest.verify.is_null() {
        text.push_str("verified\n");
        card(&mut text, &manifest.verify, 1);
    }
    if !manifest.card.is_null() {
        text.push_str("card\n");
        card(&mut text, &manifest.card, 1);
    }
    text
}

fn describe_input(text: &mut String, input: &Input) {
    let clip = match input {
        Input::Image(one) => {
            let [height, width] = one.size;
            format!("{} (image): a picture of {width}x{height}", one.name)
        }
        Input::Video(one) => format!("{} (video): {}", one.name, video(one)),
        Input::Audio(one) => format!("{} (audio): {}", one.name, sound(one)),
        Input::Points(one) => {
            format!("{} (points): {} points of {} axes", one.name, one.points, one.dimensions)
        }
    };
    line(text, "input", clip);
    if let Input::Image(one) | Input::Video(one) = input {
        let share = match one.crop_fraction {
            1.0 => String::new(),
            share => format!(" of {share}"),
        };
        let (resize, filter) = (word(&one.resize), word(&one.filter));
        line(text, "", format!("resize {resize}{share}, filter {filter}"));
        let (mean, std) = (list(&one.mean), list(&one.std));
        line(text, "", format!("mean {mean}, deviation {std} of bytes / 255"));
    }
    match input.layout() {
        Layout::ByteArray => {
            let (rows, channels) = input.byte_array_shape();
            let values = input.bytes();
            let features = channels - values;
            line(
                text,
                "",
                format!(
                    "byte array of {rows} rows, {channels} channels: {values} values, {features} Fourier"
                ),
            );
        }
        Layout::Raw => line(text, "", "raw values; positions are inside the graph"),
    }
    match input {
        Input::Image(Pictures { patch: [_, y, x], .. }) if [*y, *x] != [1, 1] => {
            line(text, "", format!("a row is a patch of {x}x{y} pixels"));
        }
        Input::Video(Pictures { patch: [t, y, x], .. }) => {
            line(text, "", format!("a row is a patch of {t} frames of {x}x{y}"));
        }
        _ => {}
    }
    if let Some(position) = input.position() {
        let time = if position.time == TimeAxis::Real { "; real times" } else { "" };
        let tables = if position.tables { "; tables of the original" } else { "" };
        let turns = if position.sine_only { "sines alone" } else { "sines and cosines" };
        let (bands, tops) = (list(&position.bands), list(&position.max_resolution));
        let axes = axes(input).join(", ");
        let features = format!("{axes}: {bands} bands to {tops}, {turns}{time}{tables}");
        line(text, "", format!("Fourier features of {features}"));
    }
}

fn video(input: &Pictures) -> String {
    let ([height, width], frames) = (input.size, input.frames);
    let clip = format!("{frames} frames of {width}x{height}");
    match (input.interval, input.fps) {
        (Some([least, most]), _) => format!("{clip}, {least} to {most} s apart"),
        (_, Some(fps)) => format!("{clip} at {fps} a second"),
        (None, None) => clip,
    }
}

fn sound(input: &Sound) -> String {
    let seconds = input.samples as f64 / f64::from(input.sample_rate);
    let channels =
        if input.channels == 1 { "mono".into() } else { format!("{} channels", input.channels) };
    let clip = format!("{seconds:.3} s at {} Hz, {channels}", input.sample_rate);
    match &input.mel {
        None => clip,
        Some(mel) => {
            let frames = mel.frames(input.samples);
            format!("{clip}, as a spectrogram of {frames} frames of {} mel bands", mel.bands)
        }
    }
}

fn describe_output(text: &mut String, manifest: &Manifest) {
    let output = &manifest.output;
    let calibrated = if output.calibration.is_some() { ", calibrated" } else { "" };
    let activation = word(&output.activation);
    line(
        text,
        "output",
        format!("{}: {} labels, {activation}{calibrated}", output.name, output.labels.len()),
    );
    let width = output.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(5);
    let judges = if output.judges.is_some() { "  judges" } else { "" };
    line(text, "", format!("{:width$}  enter  leave  start_after  end_after{judges}", "label"));
    for (index, label) in output.labels.iter().enumerate() {
        let thresholds = output.thresholds.get(label).copied().unwrap_or(Thresholds::DEFAULT);
        let (enter, leave) = (thresholds.enter, thresholds.leave);
        let hold = |seconds: f64| format!("{} s", seconds.abs());
        let start = hold(thresholds.start_after.unwrap_or(Thresholds::START_AFTER));
        let end = hold(thresholds.end_after.unwrap_or(Thresholds::END_AFTER));
        let judged = output.judges.as_ref().and_then(|judges| judges.get(index));
        let judged = judged.map_or("", String::as_str);
        line(
            text,
            "",
            format!("{label:width$}  {enter:>5.2}  {leave:>5.2}  {start:>11}  {end:>9}  {judged}"),
        );
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
