//! Every fault that a manifest can have is told, with its field.

use serde_json::{Value, json};

use super::*;

/// A sound manifest: 2 x 2 x 2 rows of 2 * 4 * 4 * 3 + 3 + 12 = 111 channels.
pub fn document() -> Value {
    json!({
        "manifest": 1, "name": "tiny", "version": "1.0.0", "license": "MIT",
        "inputs": [{
            "name": "video", "modality": "video", "layout": "byte_array",
            "frames": 4, "size": [8, 8], "patch": [2, 4, 4], "interval": [0.5, 4.0],
            "position": {"bands": [2, 2, 2], "max_resolution": [4.0, 8.0, 8.0],
                         "order": "positions_sines_cosines", "time": "real"},
        }],
        "output": {
            "name": "logits", "activation": "sigmoid", "labels": ["dark", "frozen"],
            "calibration": {"scale": [1.0, 1.0], "bias": [0.0, 0.0]},
            "thresholds": {"dark": {"enter": 0.6, "leave": 0.4}},
        },
    })
}

fn port(name: &str, dtype: &'static str, shape: &[u64]) -> Port {
    Port {
        name: name.into(),
        dtype,
        shape: Some(std::iter::once(None).chain(shape.iter().map(|&size| Some(size))).collect()),
    }
}

fn ports() -> Ports {
    Ports {
        inputs: vec![port("video", "f32", &[8, 111])],
        outputs: vec![port("logits", "f32", &[2])],
    }
}

fn parsed(document: Value) -> Manifest {
    serde_json::from_value(document).unwrap()
}

/// Sets the field at a JSON pointer and expects exactly one fault, at `field`, that holds `problem`.
#[track_caller]
fn refused(pointer: &str, value: Value, field: &str, problem: &str) {
    let mut changed = document();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match changed.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.insert(key.into(), value)),
        Value::Array(array) => array[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no fields"),
    }
    let faults = manifest(&parsed(changed));
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, [field], "{faults:#?}");
    assert!(faults[0].problem.contains(problem), "{}", faults[0]);
    assert!(!faults[0].fix.is_empty());
}

#[test]
fn a_sound_manifest_has_no_faults() {
    assert_eq!(manifest(&parsed(document())), []);
    assert_eq!(graph(&parsed(document()), &ports()), []);
}

#[test]
fn patches_must_divide_frames_and_size() {
    refused("/inputs/0/patch", json!([3, 4, 4]), "inputs[0].patch", "does not divide 4 frames");
    refused("/inputs/0/patch", json!([2, 5, 4]), "inputs[0].patch", "does not divide");
    refused("/inputs/0/patch", json!([2, 4, 3]), "inputs[0].patch", "does not divide");
    refused("/inputs/0/patch", json!([2, 0, 4]), "inputs[0].patch", "zero");
    refused("/inputs/0/size", json!([0, 8]), "inputs[0].size", "1 to 16384");
    refused("/inputs/0/frames", json!(0), "inputs[0].frames", "1 to 1024");
}

#[test]
fn every_axis_has_bands_and_a_resolution() {
    refused(
        "/inputs/0/position/bands",
        json!([2, 2]),
        "inputs[0].position.bands",
        "2 numbers for 3 axes",
    );
    refused("/inputs/0/position/bands", json!([2, 0, 2]), "inputs[0].position.bands", "1 to");
    let field = "inputs[0].position.max_resolution";
    refused("/inputs/0/position/max_resolution", json!([4.0]), field, "1 numbers for 3 axes");
    refused("/inputs/0/position/max_resolution", json!([4.0, -8.0, 8.0]), field, "above 0");
}

#[test]
fn intervals_are_ranges_of_seconds() {
    for nonsense in [json!([0.0, 4.0]), json!([4.0, 0.5]), json!([-1.0, 4.0]), json!([0.5, 1e19])] {
        refused("/inputs/0/interval", nonsense, "inputs[0].interval", "not a range of seconds");
    }
    refused("/inputs/0/fps", json!(25.0), "inputs[0].fps", "`interval` is there too");
    let mut rare = document();
    rare["inputs"][0]["interval"] = Value::Null;
    rare["inputs"][0]["position"]["time"] = json!("grid");
    for nonsense in [json!(0.0), json!(1e-300), json!(1e300)] {
        rare["inputs"][0]["fps"] = nonsense;
        assert_eq!(manifest(&parsed(rare.clone()))[0].field, "inputs[0].fps");
    }
    let mut neither = document();
    neither["inputs"][0]["interval"] = Value::Null;
    neither["inputs"][0]["position"]["time"] = json!("grid");
    assert_eq!(manifest(&parsed(neither))[0].field, "inputs[0].interval");
}

