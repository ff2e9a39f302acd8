//! Models: one ONNX file each, described by the manifest inside it.
//!
//! [`read_manifest`] and [`show`] need no ONNX Runtime; [`Model`] (feature `onnx`) runs
//! a file and refuses one whose manifest disagrees with its graph.

mod check;
mod describe;
mod error;
#[cfg(feature = "onnx")]
mod library;
mod manifest;
mod onnx_file;
#[cfg(feature = "onnx")]
mod provider;
#[cfg(feature = "onnx")]
mod session;
mod settings;
#[cfg(feature = "onnx")]
mod version;

pub use describe::{describe, show};
pub use error::{ManifestFault, ModelError};
pub use manifest::read_manifest;
#[cfg(feature = "onnx")]
pub use session::Model;
pub use settings::{ModelSettings, Need, Provider, ProviderKind};
