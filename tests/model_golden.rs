//! The default model in both layouts, through ONNX Runtime, against PyTorch's logits.
#![cfg(feature = "onnx")]

#[path = "common/models.rs"]
mod models;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use models::{assert_close, load, stamp};
use percept::byte_array::ResidentInput;
use percept::data::{Feed, Logits, ModelInput, Values};
use percept::data::{MediaTime, StreamId, VideoFrame, Window};

const BYTE_ARRAY: &str = "models/stream-health.onnx";
const RAW: &str = "tests/fixtures/stream-health-raw.onnx";

#[derive(serde::Deserialize)]
struct Golden {
    pixel: String,
    tolerance: f32,
    labels: Vec<String>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    times: Vec<f64>,
    logits: Vec<f32>,
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn golden() -> Golden {
    serde_json::from_str(
        &std::fs::read_to_string(at("tests/fixtures/stream-health-golden.json")).unwrap(),
    )
    .unwrap()
}

/// The clip of the golden file's formula, taken at `times` seconds before its end.
fn window(times: &[f64]) -> Window {
    let frames = times.iter().enumerate().map(|(t, seconds)| {
        let mut pixels = Vec::with_capacity(128 * 224 * 3);
        for y in 0..128 {
            for x in 0..224 {
                pixels.extend(
                    (0..3).map(|c| ((3 * x + 5 * y + 37 * t + 11 * c * (x / 16)) % 256) as u8),
                );
            }
        }
        let stamp = stamp(MediaTime::ZERO + Duration::from_secs_f64(100.0 + seconds));
        VideoFrame { stamp, width: 224, height: 128, pixels: Arc::new(pixels) }
    });
    Window::of_frames(StreamId::new("golden").unwrap(), 0, frames.collect())
}

/// All cases in one batch.
fn logits(path: &str, cases: &[Case]) -> Logits {
    let mut model = load(path, cases.len());
    let mut input = ResidentInput::new(model.manifest(), cases.len());
    for (slot, case) in cases.iter().enumerate() {
        input.write(slot, &window(&case.times));
    }
    model.run(&input.view(cases.len()), cases.len()).unwrap()
}

#[test]
fn the_golden_clip_is_the_one_that_this_test_builds() {
    let golden = golden();
    assert_eq!(
        golden.pixel,
        "(3 * x + 5 * y + 37 * t + 11 * c * (x // 16)) % 256, u8 [t, y, x, c] = [4, 128, 224, 3]"
    );
    assert_eq!(golden.cases.len(), 3);
    assert!(golden.tolerance <= 2e-3);
}

#[test]
fn the_byte_array_model_gives_the_golden_logits() {
    let golden = golden();
    let logits = logits(BYTE_ARRAY, &golden.cases);
    assert_eq!(logits.labels, golden.labels.len());
    for (found, case) in logits.windows().zip(&golden.cases) {
        assert_close(BYTE_ARRAY, found, &case.logits, golden.tolerance);
    }
}

#[test]
fn the_raw_model_gives_the_golden_logits() {
    let golden = golden();
    let logits = logits(RAW, &golden.cases);
    for (found, case) in logits.windows().zip(&golden.cases) {
        assert_close(RAW, found, &case.logits, golden.tolerance);
    }
}

#[test]
fn both_layouts_give_the_same_scores() {
    let golden = golden();
    let sigmoid = |logits: Logits| -> Vec<f32> {
        logits.values.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect()
    };
    assert_close(
        RAW,
        &sigmoid(logits(BYTE_ARRAY, &golden.cases)),
        &sigmoid(logits(RAW, &golden.cases)),
        1e-3,
    );
}

#[test]
fn a_window_scores_the_same_alone_and_in_a_batch() {
    let golden = golden();
    let together = logits(BYTE_ARRAY, &golden.cases);
    for (case, together) in golden.cases.iter().zip(together.windows()) {
        let alone = logits(BYTE_ARRAY, std::slice::from_ref(case));
        assert_close(BYTE_ARRAY, &alone.values, together, 1e-4);
    }
}

#[test]
fn real_times_reach_the_model() {
    let golden = golden();
    let logits = logits(BYTE_ARRAY, &golden.cases);
    let [first, second, ..] = &logits.windows().collect::<Vec<_>>()[..] else {
        panic!("two windows")
    };
    assert!(
        first.iter().zip(*second).any(|(a, b)| (a - b).abs() > 2.0 * golden.tolerance),
        "{first:?} {second:?}"
    );
}

#[test]
fn what_does_not_fit_is_an_error_and_the_model_goes_on() {
    let mut model = load(BYTE_ARRAY, 2);
    assert_eq!((model.provider(), model.max_batch()), ("cpu", 2));
    let rows = vec![0.5; 2 * 896 * 435];
    let feed = |shape, values| ModelInput { feeds: vec![Feed { name: "video", shape, values }] };
    let good = feed(&[896, 435], Values::F32(&rows));
    for batch in [0, 3] {
        assert!(model.run(&good, batch).unwrap_err().to_string().contains("takes 1 to 2"));
    }
    let half = &rows[896 * 435..];
    let wrong = [
        feed(&[896, 435], Values::F32(half)),
        feed(&[896 * 3, 435 / 3], Values::F32(&rows)),
        feed(&[896, 435], Values::U8(&[0; 2 * 896 * 435])),
        ModelInput::default(),
    ];
    for input in wrong {
        model.run(&input, 2).unwrap_err();
    }
    model.run(&good, 2).unwrap();
}

#[test]
fn logits_that_are_not_finite_are_refused_with_their_label() {
    let mut model = load(BYTE_ARRAY, 2);
    let mut rows = vec![0.5; 2 * 896 * 435];
    rows[896 * 435..].fill(f32::NAN);
    let feed = Feed { name: "video", shape: &[896, 435], values: Values::F32(&rows) };
    let error = model.run(&ModelInput { feeds: vec![feed] }, 2).unwrap_err();
    assert!(error.to_string().contains("window 1 of its batch"), "{error}");
}