#[test]
fn normalisation_is_finite_and_divides() {
    refused("/inputs/0/std", json!([0.2, 0.0, 0.2]), "inputs[0].std", "above 0");
    refused("/inputs/0/mean", json!([0.2, 1e300, 0.2]), "inputs[0].mean", "finite");
}

#[test]
fn real_times_need_a_place_to_go() {
    refused("/inputs/0/layout", json!("raw"), "inputs[0].times", "missing");
    refused("/inputs/0/times", json!("times"), "inputs[0].times", "in its rows");
    let mut image = document();
    image["inputs"][0]["modality"] = json!("image");
    let faults = manifest(&parsed(image));
    for field in ["inputs[0].frames", "inputs[0].position.time", "inputs[0].position.bands"] {
        assert!(faults.iter().any(|fault| fault.field == field), "{field}: {faults:#?}");
    }
}

#[test]
fn sizes_that_would_take_all_memory_are_refused() {
    let mut huge = document();
    huge["inputs"][0]["size"] = json!([16_384, 16_384]);
    huge["inputs"][0]["patch"] = json!([1, 1, 1]);
    assert!(manifest(&parsed(huge))[0].problem.contains("do not fit"));
}

#[test]
fn labels_are_there_once_each() {
    refused("/output/labels/1", json!("dark"), "output.labels[1]", "twice");
    refused("/output/labels/1", json!("a\rb"), "output.labels[1]", r"a\rb");
    refused("/output/labels/1", json!(" "), "output.labels[1]", "empty");
}

#[test]
fn calibration_has_one_number_a_label() {
    refused(
        "/output/calibration/scale",
        json!([1.0]),
        "output.calibration.scale",
        "1 numbers for 2 labels",
    );
    refused("/output/calibration/bias", json!([0.0, 1e300]), "output.calibration.bias", "finite");
}

