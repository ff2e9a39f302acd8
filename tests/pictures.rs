//! Single pictures as the model sees them, against Pillow's answers.

#![cfg(feature = "ffmpeg")]

use std::path::{Path, PathBuf};

use percept::data::StreamId;
use percept::data::manifest::{Filter, Resize};
use percept::decode::DecodeSettings;
use percept::source::{Location, SourceSettings};
use percept::supervise::Stop;
use percept::topology::{PictureError, Singles, Wants};
use percept::window::Plan;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures")
}

/// As the published ImageNet models want it, but smaller.
fn perceiver(side: usize) -> DecodeSettings {
    DecodeSettings {
        resize: Resize::Crop,
        crop_fraction: 0.875,
        filter: Filter::Bicubic,
        ..DecodeSettings::new([side, side], std::time::Duration::from_secs(1))
    }
}

fn look(path: &Path, settings: &DecodeSettings) -> Result<Vec<u8>, PictureError> {
    let source = SourceSettings::new(Location::File(path.to_owned()));
    let plan = Plan {
        frames: 1,
        step: settings.step,
        stride: 1,
        looks_every: 1,
        longest_gap: None,
        interval: None,
    };
    let wants = Wants { pictures: Some((settings.clone(), plan)), sound: None, points: None };
    let stream = StreamId::new("pictures").unwrap();
    let singles = Singles { stream: &stream, source: &source, wants: &wants, stop: &Stop::new() };
    singles.window(path, 0).map(|window| window.frames[0].pixels.to_vec())
}

#[test]
fn every_kind_of_picture_is_seen_as_pillow_sees_it() {
    let text = std::fs::read_to_string(fixtures().join("golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let settings = perceiver(golden["size"].as_u64().unwrap() as usize);
    let pictures = golden["pictures"].as_object().unwrap();
    assert!(pictures.len() > 30);
    let mut wrong = Vec::new();
    for (name, golden) in pictures {
        let most = golden[0].as_u64().unwrap() as u8;
        let digits = golden[1].as_str().unwrap().as_bytes().chunks_exact(2);
        let digit =
            |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        let want: Vec<u8> = digits.map(digit).collect();
        match look(&fixtures().join(name), &settings) {
            Ok(got) => {
                assert_eq!(got.len(), want.len(), "{name}");
                let apart = got.iter().zip(&want).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                if apart > most {
                    wrong.push(format!("{name}: {apart} apart, {most} allowed"));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
