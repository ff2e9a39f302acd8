//! Model files that are refused, each with its name, the field and the fix.

use std::path::{Path, PathBuf};

use percept::data::{Fault, Remedy};
use percept::model::{ModelError, read_manifest, show};
use serde_json::{Value, json};
use tempfile::TempDir;

fn fixture(name: &str) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/tiny-{name}.onnx"));
    std::fs::read(path).unwrap()
}

/// What fits `tiny-good.onnx`: 2 x 2 x 2 rows of 2 * 4 * 4 * 3 + 3 + 2 * 6 channels.
fn manifest() -> Value {
    json!({
        "manifest": 1, "name": "tiny", "version": "1.0.0", "license": "MIT", "source": "export/tiny_models.py",
        "card": {"trained_on": "nothing", "scores": {"dark": {"f1": 0.5}}},
        "inputs": [{
            "name": "video", "modality": "video", "layout": "byte_array",
            "frames": 4, "size": [8, 8], "patch": [2, 4, 4], "interval": [0.5, 4.0],
            "position": {"bands": [2, 2, 2], "max_resolution": [4.0, 8.0, 8.0],
                         "order": "positions_sines_cosines", "time": "real"},
        }],
        "output": {
            "name": "logits", "activation": "sigmoid", "labels": ["dark", "frozen"],
            "thresholds": {"dark": {"enter": 0.6, "leave": 0.4}},
        },
    })
}

/// A protocol buffer may be appended to: this adds a `metadata_props` entry (field 14) to a model.
fn with_property(mut model: Vec<u8>, key: &str, value: &str) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(content);
        bytes
    };
    model.extend(field(14, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat()));
    model
}

struct Case {
    _folder: TempDir,
    path: PathBuf,
}

fn case(bytes: &[u8]) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.onnx");
    std::fs::write(&path, bytes).unwrap();
    Case { _folder: folder, path }
}

fn model(graph: &str, manifest: &Value) -> Case {
    case(&with_property(fixture(graph), "percept.manifest", &manifest.to_string()))
}

/// The refusal names the file, holds all of `parts`, and asks for no second try.
#[track_caller]
fn refused(case: &Case, parts: &[&str]) -> ModelError {
    let error = read_manifest(&case.path).unwrap_err();
    assert_told(&error, case, parts);
    error
}

