//! What can go wrong with a model.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::data::{Fault, Remedy};

/// A model that cannot be loaded, or a run that failed.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("reading model {}: {cause}; check the path and its permissions", path.display())]
    Read { path: PathBuf, cause: io::Error },

    #[error("reading model {}: this is not an ONNX file ({why}); give the .onnx file of a model", path.display())]
    NotOnnx { path: PathBuf, why: String },

    #[error(
        "reading model {}: the ONNX file is cut off or damaged: it begins as one, but does not go on to its end; \
         copy or fetch it again",
        path.display()
    )]
    Damaged { path: PathBuf },

    #[error(
        "reading model {}: the ONNX file has no metadata property `percept.manifest`, so nobody can tell how to \
         feed it; export it with a manifest",
        path.display()
    )]
    NoManifest { path: PathBuf },

    #[error("model {}: {}", path.display(), listed(faults))]
    Manifest { path: PathBuf, faults: Vec<ManifestFault> },

    /// `tried` says a line each where ONNX Runtime was looked for and why it was not taken.
    #[error(
        "loading ONNX Runtime (version 1.{wanted} or newer is wanted):{}\n  get it with `make deps`, or by hand:\n  \
         pip download -q --no-deps -d dl onnxruntime==1.{wanted}.1 && unzip -q -j -o dl/onnxruntime-*.whl \
         'onnxruntime/capi/libonnxruntime*' -d .deps/onnxruntime\n  and if it lies elsewhere, set ORT_DYLIB_PATH \
         to the file",
        indented(tried)
    )]
    Library { wanted: u32, tried: Vec<String> },

    #[error("execution provider {provider} is required and did not start: {why}")]
    Provider { provider: &'static str, why: String },

    #[error(
        "loading model {} into ONNX Runtime: {why}; if the file may be damaged, copy or fetch it again, else \
         export it again",
        path.display()
    )]
    Load { path: PathBuf, why: String },

    #[error("a batch of {batch} windows was asked of model {model}, which takes 1 to {most}")]
    Batch { model: String, batch: usize, most: usize },

    #[error("running model {model} on a batch of {batch}: {why}")]
    Run { model: String, batch: usize, why: String },

    /// Windows are counted from 0 in their batch.
    #[error(
        "model {model} gave {value} for label {label} of window {window} of its batch; the window is skipped"
    )]
    NotFinite { model: String, window: usize, label: String, value: f32 },
}

impl Fault for ModelError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NotFinite { .. } => Remedy::Skip,
            _ => Remedy::GiveUp,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::NotOnnx { .. } => "not_onnx",
            Self::Damaged { .. } => "damaged",
            Self::NoManifest { .. } => "no_manifest",
            Self::Manifest { .. } => "manifest",
            Self::Library { .. } => "library",
            Self::Provider { .. } => "provider",
            Self::Load { .. } => "load",
            Self::Batch { .. } => "batch",
            Self::Run { .. } => "run",
            Self::NotFinite { .. } => "not_finite",
        }
    }
}

/// One thing that is wrong in `percept.manifest`, or between it and the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFault {
    /// Such as `inputs[0].patch`.
    pub field: String,
    pub problem: String,
    pub fix: String,
}

impl ManifestFault {
    pub(super) fn new(
        field: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), problem: problem.into(), fix: fix.into() }
    }
}

impl fmt::Display for ManifestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "percept.manifest field `{}`: {}; {}", self.field, self.problem, self.fix)
    }
}

/// One fault on the same line, several on a line each.
fn listed(faults: &[ManifestFault]) -> String {
    match faults {
        [one] => one.to_string(),
        _ => format!(
            "{} faults{}",
            faults.len(),
            indented(&faults.iter().map(ManifestFault::to_string).collect::<Vec<_>>())
        ),
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
