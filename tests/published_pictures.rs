//! Pictures shown to small models of the published forms: PyTorch's answers.

#![cfg(all(feature = "ffmpeg", feature = "onnx"))]

mod program;

use std::path::Path;

use program::{ffmpeg, percept, write};
use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
const MODELS: [(&str, usize, usize); 4] = [
    ("published-image-fourier-raw.onnx", 20, 16),
    ("published-image-fourier-bytes.onnx", 20, 16),
    ("published-image-learned.onnx", 12, 12),
    ("published-image-conv.onnx", 20, 16),
];

/// The golden file's picture `k` as a PNG.
fn picture(folder: &Path, k: usize, width: usize, height: usize) -> String {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let value = (3 + 2 * k) * x + (5 + k) * y + 11 * c * (x / 4) + 61 * k;
                pixels.push((value % 256) as u8);
            }
        }
    }
    let raw = write(folder, &format!("{k}.rgb"), pixels);
    let png = folder.join(format!("{k}-{width}.png")).to_str().unwrap().to_owned();
    let size = format!("{width}x{height}");
    let from = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size, "-i", &raw];
    ffmpeg(&[&from[..], &["-pix_fmt", "rgb24", "-update", "1", &png]].concat());
    png
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit.exp() / sum).collect()
}

#[test]
fn scores_of_pngs_are_pytorch_s() {
    let text = std::fs::read_to_string(format!("{FIXTURES}/published-golden.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let models = golden["models"].as_array().unwrap();
    for (name, width, height) in MODELS {
        let golden = models.iter().find(|model| model["file"] == name).unwrap();
        let logits: Vec<_> = golden["logits"].as_array().unwrap().iter().map(numbers).collect();
        let tolerance = golden["tolerance"].as_f64().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let pictures: Vec<_> =
            (0..logits.len()).map(|k| picture(folder.path(), k, width, height)).collect();
        assert!(pictures.len() >= 4);
        let model = format!("{FIXTURES}/{name}");
        let with = |first: &[&str]| {
            let mut arguments = first.to_vec();
            arguments.extend(pictures.iter().map(String::as_str));
            let run = percept(&arguments);
            assert_eq!(run.code(), Some(0), "{}", run.stderr);
            run
        };

        // Unrounded scores hold the logits, but for a constant.
        let tested = with(&["model", "test", "--json", &model]);
        assert_eq!(tested.events.len(), logits.len());
        for (told, want) in tested.events.iter().zip(&logits) {
            let scores = told["scores"].as_object().unwrap().values();
            let got: Vec<_> = scores.map(|score| score.as_f64().unwrap().ln()).collect();
            for (got, want) in centred(&got).iter().zip(centred(want)) {
                assert!((got - want).abs() <= tolerance, "{name}, {}: {got}, {want}", told["file"]);
            }
        }

        let run = with(&["run", "--listen", "off", "--model", &model]);
        let windows = run.of_kind("window");
        assert_eq!(windows.len(), logits.len());
        for (window, want) in windows.into_iter().zip(&logits) {
            let scores = window["scores"].as_object().unwrap();
            assert_eq!(scores.len(), 5);
            let mut best = softmax(want);
            best.sort_by(|a, b| b.total_cmp(a));
            for (score, want) in scores.values().zip(best) {
                let score = score.as_f64().unwrap();
                assert!((score - want).abs() < tolerance, "{name}: {window}, wanted {want}");
            }
        }
    }
}
