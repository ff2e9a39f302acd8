//! What `percept bench` measures: parts of the line, side by side in one run.
//!
//! Absolute numbers belong to one machine and one moment; the ratios carry further.
//! Medians are told, of rounds that take turns, so that a slow moment hits all alike.

mod byte_array;
mod clip;
mod machine;
#[cfg(feature = "onnx")]
mod model;
mod report;

use std::time::{Duration, Instant};

pub use byte_array::ByteArrayReport;
pub use clip::{published_image, window};
pub use machine::Machine;
pub use report::{BenchReport, ModelReport, Throughput};

use crate::model::{ModelError, ModelSettings};

/// What to measure, and for how long.
#[derive(Debug, Clone)]
pub struct BenchSettings {
    /// The model; its `threads` and `max_batch` are replaced by those below.
    pub model: ModelSettings,
    pub threads: Vec<usize>,
    pub batches: Vec<usize>,
    /// How long each number is measured.
    pub each: Duration,
}

impl Default for BenchSettings {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            threads: vec![1, 2],
            batches: vec![1, 2, 4, 8],
            each: Duration::from_secs(1),
        }
    }
}

/// Measures the byte array, and the model where this build can run one.
///
/// # Errors
/// As [`crate::model::Model::load`] and its `run`.
pub fn run(settings: &BenchSettings) -> Result<BenchReport, ModelError> {
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
