//! ONNX Runtime is missing or wrong: told with the version that is wanted and how to get it, never a panic.
//!
//! Its own file, for a process loads ONNX Runtime once: nothing here may load it.
#![cfg(all(feature = "onnx", target_os = "linux"))]

use std::path::{Path, PathBuf};

use percept::model::{Model, ModelError, ModelSettings};

#[track_caller]
fn refused(library: &Path, parts: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/stream-health.onnx");
    let settings =
        ModelSettings { path, library: Some(library.to_owned()), ..ModelSettings::default() };
    let error = Model::load(&settings).err().unwrap();
    assert!(matches!(error, ModelError::Library { .. }), "{error}");
    let text = error.to_string();
    for part in parts.iter().chain(&[
        "version 1.31 or newer",
        "make deps",
        "onnxruntime==1.31.1",
        "ORT_DYLIB_PATH",
    ]) {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_library_that_is_not_there() {
    refused(
        Path::new("/nowhere/libonnxruntime.so"),
        &["/nowhere/libonnxruntime.so", "No such file"],
    );
}

#[test]
fn a_folder_without_it() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), &["libonnxruntime.so", "No such file"]);
}

#[test]
fn a_file_that_is_not_a_library() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libonnxruntime.so");
    std::fs::write(&file, "not a library").unwrap();
    refused(&file, &["it does not load"]);
    refused(folder.path(), &["it does not load"]);
}

#[test]
fn another_library() {
    let system =
        ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    let other = system
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
        .expect("every Linux has a libm");
    refused(&other, &["it is not ONNX Runtime"]);
}

#[test]
fn one_failure_does_not_spoil_the_next_try() {
    for _ in 0..3 {
        refused(Path::new("/nowhere/libonnxruntime.so"), &["No such file"]);
    }
}
