//! The model's own description: the JSON document in its ONNX metadata.
//!
//! Types only, as written in the file, version 1. `model` reads and checks them
//! against the graph; a manifest taken from a loaded model is consistent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    pub inputs: Vec<Input>,
    pub output: Output,
}

/// One ONNX input that carries one modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the ONNX input.
    pub name: String,
    pub modality: Modality,
    pub layout: Layout,
    /// Frames a window; 1 for pictures.
    #[serde(default = "one")]
    pub frames: usize,
    /// `[height, width]` in pixels.
    pub size: [usize; 2],
    /// Seconds between frames that the model accepts, `[least, most]`.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// Frames a second, for models that want a fixed rate.
    #[serde(default)]
    pub fps: Option<f64>,
    /// `[frames, height, width]` of the patch that makes one row; `[1, 1, 1]` is a pixel a row.
    #[serde(default = "one_pixel")]
    pub patch: [usize; 3],
    #[serde(default)]
    pub resize: Resize,
    /// With `resize` `crop`: the share of the largest centred crop of the model's shape that is
    /// taken, in `(0, 1]`.
    #[serde(default = "whole")]
    pub crop_fraction: f64,
    #[serde(default)]
    pub filter: Filter,
    /// Subtracted from, and divided into, values scaled to `[0, 1]`; one a colour.
    #[serde(default = "zeros")]
    pub mean: [f32; 3],
    #[serde(default = "ones")]
    pub std: [f32; 3],
    pub position: Position,
    /// Layout `raw`: the ONNX input `[batch, frames]` of seconds relative to the window's end.
    #[serde(default)]
    pub times: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    Image,
    Video,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// f32 `[batch, rows, channels]`: the pipeline concatenates the Fourier features.
    ByteArray,
    /// u8 `[batch, frames, height, width, 3]`: positions are inside the graph.
    Raw,
}

/// How a picture of another shape is brought to `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// Both sides scaled on their own; nothing is cut off.
    #[default]
    Stretch,
    /// The centre of the model's shape, then scaled.
    Crop,
    /// Scaled to fit, black bars added.
    Pad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Mean over the pixels that fall into one.
    #[default]
    Area,
    Bilinear,
    Bicubic,
}

/// Fourier features of the rows' positions (Jaegle et al. 2021, section 3.2).
///
/// Axes: `[time, y, x]` for video, `[y, x]` for images.
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// All positions, then all sines axis by axis, then all cosines axis by axis.
    PositionsSinesCosines,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the ONNX output, f32 `[batch, labels]`.
    pub name: String,
    pub activation: Activation,
    pub labels: Vec<String>,
    /// Applied to the logits before the activation.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    #[serde(default)]
    pub thresholds: BTreeMap<String, Thresholds>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Softmax,
    Sigmoid,
}

/// `scale * logit + bias`, one of each a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Scores at which a label may become active and must stop being so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    pub enter: f32,
    pub leave: f32,
}

fn one() -> usize {
    1
}

fn whole() -> f64 {
    1.0
}

fn one_pixel() -> [usize; 3] {
    [1, 1, 1]
}

fn zeros() -> [f32; 3] {
    [0.0; 3]
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

fn yes() -> bool {
    true
}
