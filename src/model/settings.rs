//! Which model to run, and on what.

use std::fmt;
use std::path::{Path, PathBuf};

/// How a model is loaded and run.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    /// The ONNX file.
    pub path: PathBuf,
    /// Tried in order; the CPU comes last whether it is named or not.
    pub providers: Vec<Provider>,
    /// Threads that share one operator's work; 0 leaves it to ONNX Runtime.
    pub threads: usize,
    /// The most windows that run together.
    pub max_batch: usize,
    /// ONNX Runtime's shared library, or the folder that holds it; `None` looks in the usual places.
    pub library: Option<PathBuf>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            path: default_model(),
            providers: vec![
                Provider::preferred(ProviderKind::Cuda),
                Provider::preferred(ProviderKind::Cpu),
            ],
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_batch: 8,
            library: None,
        }
    }
}

/// `models/stream-health.onnx` in the working folder, else where the program was built or
/// installed: the first that exists.
fn default_model() -> PathBuf {
    const NAME: &str = "models/stream-health.onnx";
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    let near = |up: &str| beside.map(|folder| folder.join(up).join(NAME));
    // `target/release/percept` of a build, `bin/percept` of an installation.
    let places = [Some(NAME.into()), near("../.."), near("../share/percept"), near(".")];
    places.into_iter().flatten().find(|path: &PathBuf| path.is_file()).unwrap_or(NAME.into())
}

/// An execution provider of ONNX Runtime, and what it means if it does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub kind: ProviderKind,
    pub need: Need,
}

impl Provider {
    pub fn preferred(kind: ProviderKind) -> Self {
        Self { kind, need: Need::Preferred }
    }

    pub fn required(kind: ProviderKind) -> Self {
        Self { kind, need: Need::Required }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    Cuda,
    Cpu,
}

impl ProviderKind {
    /// As it is called in config, metrics and `/api/streams`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The program does not start without it.
    Required,
    /// The next one is tried, with a warning.
    Preferred,
}
