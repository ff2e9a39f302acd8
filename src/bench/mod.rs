//! What `percept bench` measures: parts of the line, side by side in one run.
//!
//! Absolute numbers belong to one machine and one moment; the ratios carry further.
//! Medians are told, of rounds that take turns, so that a slow moment hits all alike.

mod byte_array;
mod clip;
mod error;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod line;
mod line_report;
mod machine;
#[cfg(feature = "onnx")]
mod model;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use byte_array::ByteArrayReport;
pub use clip::{published_image, window};
pub use error::BenchError;
pub use line_report::{Line, LineReport};
pub use machine::Machine;
pub use report::{BenchReport, ModelReport, Throughput};

use crate::model::ModelSettings;

/// What to measure, and for how long.
#[derive(Debug, Clone)]
pub struct BenchSettings {
    /// The model; its `threads` and `max_batch` are replaced by those below.
    pub model: ModelSettings,
    pub threads: Vec<usize>,
    pub batches: Vec<usize>,
    /// A clip to run the whole line on; `None`: that part is left out.
    pub clip: Option<PathBuf>,
    /// How long each number is measured.
    pub each: Duration,
}

impl Default for BenchSettings {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            threads: vec![1, 2],
            batches: vec![1, 2, 4, 8],
            clip: None,
            each: Duration::from_secs(1),
        }
    }
}

/// Measures the byte array, and the model and the line where this build has them.
///
/// # Errors
/// The model cannot be loaded or fails, or the clip cannot be watched.
pub fn run(settings: &BenchSettings) -> Result<BenchReport, BenchError> {
    // A clip that cannot be watched is said first.
    #[cfg(all(feature = "ffmpeg", feature = "onnx"))]
    let line = match &settings.clip {
        Some(clip) => Some(line::measure(&settings.model, clip)?),
        None => None,
    };
    #[cfg(not(all(feature = "ffmpeg", feature = "onnx")))]
    let line = None;
    let byte_array = byte_array::measure(settings.each);
    #[cfg(feature = "onnx")]
    let model = Some(model::measure(settings)?);
    #[cfg(not(feature = "onnx"))]
    let model = None;
    Ok(BenchReport {
        machine: Machine::this(),
        percept: env!("CARGO_PKG_VERSION"),
        byte_array,
        model,
        line,
    })
}

/// Runs all of `parts` in turn, at least three rounds, until each had about `each`; gives the median of each.
fn medians<const N: usize>(each: Duration, mut parts: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    let begun = Instant::now();
    while times.iter().any(|taken| taken.len() < 3) || begun.elapsed() < each * N as u32 {
        for (part, times) in parts.iter_mut().zip(&mut times) {
            let start = Instant::now();
            part();
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_runs_in_every_round() {
        let (mut first, mut second) = (0, 0);
        medians(Duration::ZERO, [&mut || first += 1, &mut || second += 1]);
        assert_eq!((first, second), (3, 3));
    }
}
