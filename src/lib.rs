//! Percept turns live cameras, streams and files into labels with Perceiver models.
//!
//! Data goes one way:
//!
//! ```text
//! source ──► decode ──► window ──► byte_array ──► model ──► label ──► publish
//! ```
//!
//! [`data`] holds what travels along that line and performs no I/O; the modules
//! of the line share it and nothing else. `topology` is the one place that knows
//! them all: it builds the channels and threads. `config`, [`telemetry`],
//! [`supervise`], `web` and `cli` stand beside the line.

pub mod bench;
pub mod byte_array;
pub mod cli;
pub mod config;
pub mod data;
pub mod decode;
pub mod label;
pub mod model;
pub mod publish;
pub mod source;
pub mod supervise;
pub mod telemetry;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
pub mod topology;
pub mod web;
pub mod window;
