//! Windows a second through the model, by threads and batch.

use std::time::Duration;

use super::clip::window;
use super::report::{ModelReport, Throughput};
use super::{BenchSettings, medians};
use crate::byte_array::ResidentInput;
use crate::data::Manifest;
use crate::model::{Model, ModelError, ModelSettings};

pub fn measure(settings: &BenchSettings) -> Result<ModelReport, ModelError> {
    let mut report = ModelReport::default();
    let most = settings.batches.iter().copied().max().unwrap_or(1);
    for &threads in &settings.threads {
        let mut model =
            Model::load(&ModelSettings { threads, max_batch: most, ..settings.model.clone() })?;
        model.warn_of_passed_over();
        let manifest = model.manifest().clone();
        let buffer = filled(&manifest, model.max_batch());
        report.name = format!("{} {}", model.manifest().name, model.manifest().version);
        report.provider = model.provider();
        report.onnx_runtime = model.runtime_version().to_owned();
        report.write_ms = write_ms(&manifest, settings.each);
        let most = model.max_batch();
        for &batch in settings.batches.iter().filter(|&&batch| batch <= most) {
            let mut failed = None;
            let [time] = medians(
                settings.each,
                [&mut || {
                    if let Err(error) = model.run(&buffer.view(batch), batch) {
                        failed = Some(error);
                    }
                }],
            );
            if let Some(error) = failed {
                return Err(error);
            }
            report.throughput.push(Throughput {
                threads,
                batch,
                windows_a_second: batch as f64 / time.as_secs_f64(),
            });
        }
    }
    Ok(report)
}

/// Milliseconds to write one window, whose times differ from the last one's, into its slot.
fn write_ms(manifest: &Manifest, each: Duration) -> f64 {
    let windows: Vec<_> = (0..2).map(|seed| window(&manifest.inputs, seed)).collect();
    let mut buffer = filled(manifest, 1);
    let mut turn = 0;
    let [time] = medians(
        each.min(Duration::from_millis(200)),
        [&mut || {
            turn = 1 - turn;
            buffer.write(0, &windows[turn]);
        }],
    );
    time.as_secs_f64() * 1e3
}

/// A buffer with a different window in each slot.
fn filled(manifest: &Manifest, max_batch: usize) -> ResidentInput {
    let mut resident = ResidentInput::new(manifest, max_batch);
    for slot in 0..max_batch {
        resident.write(slot, &window(&manifest.inputs, slot));
    }
    resident
}
