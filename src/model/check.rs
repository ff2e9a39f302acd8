//! Whether a manifest makes sense, and whether the graph agrees with it.

use std::collections::HashSet;

use super::error::ManifestFault;
use super::onnx_file::{Port, Ports};
use crate::data::Manifest;
use crate::data::manifest::{Input, Layout, Modality, Output, TimeAxis};

/// Bounds that keep a wrong number from asking for all of the memory.
const MOST_FRAMES: usize = 1024;
const MOST_SIDE: usize = 16_384;
const MOST_BANDS: usize = 4096;
const MOST_VALUES: usize = 1 << 29;

/// Everything that is wrong with a manifest on its own.
pub fn manifest(manifest: &Manifest) -> Vec<ManifestFault> {
    let mut faults = Faults::default();
    for (field, text) in [("name", &manifest.name), ("version", &manifest.version)] {
        if text.trim().is_empty() {
            faults.add(field, "it is empty", "write the model's");
        }
    }
    if manifest.inputs.len() != 1 {
        let problem =
            format!("there are {} inputs; this percept feeds exactly one", manifest.inputs.len());
        faults.add("inputs", problem, "export a model of one modality");
    }
    for (index, one) in manifest.inputs.iter().enumerate() {
        faults.at = format!("inputs[{index}].");
        input(one, &mut faults);
    }
    faults.at = "output.".into();
    output(&manifest.output, &mut faults);
    faults.list
}

/// Everything in which the graph disagrees with a manifest that is sound on its own.
pub fn graph(manifest: &Manifest, ports: &Ports) -> Vec<ManifestFault> {
    let mut faults = Faults::default();
    let mut fed = HashSet::new();
    for (index, input) in manifest.inputs.iter().enumerate() {
        faults.at = format!("inputs[{index}].");
        let [height, width] = input.size;
        let (dtype, shape) = match input.layout {
            Layout::ByteArray => {
                let (rows, channels) = byte_array_shape(input);
                ("f32", vec![rows, channels])
            }
            Layout::Raw => ("u8", vec![input.frames, height, width, 3]),
        };
        fed.insert(&input.name);
        compare("name", &input.name, dtype, &shape, &ports.inputs, "input", &mut faults);
        if let Some(times) = &input.times {
            fed.insert(times);
            compare("times", times, "f32", &[input.frames], &ports.inputs, "input", &mut faults);
        }
    }
    faults.at.clear();
    for extra in ports.inputs.iter().filter(|port| !fed.contains(&port.name)) {
        let problem =
            format!("the graph also has an input `{}`, {extra}, which no field names", extra.name);
        faults.add("inputs", problem, "name it, or take it out of the graph");
    }
    faults.at = "output.".into();
    let labels = manifest.output.labels.len();
    compare("name", &manifest.output.name, "f32", &[labels], &ports.outputs, "output", &mut faults);
    faults.list
}

/// Rows and channels of one window of layout `byte_array`.
///
/// A row has its patch's bytes, then a position, sines and cosines an axis as `position` says.
pub fn byte_array_shape(input: &Input) -> (usize, usize) {
    let ([height, width], [t, y, x]) = (input.size, input.patch);
    let (position, rows) = (&input.position, (input.frames / t) * (height / y) * (width / x));
    let places = if position.concat_pos { position.bands.len() } else { 0 };
    let turns = if position.sine_only { 1 } else { 2 };
    (rows, t * y * x * 3 + places + turns * position.bands.iter().sum::<usize>())
}

