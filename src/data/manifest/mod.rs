//! The model's own description: the JSON document in its ONNX metadata.
//!
//! Types only, as written in the file, version 1. `model` reads and checks them
//! against the graph; a manifest taken from a loaded model is consistent.

mod input;
mod output;
mod position;

use serde::{Deserialize, Serialize};

pub use input::{
    Filter, Input, Layout, Logarithm, Mel, MelNorm, MelScale, Modality, Pictures, Points, Resize,
    Sound,
};
pub use output::{Activation, Calibration, Output, Thresholds};
pub use position::{Order, Position, TimeAxis};

/// The `percept.manifest` metadata property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this document's form: 1.
    pub manifest: u32,
    pub name: String,
    pub version: String,
    pub license: String,
    #[serde(default)]
    pub source: String,
    /// Free form: what it was trained on, held-out scores.
    #[serde(default)]
    pub card: serde_json::Value,
    /// Free form: how the file was compared with the model that it was exported from.
    #[serde(default)]
    pub verify: serde_json::Value,
    /// One a modality.
    pub inputs: Vec<Input>,
    /// The ONNX input f32 `[batch, inputs]`: 1 where a modality is there, 0 where it is missing.
    #[serde(default)]
    pub present: Option<String>,
    /// The graph is one look of an iterative Perceiver.
    #[serde(default)]
    pub steps: Option<Steps>,
    pub output: Output,
}

impl Manifest {
    /// The input that takes pictures or video, if there is one.
    pub fn pictures(&self) -> Option<&Pictures> {
        self.inputs.iter().find_map(|input| match input {
            Input::Image(pictures) | Input::Video(pictures) => Some(pictures),
            Input::Audio(_) | Input::Points(_) => None,
        })
    }

    /// The input that takes sound, if there is one.
    pub fn sound(&self) -> Option<&Sound> {
        self.inputs.iter().find_map(|input| match input {
            Input::Audio(sound) => Some(sound),
            _ => None,
        })
    }

    /// What each label judges, one a label; `None`: the whole window, whatever it holds.
    pub fn judged(&self) -> Vec<Option<Modality>> {
        let named = |name: &String| self.inputs.iter().find(|input| input.name() == name);
        let judged = |label: usize| {
            let name = self.output.judges.as_ref()?.get(label)?;
            named(name).map(Input::modality)
        };
        (0..self.output.labels.len()).map(judged).collect()
    }

    /// Whether labels judge the sound itself.
    pub fn judges_sound(&self) -> bool {
        self.judged().contains(&Some(Modality::Sound))
    }

    /// The input that takes point clouds, if there is one.
    pub fn points(&self) -> Option<&Points> {
        self.inputs.iter().find_map(|input| match input {
            Input::Points(points) => Some(points),
            _ => None,
        })
    }
}

/// The model as one look (Jaegle et al. 2021, section 3.2: an RNN unrolled in depth, shared weights).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// The ONNX input f32 `[batch, latents, width]`. The graph holds a value of its own for it, the
    /// learned array: where it is fed nothing, the first look starts from there.
    pub latents: String,
    /// The ONNX output of the same shape: the latents after the look.
    pub gives: String,
    /// Looks that the whole model takes.
    pub looks: usize,
}
