//! Why something could not be measured.

use std::path::PathBuf;

use crate::model::ModelError;

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[cfg(feature = "ffmpeg")]
    #[error(transparent)]
    Location(#[from] crate::source::LocationError),
    #[cfg(feature = "ffmpeg")]
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    #[cfg(all(feature = "ffmpeg", feature = "onnx"))]
    #[error(transparent)]
    Line(#[from] crate::topology::ClipError),
    #[error("measuring the line on {clip}: {model} takes no pictures; leave --clip out")]
    NoPictures { clip: PathBuf, model: String },
    #[error(
        "measuring the line on {clip}: it does not say its length and frame rate; take an MP4 of \
         half a minute or more"
    )]
    Clip { clip: PathBuf },
    #[error("reading this thread's CPU time from /proc/thread-self/schedstat")]
    Cpu(#[source] std::io::Error),
}

impl BenchError {
    /// Whether it is what was asked for that is wrong, and nothing was measured.
    pub fn is_refusal(&self) -> bool {
        match self {
            #[cfg(feature = "ffmpeg")]
            Self::Location(_) | Self::Source(_) => true,
            Self::NoPictures { .. } | Self::Clip { .. } => true,
            _ => false,
        }
    }
}