fn input(input: &Input, faults: &mut Faults) {
    let ([height, width], [t, y, x]) = (input.size, input.patch);
    if input.name.is_empty() {
        faults.add("name", "it is empty", "write the name of the ONNX input");
    }
    if !(1..=MOST_FRAMES).contains(&input.frames) {
        faults.add(
            "frames",
            format!("{} is not 1 to {MOST_FRAMES}", input.frames),
            "write the frames of a window",
        );
    }
    if input.modality == Modality::Image && input.frames != 1 {
        faults.add(
            "frames",
            format!("an image has 1 frame, not {}", input.frames),
            "write 1, or modality \"video\"",
        );
    }
    if input.size.iter().any(|side| !(1..=MOST_SIDE).contains(side)) {
        faults.add(
            "size",
            format!("[{height}, {width}] is not 1 to {MOST_SIDE} a side"),
            "write [height, width] in pixels",
        );
    }
    if input.patch.contains(&0) {
        faults.add(
            "patch",
            format!("[{t}, {y}, {x}] has a zero"),
            "write [frames, height, width], at least 1 each",
        );
    } else if !input.frames.is_multiple_of(t)
        || !height.is_multiple_of(y)
        || !width.is_multiple_of(x)
    {
        let problem = format!(
            "[{t}, {y}, {x}] does not divide {} frames of [{height}, {width}]",
            input.frames
        );
        faults.add("patch", problem, "choose a patch that divides frames and size");
    }
    spacing(input, faults);
    for (field, values) in [("mean", input.mean), ("std", input.std)] {
        if values.iter().any(|value| !value.is_finite() || (field == "std" && *value <= 0.0)) {
            let wanted = if field == "std" { "finite and above 0" } else { "finite" };
            faults.add(
                field,
                format!("{values:?} is not {wanted}"),
                "write what training used, one a colour",
            );
        }
    }
    position(input, faults);
    if faults.list.is_empty()
        && byte_array_shape(input).0.saturating_mul(byte_array_shape(input).1) > MOST_VALUES
    {
        let (rows, channels) = byte_array_shape(input);
        faults.add(
            "size",
            format!("{rows} rows of {channels} channels do not fit"),
            "use larger patches",
        );
    }
    match (input.layout, input.position.time, &input.times) {
        (Layout::Raw, TimeAxis::Real, None) => {
            faults.add(
                "times",
                "it is missing",
                "name the ONNX input of the frames' times, or set time \"grid\"",
            );
        }
        (Layout::ByteArray, _, Some(_)) => {
            faults.add(
                "times",
                "layout `byte_array` has the times in its rows",
                "take it out, or use layout \"raw\"",
            );
        }
        _ => {}
    }
}

/// `interval` and `fps`: how far apart the frames are.
fn spacing(input: &Input, faults: &mut Faults) {
    if let Some([least, most]) = input.interval
        && !(least.is_finite() && most.is_finite() && 0.0 < least && least <= most)
    {
        let problem = format!("[{least}, {most}] is not a range of seconds");
        faults.add("interval", problem, "write [least, most] with 0 < least <= most");
    }
    if let Some(fps) = input.fps
        && !(fps.is_finite() && fps > 0.0)
    {
        faults.add("fps", format!("{fps} is not above 0"), "write frames a second");
    }
    if input.interval.is_some() && input.fps.is_some() {
        faults.add(
            "fps",
            "`interval` is there too",
            "keep the one that the model was trained with",
        );
    }
    if input.modality == Modality::Video && input.interval.is_none() && input.fps.is_none() {
        faults.add(
            "interval",
            "neither it nor `fps` is there",
            "write [least, most] seconds between frames, or fps",
        );
    }
    if input.position.time == TimeAxis::Real {
        if input.modality == Modality::Image || input.frames == 1 {
            faults.add("position.time", "`real` needs video of 2 frames or more", "write \"grid\"");
        }
        if input.interval.is_none() {
            faults.add(
                "interval",
                "`position.time` is `real` and it is missing",
                "write [least, most] in seconds",
            );
        }
    }
}

