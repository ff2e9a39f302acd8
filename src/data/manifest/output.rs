//! What the model's logits mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the ONNX output, f32 `[batch, labels]`.
    pub name: String,
    pub activation: Activation,
    pub labels: Vec<String>,
    /// Name of the input that each label judges: where it is missing from a window, the label has no
    /// score. `None`: every label judges every window.
    #[serde(default)]
    pub judges: Option<Vec<String>>,
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

/// When a label becomes active and stops being so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The score from which it is shown.
    pub enter: f32,
    /// The score below which it is gone.
    pub leave: f32,
    /// How long it must be shown before it starts, in seconds.
    #[serde(default)]
    pub start_after: Option<f64>,
    /// How long it must be gone before it ends, in seconds.
    #[serde(default)]
    pub end_after: Option<f64>,
}

impl Thresholds {
    /// Longest of `start_after` and `end_after`, in seconds.
    pub const LONGEST: f64 = 86_400.0;
    /// What `start_after` and `end_after` are where a manifest does not say, in seconds.
    pub const START_AFTER: f64 = 2.0;
    pub const END_AFTER: f64 = 4.0;
    /// Of a label of which a manifest says nothing.
    pub const DEFAULT: Self = Self { enter: 0.6, leave: 0.4, start_after: None, end_after: None };
}
