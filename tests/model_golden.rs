//! The default model in both layouts, through ONNX Runtime, against PyTorch's logits.
#![cfg(feature = "onnx")]

#[path = "common/models.rs"]
mod models;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use models::{assert_close, load};
use percept::byte_array::ResidentInput;
use percept::data::{Feed, Logits, ModelInput, Values};
use percept::data::{MediaTime, SoundClip, Stamp, StreamId, VideoFrame, Window};

const BYTE_ARRAY: &str = "models/stream-health.onnx";
const RAW: &str = "tests/fixtures/stream-health-raw.onnx";

#[derive(serde::Deserialize)]
struct Golden {
    pixel: String,
    sound: String,
    tolerance: f32,
    labels: Vec<String>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    /// Of the frames, in seconds before the end.
    times: Vec<f64>,
    /// Pictures, sound: 1 where they are there.
    present: [u8; 2],
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

/// What of the golden file's formulas is there, the frames taken at `times` seconds before its end.
fn window(Case { times, present, .. }: &Case) -> Window {
    let frames = times.iter().enumerate().map(|(t, seconds)| {
        let mut pixels = Vec::with_capacity(128 * 224 * 3);
        for y in 0..128 {
            for x in 0..224 {
                pixels.extend(
                    (0..3).map(|c| ((3 * x + 5 * y + 37 * t + 11 * c * (x / 16)) % 256) as u8),
                );
            }
        }
        let stamp = Stamp::unclocked(MediaTime::ZERO + Duration::from_secs_f64(100.0 + seconds));
        VideoFrame { stamp, width: 224, height: 128, pixels: Arc::new(pixels) }
    });
    let mut window = Window::of_frames(StreamId::new("golden").unwrap(), 0, frames.collect());
    if present[0] == 0 {
        window.frames.clear();
    }
    window.sound = (present[1] == 1).then(|| {
        let sample = |i: i32| {
            let value = (i * 7919 % 2003) - 1001 + (i / 40 % 2) * 6000 - 3000;
            value as f32 / 32768.0
        };
        SoundClip { samples: Arc::new((0..48_000).map(sample).collect()), silent_gap: 0 }
    });
    window
}

/// All cases in one batch.
fn logits(path: &str, cases: &[Case]) -> Logits {
    let mut model = load(path, cases.len());
    let mut input = ResidentInput::new(model.manifest(), cases.len());
    for (slot, case) in cases.iter().enumerate() {
        input.write(slot, &window(case));
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
    assert_eq!(
        golden.sound,
        "((i * 7919 % 2003) - 1001 + (i / 40 % 2) * 6000 - 3000) / 32768, f32, i = 0 .. 47999, \
         whole divisions before the last"
    );
    for present in [[1, 1], [1, 0], [0, 1]] {
        assert!(golden.cases.iter().any(|case| case.present == present), "{present:?}");
    }
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

/// Streams with and without sound, and sound alone, take turns in the slots of a batch.
#[test]
fn what_a_window_lacks_is_not_taken_from_the_window_before_it_in_its_slot() {
    let golden = golden();
    let count = golden.cases.len();
    for path in [BYTE_ARRAY, RAW] {
        let mut model = load(path, count);
        let mut input = ResidentInput::new(model.manifest(), count);
        for first in 0..count {
            let turned: Vec<_> = (0..count).map(|n| &golden.cases[(first + n) % count]).collect();
            for (slot, case) in turned.iter().enumerate() {
                input.write(slot, &window(case));
            }
            let logits = model.run(&input.view(count), count).unwrap();
            for (found, case) in logits.windows().zip(turned) {
                assert_close(path, found, &case.logits, golden.tolerance);
            }
        }
    }
}

#[test]
fn the_default_model_judges_pictures_by_pictures_and_sound_by_sound() {
    let model = load(BYTE_ARRAY, 1);
    let output = &model.manifest().output;
    let judges = output.judges.as_ref().unwrap();
    let of = |input: &str| -> Vec<_> {
        let labels = output.labels.iter().zip(judges).filter(|(_, judged)| *judged == input);
        labels.map(|(label, _)| label.as_str()).collect()
    };
    let pictures = "covered defocused frozen shaking dark overexposed corrupted no_signal";
    assert_eq!(of("video"), pictures.split(' ').collect::<Vec<_>>());
    let sound = "silent clipping hum noise dropouts speech music";
    assert_eq!(of("audio"), sound.split(' ').collect::<Vec<_>>());
    assert_eq!(load(RAW, 1).manifest().output, *output);
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

const VIDEO: usize = 896 * 435;
const AUDIO: usize = 50 * 993;

/// Two windows of the byte array model.
fn two<'a>(shape: &'a [usize], video: Values<'a>, audio: &'a [f32]) -> ModelInput<'a> {
    let feed = |name, shape, values| Feed { name, shape, values };
    let audio = feed("audio", &[50, 993], Values::F32(audio));
    let present = feed("present", &[2], Values::F32(&[1.0; 4]));
    ModelInput { feeds: vec![feed("video", shape, video), audio, present] }
}

#[test]
fn what_does_not_fit_is_an_error_and_the_model_goes_on() {
    let mut model = load(BYTE_ARRAY, 2);
    assert_eq!((model.provider(), model.max_batch()), ("cpu", 2));
    let (rows, sound) = (vec![0.5; 2 * VIDEO], vec![0.5; 2 * AUDIO]);
    let good = two(&[896, 435], Values::F32(&rows), &sound);
    for batch in [0, 3] {
        assert!(model.run(&good, batch).unwrap_err().to_string().contains("takes 1 to 2"));
    }
    let half = &rows[VIDEO..];
    let bytes = vec![0; 2 * VIDEO];
    let wrong = [
        two(&[896, 435], Values::F32(half), &sound),
        two(&[896, 435], Values::F32(&rows), &sound[AUDIO..]),
        two(&[896 * 3, 435 / 3], Values::F32(&rows), &sound),
        two(&[896, 435], Values::U8(&bytes), &sound),
        ModelInput { feeds: good.feeds[..2].to_vec() },
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
    let (mut rows, sound) = (vec![0.5; 2 * VIDEO], vec![0.5; 2 * AUDIO]);
    rows[VIDEO..].fill(f32::NAN);
    let error = model.run(&two(&[896, 435], Values::F32(&rows), &sound), 2).unwrap_err();
    assert!(error.to_string().contains("window 1 of its batch"), "{error}");
}
