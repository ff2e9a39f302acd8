//! Models loaded on the CPU, and what their tests compare.
#![allow(dead_code, reason = "not every test crate that shares this uses all of it")]

use std::path::Path;

use percept::model::{Model, ModelSettings, Provider, ProviderKind};

/// Loads a model file of this repository for so many windows at once.
pub fn load(path: &str, max_batch: usize) -> Model {
    let settings = ModelSettings {
        path: Path::new(env!("CARGO_MANIFEST_DIR")).join(path),
        providers: vec![Provider::required(ProviderKind::Cpu)],
        threads: 1,
        max_batch,
        library: None,
    };
    Model::load(&settings).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
pub fn assert_close(what: &str, found: &[f32], wanted: &[f32], tolerance: f32) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= tolerance, "{what}: {found} is not {wanted}");
    }
}