fn position(input: &Input, faults: &mut Faults) {
    let (position, axes) = (&input.position, if input.modality == Modality::Video { 3 } else { 2 });
    let names = if axes == 3 { "t, y, x" } else { "y, x" };
    let lengths = [
        ("position.bands", position.bands.len()),
        ("position.max_resolution", position.max_resolution.len()),
    ];
    for (field, length) in lengths {
        if length != axes {
            faults.add(
                field,
                format!("{length} numbers for {axes} axes"),
                format!("write one each for {names}"),
            );
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
        faults.add(
            "position.max_resolution",
            problem,
            "write twice the highest frequency, an axis",
        );
    }
}

fn output(output: &Output, faults: &mut Faults) {
    if output.labels.is_empty() {
        faults.add("labels", "there are none", "write one a logit");
    }
    let mut seen = HashSet::new();
    for (index, label) in output.labels.iter().enumerate() {
        if label.trim().is_empty() {
            faults.add(&format!("labels[{index}]"), "it is empty", "write the label's name");
        } else if !seen.insert(label) {
            faults.add(
                &format!("labels[{index}]"),
                format!("`{label}` is there twice"),
                "give each label its own name",
            );
        }
    }
    if let Some(calibration) = &output.calibration {
        for (field, values) in
            [("calibration.scale", &calibration.scale), ("calibration.bias", &calibration.bias)]
        {
            if values.len() != output.labels.len() {
                let problem =
                    format!("{} numbers for {} labels", values.len(), output.labels.len());
                faults.add(field, problem, "write one a label, in the labels' order");
            } else if values.iter().any(|value| !value.is_finite()) {
                faults.add(field, format!("{values:?} is not finite"), "calibrate again");
            }
        }
    }
    for (label, thresholds) in &output.thresholds {
        let field = format!("thresholds.{label}");
        if !output.labels.contains(label) {
            faults.add(
                &field,
                "no label has that name",
                format!("use one of {}", output.labels.join(", ")),
            );
        }
        let (enter, leave) = (thresholds.enter, thresholds.leave);
        if !(0.0..=1.0).contains(&enter) || !(0.0..=1.0).contains(&leave) {
            faults.add(
                &field,
                format!("enter {enter} and leave {leave} are not 0 to 1"),
                "write scores",
            );
        } else if leave > enter {
            faults.add(
                &field,
                format!("leave {leave} is above enter {enter}"),
                "write leave at or below enter",
            );
        }
    }
}

/// Compares one ONNX input or output with `dtype` and `[batch, shape..]`.
fn compare(
    field: &str,
    name: &str,
    dtype: &str,
    shape: &[usize],
    ports: &[Port],
    side: &'static str,
    faults: &mut Faults,
) {
    let Some(port) = ports.iter().find(|port| port.name == name) else {
        let names: Vec<_> = ports.iter().map(|port| format!("`{}`", port.name)).collect();
        let problem = format!("the graph has no {side} `{name}`");
        let fix = if names.is_empty() {
            "it has none".into()
        } else {
            format!("it has {}", names.join(", "))
        };
        return faults.add(field, problem, fix);
    };
    let sizes: Vec<_> = shape.iter().map(|size| size.to_string()).collect();
    let wanted = format!("{dtype} [batch, {}]", sizes.join(", "));
    let agrees = port.dtype == dtype
        && port.shape.as_ref().is_none_or(|found| {
            found.len() == shape.len() + 1
                && found
                    .iter()
                    .skip(1)
                    .zip(shape)
                    .all(|(found, wanted)| found.is_none_or(|n| n == *wanted as u64))
        });
    if !agrees {
        let problem = format!("the manifest means {wanted}, the graph's {side} `{name}` is {port}");
        faults.add(field, problem, "mend the manifest's numbers or export the graph again");
    } else if let Some(Some(batch)) = port.shape.as_ref().and_then(|shape| shape.first())
        && *batch != 1
    {
        let problem = format!("the graph's {side} `{name}` takes batches of {batch} alone");
        faults.add(field, problem, "export the graph with a free batch axis");
    }
}

#[derive(Default)]
struct Faults {
    /// Written before each field.
    at: String,
    list: Vec<ManifestFault>,
}

impl Faults {
    fn add(&mut self, field: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.list.push(ManifestFault::new(format!("{}{field}", self.at), problem, fix));
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
pub(super) mod tests;
