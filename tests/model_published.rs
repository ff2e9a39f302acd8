//! Published forms of the Perceiver, exported by `export/percept_export`, give PyTorch's logits.
//!
//! Small models with random but informative weights; `export/published_fixtures.py` made them and
//! the golden logits, for inputs that are formulas.
#![cfg(feature = "onnx")]

#[path = "common/models.rs"]
mod models;

use std::path::Path;
use std::sync::Arc;

use models::{assert_close, load};
use percept::byte_array::{ResidentInput, Spectrogram};
use percept::data::manifest::{Input, Pictures, Points, Sound};
use percept::data::{
    Feed, MediaTime, ModelInput, SoundClip, Stamp, StreamId, Values, VideoFrame, Window,
};

#[derive(serde::Deserialize)]
struct Golden {
    models: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    /// `None` for quantised models, which give `centred_cosine` instead.
    tolerance: Option<f32>,
    centred_cosine: Option<f64>,
    /// `[cases, labels]`.
    logits: Vec<Vec<f32>>,
    /// `[cases, inputs]`; all there where it is not said.
    present: Option<Vec<Vec<f32>>>,
    from_samples: Option<Vec<FromSamples>>,
}

/// The spectrogram and the logits of samples.
#[derive(serde::Deserialize)]
struct FromSamples {
    k: usize,
    spectrogram: Vec<Vec<f32>>,
    logits: Vec<f32>,
}

fn fixture(name: &str) -> String {
    format!("tests/fixtures/{name}")
}

fn golden() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture("published-golden.json"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str::<Golden>(&text).unwrap().models
}

fn case(file: &str) -> Case {
    golden().into_iter().find(|case| case.file == file).unwrap()
}

/// The window of case `k`, with the inputs that `present` names.
fn window(inputs: &[Input], k: usize, present: Option<&[f32]>) -> Window {
    let stamp = Stamp::unclocked(MediaTime::ZERO);
    let mut window = Window::empty(StreamId::new("golden").unwrap(), 0, stamp, stamp);
    for (index, input) in inputs.iter().enumerate() {
        if present.is_some_and(|present| present[index] == 0.0) {
            continue;
        }
        match input {
            Input::Image(pictures) | Input::Video(pictures) => {
                window.frames =
                    (0..pictures.frames).map(|t| frame(pictures, k, t, stamp)).collect();
            }
            Input::Audio(sound) => window.sound = Some(samples(sound, k)),
            Input::Points(points) => window.points = Some(cloud(points, k)),
        }
    }
    window
}

fn frame(input: &Pictures, k: usize, t: usize, stamp: Stamp) -> VideoFrame {
    let [height, width] = input.size;
    let mut pixels = Vec::with_capacity(height * width * 3);
    for y in 0..height {
        for x in 0..width {
            pixels.extend((0..3).map(|c| {
                ((3 + 2 * k) * x + (5 + k) * y + 37 * t + 11 * c * (x / 4) + 61 * k) as u8
            }));
        }
    }
    VideoFrame { stamp, width: width as u32, height: height as u32, pixels: Arc::new(pixels) }
}

fn samples(input: &Sound, k: usize) -> SoundClip {
    let sample = |n: usize, channel: usize| {
        (((7 + 4 * k) * n + n * n / 16 + 13 * channel) % 401) as f32 - 200.0
    };
    let samples = (0..input.samples * input.channels)
        .map(|at| sample(at / input.channels, at % input.channels) / 512.0);
    SoundClip { samples: Arc::new(samples.collect()), silent_gap: 0 }
}

fn cloud(input: &Points, k: usize) -> Arc<Vec<f32>> {
    let places = (0..input.points * input.dimensions).map(|at| {
        let (p, axis) = (at / input.dimensions, at % input.dimensions);
        (((37 + 2 * k) * p + (101 + 6 * k) * axis * (p + 3)) % 2001) as f32 - 1000.0
    });
    Arc::new(places.map(|place| place / 1024.0).collect())
}

/// Logits of all cases, run as one batch.
fn logits(case: &Case) -> Vec<Vec<f32>> {
    let batch = case.logits.len();
    let mut model = load(&fixture(&case.file), batch);
    let inputs = model.manifest().inputs.clone();
    let mut input = ResidentInput::new(model.manifest(), batch);
    for k in 0..batch {
        let present = case.present.as_ref().map(|present| &present[k][..]);
        input.write(k, &window(&inputs, k, present));
    }
    let logits = model.run(&input.view(batch), batch).unwrap_or_else(|e| panic!("{e}"));
    logits.windows().map(<[f32]>::to_vec).collect()
}

