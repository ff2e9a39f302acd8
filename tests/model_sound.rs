//! Sound, spectrograms and points as model input.

use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;

use percept::byte_array::{ByteArray, ResidentInput, Spectrogram, fourier_features};
use percept::data::manifest::{Input, Manifest, Sound};
use percept::data::{MediaTime, SoundClip, Stamp, StreamId, Values, Window};
use serde_json::{Value, json};

fn window(sound: Option<Vec<f32>>, points: Option<Vec<f32>>) -> Window {
    let stamp = Stamp::unclocked(MediaTime::ZERO);
    Window {
        sound: sound.map(|samples| SoundClip { samples: Arc::new(samples), silent_gap: 0 }),
        points: points.map(Arc::new),
        ..Window::empty(StreamId::new("test").unwrap(), 0, stamp, stamp)
    }
}

fn input(value: Value) -> Input {
    serde_json::from_value(value).unwrap()
}

fn position(axes: usize) -> Value {
    json!({"bands": vec![2; axes], "max_resolution": vec![8.0; axes],
           "order": "positions_sines_cosines"})
}

#[test]
fn a_row_of_sound_is_its_samples_of_all_channels_and_its_place() {
    let input = input(json!({
        "name": "audio", "modality": "audio", "layout": "byte_array", "sample_rate": 8000,
        "samples": 6, "channels": 2, "patch": [2], "position": position(1),
    }));
    let mut array = ByteArray::new(&input, 1);
    assert_eq!(array.shape(), (3, 4 + 5));
    let samples: Vec<f32> = (0..12).map(|i| i as f32 / 16.0).collect();
    array.write(0, &window(Some(samples.clone()), None));
    for (row, place) in [-1.0, 0.0, 1.0].into_iter().enumerate() {
        let found = &array.rows(1)[row * 9..][..9];
        assert_eq!(found[..4], samples[row * 4..][..4]);
        assert_eq!(found[4..], fourier_features(&[place], input.position().unwrap()));
    }
    array.write(0, &window(None, None));
    assert!(array.rows(1).chunks_exact(9).all(|row| row[..4] == [0.0; 4]), "no sound is silence");
}

#[test]
fn a_point_is_the_features_of_its_coordinates() {
    let input = input(json!({
        "name": "points", "modality": "points", "layout": "byte_array", "points": 2,
        "position": position(3),
    }));
    let mut array = ByteArray::new(&input, 1);
    assert_eq!(array.shape(), (2, 3 + 12));
    let points = [0.5, -0.25, 0.125, -1.0, 0.0, 0.75];
    array.write(0, &window(None, Some(points.to_vec())));
    let places = points.map(f64::from);
    assert_eq!(array.rows(1), fourier_features(&places, input.position().unwrap()));
}

#[test]
fn a_row_of_a_spectrogram_is_a_patch_of_frames_and_bands() {
    let mel =
        json!({"n_fft": 64, "window": 64, "hop": 40, "bands": 6, "f_min": 0.0, "f_max": 4000.0});
    let whole = json!({
        "name": "audio", "modality": "audio", "layout": "raw", "sample_rate": 8000,
        "samples": 120, "mel": mel,
    });
    let mut patches = whole.clone();
    patches["layout"] = json!("byte_array");
    patches["patch"] = json!([2, 3]);
    patches["position"] = position(2);
    let samples: Vec<f32> = (0..120).map(|i| (i as f32 * 0.7).sin() * 0.3).collect();
    let window = window(Some(samples), None);

    let mut values = vec![0.0; 4 * 6];
    let sound: Sound = match input(whole) {
        Input::Audio(sound) => sound,
        other => panic!("{other:?}"),
    };
    Spectrogram::new(&sound, sound.mel.as_ref().unwrap()).run(window.sound.as_ref(), &mut values);
    let mut array = ByteArray::new(&input(patches), 1);
    assert_eq!(array.shape(), (4, 6 + 10));
    array.write(0, &window);
    // The row of the later frames and the upper bands.
    let wanted = [15, 16, 17, 21, 22, 23].map(|at| values[at]);
    assert_eq!(array.rows(1)[3 * 16..][..6], wanted);
}

#[test]
fn spectrograms_are_the_reference_implementations() {
    #[derive(serde::Deserialize)]
    struct Golden {
        cases: std::collections::BTreeMap<String, Case>,
    }
    #[derive(serde::Deserialize)]
    struct Case {
        sound: Value,
        frames: usize,
        /// Frames from one of `values` to the next.
        every: usize,
        values: Vec<Vec<f32>>,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mel.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(golden.cases.len(), 4);
    for (name, case) in golden.cases {
        let mut sound = case.sound;
        sound["name"] = json!("audio");
        sound["layout"] = json!("raw");
        let sound: Sound = serde_json::from_value(sound).unwrap();
        let mel = sound.mel.as_ref().unwrap();
        assert_eq!(mel.frames(sound.samples), case.frames, "{name}");
        let chord = (0..sound.samples).map(|i| {
            let t = i as f64 / f64::from(sound.sample_rate);
            let sweep = TAU * 3000.0 * t * (1.0 + t);
            (0.4 * (TAU * 440.0 * t).sin() + 0.2 * sweep.sin()) as f32
        });
        let clip = SoundClip { samples: Arc::new(chord.collect()), silent_gap: 0 };
        let mut values = vec![0.0; case.frames * mel.bands];
        Spectrogram::new(&sound, mel).run(Some(&clip), &mut values);
        let frames: Vec<_> = values.chunks_exact(mel.bands).step_by(case.every).collect();
        assert_eq!(frames.len(), case.values.len(), "{name}");
        for (found, wanted) in frames.into_iter().zip(&case.values) {
            for (found, wanted) in found.iter().zip(wanted) {
                let tolerance = 1e-4 * wanted.abs().max(1.0);
                assert!((found - wanted).abs() <= tolerance, "{name}: {found} is not {wanted}");
            }
        }
    }
}

#[test]
fn a_missing_modality_is_told_by_present() {
    let manifest: Manifest = serde_json::from_value(json!({
        "manifest": 1, "name": "both", "version": "1", "license": "MIT", "present": "present",
        "inputs": [
            {"name": "image", "modality": "image", "layout": "raw", "size": [2, 2]},
            {"name": "audio", "modality": "audio", "layout": "raw", "sample_rate": 8000, "samples": 2},
        ],
        "output": {"name": "logits", "activation": "softmax", "labels": ["a", "b"]},
    }))
    .unwrap();
    let mut input = ResidentInput::new(&manifest, 2);
    input.write(0, &window(Some(vec![0.5, -0.5]), None));
    input.write(1, &window(None, None));
    let view = input.view(2);
    let named: Vec<_> = view.feeds.iter().map(|feed| (feed.name, feed.shape)).collect();
    assert_eq!(named, [("image", &[2, 2, 3][..]), ("audio", &[2, 1][..]), ("present", &[2][..])]);
    let Values::F32(present) = view.feeds[2].values else { panic!("present is f32") };
    assert_eq!(present, [0.0, 1.0, 0.0, 0.0]);
    let Values::F32(sound) = view.feeds[1].values else { panic!("sound is f32") };
    assert_eq!(sound, [0.5, -0.5, 0.0, 0.0]);
}
