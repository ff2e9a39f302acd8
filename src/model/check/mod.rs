//! Whether a manifest makes sense, and whether the graph agrees with it.

mod input;
mod output;
mod position;

use std::collections::HashSet;

pub use position::axes;

use super::error::ManifestFault;
use super::onnx_file::{Port, Ports};
use crate::data::Manifest;
use crate::data::manifest::{Input, Layout};

/// Everything that is wrong with a manifest on its own.
pub fn manifest(manifest: &Manifest) -> Vec<ManifestFault> {
    let mut faults = Faults::default();
    for (field, text) in [("name", &manifest.name), ("version", &manifest.version)] {
        if text.trim().is_empty() {
            faults.add(field, "it is empty", "write the model's");
        }
    }
    let shown = [&manifest.name, &manifest.version, &manifest.license, &manifest.source];
    for (field, text) in ["name", "version", "license", "source"].into_iter().zip(shown) {
        faults.controls(field, text);
    }
    if manifest.inputs.is_empty() {
        faults.add("inputs", "there are none", "describe each ONNX input that takes a modality");
    }
    for (index, one) in manifest.inputs.iter().enumerate() {
        faults.at = format!("inputs[{index}].");
        input::check(one, &mut faults);
        let modality = one.modality();
        if manifest.inputs[..index].iter().any(|other| other.modality() == modality) {
            let problem = format!("a second input of {}", modality.as_str());
            faults.add("modality", problem, "a model takes each modality once");
        }
    }
    faults.at = "steps.".into();
    if let Some(steps) = &manifest.steps {
        if !(1..=MOST_LOOKS).contains(&steps.looks) {
            let problem = format!("{} is not 1 to {MOST_LOOKS}", steps.looks);
            faults.add("looks", problem, "write how many looks the whole model takes");
        }
        for (field, name) in [("latents", &steps.latents), ("gives", &steps.gives)] {
            if name.is_empty() {
                faults.add(field, "it is empty", "write the ONNX name of the latents");
            }
        }
    }
    faults.at = "output.".into();
    output::check(&manifest.output, &mut faults);
    output::judges(manifest, &mut faults);
    faults.list
}

/// Looks beyond this are a slip of the pen.
const MOST_LOOKS: usize = 1024;

/// Everything in which the graph disagrees with a manifest that is sound on its own.
pub fn graph(manifest: &Manifest, ports: &Ports) -> Vec<ManifestFault> {
    let mut faults = Faults::default();
    let wanted = wanted(manifest);
    for want in &wanted {
        compare(want, &ports.inputs, "input", &mut faults);
    }
    let fed: HashSet<_> = wanted.iter().map(|want| want.name).collect();
    for extra in ports.inputs.iter().filter(|port| !fed.contains(port.name.as_str())) {
        let problem =
            format!("the graph also has an input `{}`, {extra}, which no field names", extra.name);
        faults.add("inputs", problem, "name it, or take it out of the graph");
    }
    let output = &manifest.output;
    let logits = Wanted {
        field: "output.name".into(),
        name: &output.name,
        dtype: "f32",
        shape: vec![output.labels.len()],
    };
    compare(&logits, &ports.outputs, "output", &mut faults);
    if let Some(steps) = &manifest.steps
        && !ports.outputs.iter().any(|port| port.name == steps.gives)
    {
        let problem = format!("the graph has no output `{}`", steps.gives);
        faults.add("steps.gives", problem, listed(&ports.outputs));
    }
    faults.list
}

/// What an ONNX input or output must be for the manifest to be true.
pub struct Wanted<'a> {
    /// Of the manifest, such as `inputs[0].times`.
    pub field: String,
    /// In the graph.
    pub name: &'a str,
    pub dtype: &'static str,
    /// Of one window, without the batch.
    pub shape: Vec<usize>,
}

/// Every ONNX input that a sound manifest wants fed.
pub fn wanted(manifest: &Manifest) -> Vec<Wanted<'_>> {
    let mut wanted = Vec::new();
    for (index, input) in manifest.inputs.iter().enumerate() {
        let (dtype, shape) = match (input.layout(), input) {
            (Layout::ByteArray, _) => {
                let (rows, channels) = input.byte_array_shape();
                ("f32", vec![rows, channels])
            }
            (Layout::Raw, Input::Image(_) | Input::Video(_)) => ("u8", input.raw_shape()),
            (Layout::Raw, _) => ("f32", input.raw_shape()),
        };
        wanted.push(Wanted {
            field: format!("inputs[{index}].name"),
            name: input.name(),
            dtype,
            shape,
        });
        if let Input::Image(pictures) | Input::Video(pictures) = input
            && let Some(times) = &pictures.times
        {
            let (field, shape) = (format!("inputs[{index}].times"), vec![pictures.frames]);
            wanted.push(Wanted { field, name: times, dtype: "f32", shape });
        }
    }
    if let Some(present) = &manifest.present {
        let shape = vec![manifest.inputs.len()];
        wanted.push(Wanted { field: "present".into(), name: present, dtype: "f32", shape });
    }
    wanted
}

/// Compares one ONNX input or output with `[batch, shape..]`.
fn compare(wanted: &Wanted<'_>, ports: &[Port], side: &'static str, faults: &mut Faults) {
    let Some(port) = ports.iter().find(|port| port.name == wanted.name) else {
        let problem = format!("the graph has no {side} `{}`", wanted.name);
        return faults.add(&wanted.field, problem, listed(ports));
    };
    let sizes: Vec<_> = wanted.shape.iter().map(|size| size.to_string()).collect();
    let means = format!("{} [batch, {}]", wanted.dtype, sizes.join(", "));
    let agrees = port.dtype == wanted.dtype
        && port.shape.as_ref().is_none_or(|found| {
            found.len() == wanted.shape.len() + 1
                && found
                    .iter()
                    .skip(1)
                    .zip(&wanted.shape)
                    .all(|(found, wanted)| found.is_none_or(|n| n == *wanted as u64))
        });
    if !agrees {
        let name = wanted.name;
        let problem = format!("the manifest means {means}, the graph's {side} `{name}` is {port}");
        let fix = "mend the manifest's numbers or export the graph again";
        faults.add(&wanted.field, problem, fix);
    } else if let Some(Some(batch)) = port.shape.as_ref().and_then(|shape| shape.first())
        && *batch != 1
    {
        let problem =
            format!("the graph's {side} `{}` takes batches of {batch} alone", wanted.name);
        faults.add(&wanted.field, problem, "export the graph with a free batch axis");
    }
}

fn listed(ports: &[Port]) -> String {
    let names: Vec<_> = ports.iter().map(|port| format!("`{}`", port.name)).collect();
    if names.is_empty() { "it has none".into() } else { format!("it has {}", names.join(", ")) }
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

    /// Whether `text`, which terminals are to show, holds control characters; tells if so.
    fn controls(&mut self, field: &str, text: &str) -> bool {
        let found = text.contains(char::is_control);
        if found {
            let problem = format!("{text:?} holds control characters");
            self.add(field, problem, "write plain text on one line");
        }
        found
    }
}

#[cfg(test)]
pub(super) mod tests;