#[test]
fn every_form_gives_the_logits_of_pytorch() {
    let mut tried = 0;
    for case in golden() {
        let (Some(tolerance), false) = (case.tolerance, case.file.contains("-mel-")) else {
            continue;
        };
        for (k, (found, wanted)) in logits(&case).iter().zip(&case.logits).enumerate() {
            assert_close(&format!("{}, case {k}", case.file), found, wanted, tolerance);
        }
        tried += 1;
    }
    assert!(tried >= 16, "{tried}");
}

#[test]
fn cases_differ_by_far_more_than_the_tolerance() {
    for case in golden() {
        let spread = |label: usize| {
            let values = case.logits.iter().map(|logits| logits[label]);
            values.clone().fold(f32::MIN, f32::max) - values.fold(f32::MAX, f32::min)
        };
        let largest = (0..case.logits[0].len()).map(spread).fold(0.0, f32::max);
        assert!(largest > 20.0 * case.tolerance.unwrap_or(1e-3), "{}: {largest}", case.file);
    }
}

#[test]
fn quantised_logits_point_the_same_way() {
    let case = case("published-image-fourier-int8.onnx");
    let found = logits(&case);
    let labels = found[0].len();
    let mean = |all: &[Vec<f32>], label: usize| {
        all.iter().map(|logits| f64::from(logits[label])).sum::<f64>() / all.len() as f64
    };
    let centred = |all: &[Vec<f32>]| -> Vec<f64> {
        let means: Vec<_> = (0..labels).map(|label| mean(all, label)).collect();
        all.iter()
            .flat_map(|logits| logits.iter().zip(&means).map(|(x, mean)| f64::from(*x) - mean))
            .collect()
    };
    let (found, wanted) = (centred(&found), centred(&case.logits));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(&found, &wanted) / (dot(&found, &found) * dot(&wanted, &wanted)).sqrt();
    assert!(cosine >= case.centred_cosine.unwrap(), "{cosine}");
}

#[test]
fn spectrograms_of_samples_reach_both_layouts() {
    let told = case("published-mel-raw.onnx").from_samples.unwrap();
    assert!(told.len() >= 2);
    for file in ["published-mel-raw.onnx", "published-mel-bytes.onnx"] {
        let mut model = load(&fixture(file), 1);
        let inputs = model.manifest().inputs.clone();
        let [Input::Audio(sound)] = &inputs[..] else { panic!("{inputs:?}") };
        let mel = sound.mel.as_ref().unwrap();
        let mut input = ResidentInput::new(model.manifest(), 1);
        for FromSamples { k, spectrogram, logits } in &told {
            let window = window(&inputs, *k, None);
            let mut values = vec![0.0; mel.frames(sound.samples) * mel.bands];
            Spectrogram::new(sound, mel).run(window.sound.as_ref(), &mut values);
            assert_close(file, &values, &spectrogram.concat(), 1e-4);
            input.write(0, &window);
            let found = model.run(&input.view(1), 1).unwrap();
            assert_close(file, &found.values, logits, case(file).tolerance.unwrap());
        }
    }
}

#[test]
fn values_of_a_spectrogram_give_the_logits_of_pytorch() {
    let case = case("published-mel-raw.onnx");
    let mut model = load(&fixture(&case.file), 1);
    let shape = model.manifest().inputs[0].raw_shape();
    let (frames, bands) = (shape[0], shape[1]);
    for (k, wanted) in case.logits.iter().enumerate() {
        let value = |at: usize| {
            let (frame, band) = (at / bands, at % bands);
            let sum = (3 + k) * frame + (5 + 2 * k) * band + frame * band / 4;
            ((sum % 97) as f32 - 48.0) / 32.0
        };
        let values: Vec<f32> = (0..frames * bands).map(value).collect();
        let feed = Feed { name: "audio", shape: &shape, values: Values::F32(&values) };
        let found = model.run(&ModelInput { feeds: vec![feed] }, 1).unwrap();
        assert_close(&case.file, &found.values, wanted, case.tolerance.unwrap());
    }
}