#[test]
fn thresholds_are_scores_of_known_labels_and_leave_is_below_enter() {
    let thresholds = |enter: f64, leave: f64| json!({"enter": enter, "leave": leave});
    refused(
        "/output/thresholds/fozen",
        thresholds(0.6, 0.4),
        "output.thresholds.fozen",
        "no label",
    );
    refused(
        "/output/thresholds/dark",
        thresholds(0.4, 0.6),
        "output.thresholds.dark",
        "leave 0.6 is above enter 0.4",
    );
    refused("/output/thresholds/dark", thresholds(1.5, 0.6), "output.thresholds.dark", "0 to 1");
    for nonsense in [-1.0, 1e9] {
        let mut held = thresholds(0.6, 0.4);
        held["start_after"] = json!(nonsense);
        refused("/output/thresholds/dark", held, "output.thresholds.dark.start_after", " s");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut bad = document();
    bad["name"] = json!("");
    bad["inputs"][0]["patch"] = json!([3, 4, 4]);
    bad["output"]["labels"] = json!([]);
    let faults = manifest(&parsed(bad));
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    for field in ["name", "inputs[0].patch", "output.labels", "output.calibration.scale"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
}

#[test]
fn each_modality_is_there_once() {
    let mut two = document();
    let input = two["inputs"][0].clone();
    two["inputs"].as_array_mut().unwrap().push(input);
    assert!(manifest(&parsed(two))[0].problem.contains("a second input of pictures"));
    let mut none = document();
    none["inputs"] = json!([]);
    assert_eq!(manifest(&parsed(none))[0].field, "inputs");
}

/// Changes the graph and expects exactly one fault, at `field`, that holds all of `parts`.
#[track_caller]
fn disagrees(change: impl FnOnce(&mut Ports), field: &str, parts: &[&str]) {
    let mut ports = ports();
    change(&mut ports);
    let faults = graph(&parsed(document()), &ports);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(faults[0].field, field);
    for part in parts {
        assert!(faults[0].to_string().contains(part), "{part} is not in {}", faults[0]);
    }
}

#[test]
fn a_disagreeing_graph_is_told_with_both_sides() {
    let input = "inputs[0].name";
    disagrees(
        |p| p.inputs[0] = port("video", "f32", &[8, 112]),
        input,
        &["f32 [batch, 8, 111]", "f32 [?, 8, 112]"],
    );
    disagrees(
        |p| p.inputs[0] = port("video", "f16", &[8, 111]),
        input,
        &["f32 [batch, 8, 111]", "f16 [?, 8, 111]"],
    );
    disagrees(|p| p.inputs[0] = port("video", "f32", &[888]), input, &["f32 [?, 888]"]);
    disagrees(
        |p| p.outputs[0] = port("logits", "f32", &[3]),
        "output.name",
        &["f32 [batch, 2]", "f32 [?, 3]"],
    );
    disagrees(
        |p| p.outputs[0].name = "scores".into(),
        "output.name",
        &["no output `logits`", "`scores`"],
    );
    disagrees(|p| p.inputs.push(port("mask", "bool", &[8])), "inputs", &["`mask`", "bool [?, 8]"]);
}

#[test]
fn a_missing_input_is_told_with_the_inputs_there_are() {
    let mut ports = ports();
    ports.inputs[0].name = "clip".into();
    let faults = graph(&parsed(document()), &ports);
    assert!(faults[0].to_string().contains("no input `video`; it has `clip`"), "{}", faults[0]);
}

#[test]
fn a_free_or_single_batch_is_taken_and_a_fixed_one_is_not() {
    let with_batch = |batch| {
        let mut ports = ports();
        ports.inputs[0].shape.as_mut().unwrap()[0] = batch;
        graph(&parsed(document()), &ports)
    };
    assert_eq!(with_batch(None), []);
    assert_eq!(with_batch(Some(1)), []);
    assert!(with_batch(Some(4))[0].problem.contains("batches of 4 alone"));
}

#[test]
fn a_graph_that_states_no_shape_is_left_to_the_first_run() {
    let mut ports = ports();
    ports.outputs[0].shape = None;
    assert_eq!(graph(&parsed(document()), &ports), []);
}

#[test]
fn raw_models_are_compared_by_pixels_and_times() {
    let mut raw = document();
    raw["inputs"][0]["layout"] = json!("raw");
    raw["inputs"][0]["times"] = json!("times");
    let mut ports = ports();
    ports.inputs = vec![port("video", "u8", &[4, 8, 8, 3]), port("times", "f32", &[4])];
    assert_eq!(graph(&parsed(raw.clone()), &ports), []);
    ports.inputs[1] = port("times", "f32", &[5]);
    let faults = graph(&parsed(raw), &ports);
    assert_eq!(faults[0].field, "inputs[0].times");
}

/// A model of sound and of a look, to take apart.
fn heard(changes: &[(&str, Value)]) -> Vec<ManifestFault> {
    let mut document = document();
    document["inputs"] = json!([{
        "name": "audio", "modality": "audio", "layout": "byte_array", "sample_rate": 16_000,
        "samples": 1600, "patch": [16], "position": {
            "bands": [4], "max_resolution": [100.0], "order": "positions_sines_cosines"},
    }]);
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(key.to_owned(), value.clone());
    }
    manifest(&parsed(document))
}

#[test]
fn sound_is_checked_like_pictures() {
    assert_eq!(heard(&[]), []);
    let mel = json!({"n_fft": 400, "window": 400, "hop": 160, "bands": 40, "f_min": 0.0, "f_max": 8000.0});
    let with = |key: &str, value: Value| {
        let mut mel = mel.clone();
        mel[key] = value;
        ("/inputs/0/mel", mel)
    };
    let two = json!({"bands": [4, 4], "max_resolution": [10.0, 40.0], "order": "positions_sines_cosines"});
    let good = [("/inputs/0/mel", mel.clone()), ("/inputs/0/patch", json!([11, 8]))];
    let position = ("/inputs/0/position", two);
    assert_eq!(heard(&[good[0].clone(), good[1].clone(), position.clone()]), []);
    for (changes, field) in [
        (vec![("/inputs/0/sample_rate", json!(0))], "inputs[0].sample_rate"),
        (vec![("/inputs/0/samples", json!(0))], "inputs[0].samples"),
        (vec![("/inputs/0/channels", json!(0))], "inputs[0].channels"),
        (vec![("/inputs/0/patch", json!([7]))], "inputs[0].patch"),
        (vec![("/inputs/0/patch", json!([]))], "inputs[0].patch"),
        (vec![("/inputs/0/position", Value::Null)], "inputs[0].position"),
        (vec![("/inputs/0/position/bands", json!([4, 4]))], "inputs[0].position.bands"),
        (vec![("/inputs/0/position/time", json!("real"))], "inputs[0].position.time"),
        (vec![("/inputs/0/position/tables", json!(true))], "inputs[0].position.tables"),
        (vec![position.clone(), with("hop", json!(0))], "inputs[0].mel.hop"),
        (vec![position.clone(), with("window", json!(401))], "inputs[0].mel.window"),
        (vec![position.clone(), with("f_max", json!(9000.0))], "inputs[0].mel.f_max"),
        (vec![position.clone(), with("log", json!({"floor": 0.0}))], "inputs[0].mel.log.floor"),
        (
            vec![position.clone(), good[0].clone(), ("/inputs/0/patch", json!([4, 8]))],
            "inputs[0].patch",
        ),
        (vec![("/steps", json!({"latents": "l", "gives": "g", "looks": 0}))], "steps.looks"),
    ] {
        let faults = heard(&changes);
        assert!(faults.iter().any(|fault| fault.field == field), "{field}: {faults:#?}");
    }
}

#[test]
fn a_step_and_its_latents_are_in_the_graph() {
    let mut step = document();
    step["steps"] = json!({"latents": "latents", "gives": "latents_out", "looks": 4});
    let mut ports = ports();
    assert_eq!(graph(&parsed(step.clone()), &ports)[0].field, "steps.gives");
    ports.outputs.push(port("latents_out", "f32", &[8, 16]));
    assert_eq!(graph(&parsed(step), &ports), []);
}

#[test]
fn what_says_which_modalities_are_there_has_one_number_each() {
    let mut both = document();
    both["present"] = json!("present");
    let mut ports = ports();
    assert_eq!(graph(&parsed(both.clone()), &ports)[0].field, "present");
    ports.inputs.push(port("present", "f32", &[1]));
    assert_eq!(graph(&parsed(both), &ports), []);
}

/// A model that sees and hears, whose labels judge one of them each.
fn fused() -> Value {
    let mut fused = document();
    let sound = json!({
        "name": "audio", "modality": "audio", "layout": "byte_array", "sample_rate": 16_000,
        "samples": 1600, "patch": [16], "position": {
            "bands": [4], "max_resolution": [100.0], "order": "positions_sines_cosines"},
    });
    fused["inputs"].as_array_mut().unwrap().push(sound);
    fused["present"] = json!("present");
    fused["output"]["judges"] = json!(["video", "audio"]);
    fused
}

#[test]
fn each_label_judges_an_input_that_may_be_missing() {
    assert_eq!(manifest(&parsed(fused())), []);
    let refused = |pointer: &str, value: Value, field: &str, problem: &str| {
        let mut changed = fused();
        *changed.pointer_mut(pointer).unwrap() = value;
        let faults = manifest(&parsed(changed));
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 1, "{told:?}");
        assert_eq!(faults[0].field, field);
        assert!(faults[0].problem.contains(problem) && !faults[0].fix.is_empty(), "{told:?}");
    };
    let judges = "output.judges";
    refused("/output/judges", json!(["video"]), judges, "1 names for 2 labels");
    refused("/output/judges/1", json!("smell"), "output.judges[1]", "`smell`");
    refused("/present", Value::Null, judges, "`present`");
    refused("/output/activation", json!("softmax"), judges, "share 1");
    let mut alone = fused();
    alone["inputs"].as_array_mut().unwrap().pop();
    alone["output"]["judges"] = json!(["video", "video"]);
    assert!(manifest(&parsed(alone))[0].problem.contains("there is one input"));
}