#[track_caller]
fn assert_told(error: &ModelError, case: &Case, parts: &[&str]) {
    let text = error.to_string();
    assert!(text.contains(case.path.to_str().unwrap()), "the file is not named: {text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert_eq!(error.remedy(), Remedy::GiveUp);
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut manifest = manifest();
    *manifest.pointer_mut(pointer).unwrap() = value;
    manifest
}

#[test]
fn a_sound_model_is_read_and_shown() {
    let case = model("good", &manifest());
    assert_eq!(read_manifest(&case.path).unwrap().output.labels, ["dark", "frozen"]);
    let shown = show(&case.path).unwrap();
    for part in [
        "tiny 1.0.0",
        "MIT",
        "export/tiny_models.py",
        "4 frames of 8x8, 0.5 to 4 s apart",
        "8 rows, 111 channels: 96 values, 15 Fourier",
        "real times",
        "2 labels, sigmoid",
        "dark     0.60   0.40          2 s        4 s",
        "frozen   0.60   0.40          2 s        4 s",
        "trained_on: nothing",
        "dark: f1 0.5",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
}

#[test]
fn what_each_label_judges_is_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown = show(&root.join("models/stream-health.onnx")).unwrap();
    let row = |label: &str| {
        let rows = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.into_iter()
            .find(|row| row.first() == Some(&label))
            .unwrap_or_else(|| panic!("{shown}"))
    };
    assert_eq!(row("label"), ["label", "enter", "leave", "start_after", "end_after", "judges"]);
    assert_eq!(row("covered")[3..], ["20", "s", "4", "s", "video"]);
    assert_eq!(row("shaking")[3..], ["2", "s", "4", "s", "video"]);
    assert_eq!(row("silent").last(), Some(&"audio"));
    for part in ["audio (audio): 3.000 s at 16000 Hz, mono", "present: which of them are there"] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
}

#[test]
fn files_that_are_not_models() {
    for (bytes, why) in [
        (&b""[..], "it is empty"),
        (b"just some text, in a file that someone called a model\n", "not an ONNX file"),
        (b"{\"manifest\": 1}", "not an ONNX file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "not an ONNX file"),
    ] {
        refused(&case(bytes), &[why, "give the .onnx file"]);
    }
    let good = with_property(fixture("good"), "percept.manifest", &manifest().to_string());
    for end in [40, 100, good.len() / 2, good.len() - 1] {
        refused(&case(&good[..end]), &["cut off or damaged", "fetch it again"]);
    }
}

#[test]
fn files_that_are_not_there_or_not_files() {
    let mut case = case(b"");
    case.path = case.path.with_file_name("missing.onnx");
    refused(&case, &["reading model", "check the path"]);
    case.path = case.path.parent().unwrap().to_owned();
    refused(&case, &["it is not a file"]);
}

#[test]
fn a_model_without_a_manifest() {
    refused(
        &case(&fixture("good")),
        &["no metadata property `percept.manifest`", "export it with a manifest"],
    );
    let other = with_property(fixture("good"), "someone.elses", "{}");
    assert!(matches!(refused(&case(&other), &[]), ModelError::NoManifest { .. }));
}

#[test]
fn a_manifest_of_another_form() {
    let not_json = with_property(fixture("good"), "percept.manifest", "name: tiny");
    refused(&case(&not_json), &["not JSON"]);
    refused(
        &model("good", &changed("/manifest", json!(7))),
        &["`manifest`", "version 7", "newer percept"],
    );
    refused(&model("good", &changed("/inputs/0/size", json!("8x8"))), &["`inputs[0].size`", "8x8"]);
    let mut extra = manifest();
    extra["look"] = json!(4);
    refused(&model("good", &extra), &["unknown field `look`", "take it out"]);
}

#[test]
fn a_manifest_that_makes_no_sense() {
    refused(
        &model("good", &changed("/inputs/0/patch", json!([2, 3, 4]))),
        &["`inputs[0].patch`", "does not divide"],
    );
    refused(
        &model("good", &changed("/inputs/0/interval", json!([4, 0.5]))),
        &["`inputs[0].interval`", "least"],
    );
    let text =
        refused(&model("good", &changed("/inputs/0/position/bands", json!([2]))), &["t, y, x"])
            .to_string();
    assert!(text.contains("`inputs[0].position.bands`: 1 numbers for 3 axes"), "{text}");
    let thresholds = changed("/output/thresholds/dark", json!({"enter": 0.2, "leave": 0.4}));
    refused(
        &model("good", &thresholds),
        &["`output.thresholds.dark`", "leave 0.4 is above enter 0.2"],
    );
}

#[test]
fn several_faults_are_told_together() {
    let mut bad = changed("/inputs/0/patch", json!([3, 4, 4]));
    bad["output"]["thresholds"]["frosen"] = json!({"enter": 0.5, "leave": 0.5});
    refused(
        &model("good", &bad),
        &["2 faults", "`inputs[0].patch`", "`output.thresholds.frosen`", "dark, frozen"],
    );
}

#[test]
fn a_graph_that_disagrees_is_told_with_both_sides() {
    let bands = changed("/inputs/0/position/bands", json!([2, 2, 3]));
    refused(
        &model("good", &bands),
        &["`inputs[0].name`", "f32 [batch, 8, 113]", "f32 [?, 8, 111]"],
    );
    let name = changed("/inputs/0/name", json!("clip"));
    refused(&model("good", &name), &["no input `clip`", "`video`"]);
    let labels = changed("/output/labels", json!(["dark", "frozen", "covered"]));
    refused(&model("good", &labels), &["`output.name`", "f32 [batch, 3]", "f32 [?, 2]"]);
    let mut raw = changed("/inputs/0/layout", json!("raw"));
    raw["inputs"][0]["times"] = json!("times");
    refused(
        &model("good", &raw),
        &["u8 [batch, 4, 8, 8, 3]", "f32 [?, 8, 111]", "no input `times`"],
    );
    refused(&model("four-batch", &manifest()), &["batches of 4 alone", "free batch axis"]);
}

#[cfg(feature = "onnx")]
mod loaded {
    use percept::data::{Feed, ModelInput, Values};
    use percept::model::{Model, ModelSettings, Provider, ProviderKind};

    use super::*;

    fn load(case: &Case) -> Result<Model, ModelError> {
        Model::load(&ModelSettings {
            path: case.path.clone(),
            providers: vec![Provider::required(ProviderKind::Cpu)],
            threads: 1,
            max_batch: 3,
            library: None,
        })
    }

    fn fed(rows: &[f32]) -> ModelInput<'_> {
        let values = Values::F32(rows);
        ModelInput { feeds: vec![Feed { name: "video", shape: &[8, 111], values }] }
    }

    #[test]
    fn a_sound_model_runs() {
        let mut model = load(&model("good", &manifest())).unwrap();
        let rows: Vec<f32> =
            [0.5f32, -2.0].iter().flat_map(|&value| vec![value; 8 * 111]).collect();
        let logits = model.run(&fed(&rows), 2).unwrap();
        for (found, wanted) in logits.values.iter().zip([0.5, -0.5, -2.0, 2.0]) {
            assert!((found - wanted).abs() < 1e-5, "{:?}", logits.values);
        }
        assert!(model.runtime_version().starts_with("1."), "{}", model.runtime_version());
    }

    #[test]
    fn a_graph_of_one_window_runs_one_window() {
        let mut model = load(&model("one-batch", &manifest())).unwrap();
        assert_eq!(model.max_batch(), 1);
        let rows = vec![1.0; 8 * 111];
        model.run(&fed(&rows), 1).unwrap();
    }

    #[test]
    fn logits_that_do_not_count_the_labels_are_told_at_load_though_the_file_hides_them() {
        let case = model("hidden-shape", &manifest());
        assert_told(&load(&case).err().unwrap(), &case, &["f32 [batch, 2]", "f32 [?, 3]"]);
    }

    #[test]
    fn a_graph_that_onnx_runtime_does_not_know_is_told() {
        let case = model("unknown-operator", &manifest());
        assert_told(&load(&case).err().unwrap(), &case, &["Vanish"]);
    }

    #[test]
    fn logits_that_are_not_finite_stop_the_load() {
        let error = load(&model("infinite", &manifest())).err().unwrap();
        assert!(matches!(error, ModelError::NotFinite { window: 0, .. }), "{error}");
    }

    /// The library that the tests run with is a CPU build, or has no GPU to run on.
    #[test]
    fn a_provider_that_is_only_preferred_gives_way_to_the_cpu() {
        if Path::new("/dev/nvidiactl").exists() {
            return;
        }
        let case = model("good", &manifest());
        let with = |provider| ModelSettings {
            path: case.path.clone(),
            providers: vec![provider],
            threads: 1,
            max_batch: 1,
            library: None,
        };
        let model = Model::load(&with(Provider::preferred(ProviderKind::Cuda))).unwrap();
        assert_eq!(model.provider(), "cpu");
        let error = Model::load(&with(Provider::required(ProviderKind::Cuda))).err().unwrap();
        let text = error.to_string();
        assert!(text.contains("provider cuda is required and did not start"), "{text}");
        assert!(text.contains("is built without it") || text.contains("is missing"), "{text}");
    }
}
