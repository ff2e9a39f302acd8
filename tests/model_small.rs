//! The small models (digits seen, heard, both; sound events) against PyTorch's logits.
#![cfg(feature = "onnx")]

#[path = "common/models.rs"]
mod models;

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use models::{assert_close, load};
use percept::byte_array::ResidentInput;
use percept::data::manifest::{Pictures, Sound};
use percept::data::{MediaTime, SoundClip, Stamp, StreamId, VideoFrame, Window};
use percept::model::Model;

#[derive(serde::Deserialize)]
struct Golden {
    pixel: String,
    sample: String,
    tolerance: f32,
    labels: Vec<String>,
    cases: Vec<Case>,
}

/// Numbers of the formulas' cases; absent where the window has no such modality.
#[derive(serde::Deserialize)]
struct Case {
    #[serde(default)]
    image: Option<usize>,
    #[serde(default)]
    audio: Option<usize>,
    logits: Vec<f32>,
}

fn at(path: String) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn golden(name: &str) -> Golden {
    let path = at(format!("tests/fixtures/{name}-golden.json"));
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(
        golden.pixel,
        "(9 * x + 5 * y + 40 * c + 31 * case + (x // 7) * (y // 7) * 20) % 256, u8 [y, x, c]"
    );
    assert_eq!(
        golden.sample,
        "f32(0.3 * sin(2 pi * f * t * (1 + t))), f = 220 * (case + 1), t = i / sample_rate, in f64"
    );
    assert!(golden.tolerance <= 5e-3 && golden.cases.len() >= 3);
    golden
}

fn picture(stamp: Stamp, pictures: &Pictures, case: usize) -> VideoFrame {
    let [height, width] = pictures.size;
    let mut pixels = Vec::with_capacity(height * width * 3);
    for y in 0..height {
        for x in 0..width {
            let here = 9 * x + 5 * y + 31 * case + (x / 7) * (y / 7) * 20;
            pixels.extend((0..3).map(|c| ((here + 40 * c) % 256) as u8));
        }
    }
    VideoFrame { stamp, width: width as u32, height: height as u32, pixels: Arc::new(pixels) }
}

fn sound(sound: &Sound, case: usize) -> SoundClip {
    let samples = (0..sound.samples).map(|i| {
        let t = i as f64 / f64::from(sound.sample_rate);
        (0.3 * (TAU * 220.0 * (case + 1) as f64 * t * (1.0 + t)).sin()) as f32
    });
    SoundClip { samples: Arc::new(samples.collect()), silent_gap: 0 }
}

fn window(model: &Model, case: &Case) -> Window {
    let stamp = Stamp::unclocked(MediaTime::ZERO);
    let manifest = model.manifest();
    let frame = case.image.map(|case| picture(stamp, manifest.pictures().unwrap(), case));
    Window {
        frames: frame.into_iter().collect(),
        sound: case.audio.map(|case| sound(manifest.sound().unwrap(), case)),
        ..Window::empty(StreamId::new("golden").unwrap(), 0, stamp, stamp)
    }
}

/// All cases in one batch, then each alone.
#[track_caller]
fn assert_golden(name: &str) {
    let golden = golden(name);
    let mut model = load(&format!("models/{name}.onnx"), golden.cases.len());
    let mut input = ResidentInput::new(model.manifest(), golden.cases.len());
    for (slot, case) in golden.cases.iter().enumerate() {
        input.write(slot, &window(&model, case));
    }
    let together = model.run(&input.view(golden.cases.len()), golden.cases.len()).unwrap();
    assert_eq!(together.labels, golden.labels.len());
    for (found, case) in together.windows().zip(&golden.cases) {
        assert_close(name, found, &case.logits, golden.tolerance);
    }
    for case in &golden.cases {
        input.write(0, &window(&model, case));
        let alone = model.run(&input.view(1), 1).unwrap();
        assert_close(name, &alone.values, &case.logits, golden.tolerance);
    }
}

#[test]
fn a_digit_seen_gives_the_golden_logits() {
    assert_golden("digits");
}

#[test]
fn a_digit_heard_gives_the_golden_logits() {
    assert_golden("spoken-digits");
}

#[test]
fn a_digit_seen_or_heard_or_both_gives_the_golden_logits() {
    assert_golden("digits-av");
}

#[test]
fn a_sound_event_gives_the_golden_logits() {
    assert_golden("sound-events");
}

#[test]
fn what_is_missing_does_not_speak() {
    let golden = golden("digits-av");
    let one = |image, audio| {
        golden
            .cases
            .iter()
            .find(|case| case.image.is_some() == image && case.audio.is_some() == audio)
            .unwrap_or_else(|| panic!("a case with image {image} and audio {audio}"))
    };
    let mut model = load("models/digits-av.onnx", 1);
    let mut input = ResidentInput::new(model.manifest(), 1);
    let mut logits = |case: &Case| {
        input.write(0, &window(&model, case));
        model.run(&input.view(1), 1).unwrap().values
    };
    let (both, seen) = (one(true, true), one(true, false));
    let with_sound = Case { image: seen.image, audio: both.audio, logits: Vec::new() };
    let (alone, heard) = (logits(seen), logits(&with_sound));
    assert!(alone.iter().zip(&heard).any(|(a, b)| (a - b).abs() > 2.0 * golden.tolerance));
    // The sound of the window before leaves no trace.
    assert_close("alone", &logits(seen), &alone, 1e-5);
}
