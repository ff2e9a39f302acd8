//! What modules are handed: sources with credentials, a folder's clips, and faults that
//! only the file system or a manifest can show, each at its line.

use std::path::Path;

use percept::config::{Checked, Faults, Overrides, Watch};
use percept::data::manifest::{Output, Pictures};
use percept::decode::DecodeMode;
use percept::publish::SinkSettings;
use percept::source::{Location, Takes};
use percept::telemetry::redact;

/// An empty machine's file, so that the repository's own is not looked up.
fn load_in(folder: &Path, pipeline: &str) -> Checked {
    let at = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (pipeline, machine) = (at("door.toml", pipeline), at("percept.toml", ""));
    let environment = |name: &str| (name == "BRIDGE_PASSWORD").then(|| "p@ss/w%41rd".to_owned());
    Checked::load_with(&pipeline, Some(&machine), &environment).unwrap_or_else(|e| panic!("{e}"))
}

fn load(pipeline: &str) -> Checked {
    load_in(tempfile::tempdir().unwrap().path(), pipeline)
}

/// All sources, or why they cannot be watched.
fn found(checked: &Checked, takes: Takes) -> Result<Vec<Watch<'_>>, Faults> {
    let mut faults = Faults::new();
    let watches = checked.watches(takes, &mut faults);
    faults.or(watches)
}

/// `line: key: problem` of each fault.
fn lines(faults: &Faults) -> Vec<String> {
    let line = |fault: &percept::config::ConfigFault| {
        let line = fault.place.line().map_or("-".into(), |line| line.to_string());
        format!("{line}: {}: {}", fault.place.key(), fault.problem)
    };
    faults.iter().map(line).collect()
}

const CLASSIFIER: Takes = Takes { pictures: true, clips_alone: false, sound: false, points: false };
const WATCHER: Takes = Takes { clips_alone: true, ..CLASSIFIER };

fn input() -> Pictures {
    serde_json::from_value(serde_json::json!({
        "name": "video", "layout": "byte_array", "frames": 4,
        "size": [160, 120], "interval": [0.5, 4.0], "resize": "crop",
        "position": { "bands": [2, 2, 2], "max_resolution": [2, 2, 2],
                      "order": "positions_sines_cosines" },
    }))
    .unwrap()
}

#[test]
fn credentials_join_the_url_encoded_and_are_shown_nowhere() {
    let checked = load(
        r#"
[defaults]
user = "jane doe"
password = "${BRIDGE_PASSWORD}"
[[streams]]
name = "door"
source = "rtsp://cam:8554/live?x=1"
[[streams]]
name = "own"
source = "http://other:its0wn@host/live.m3u8"
[[streams]]
name = "made"
source = "lavfi:testsrc2"
"#,
    );
    let watches = found(&checked, WATCHER).unwrap();
    let Location::Rtsp(url) = &watches[0].source.location else { panic!("{watches:?}") };
    assert_eq!(url.as_str(), "rtsp://jane%20doe:p%40ss%2Fw%2541rd@cam:8554/live?x=1");
    let Location::Http(url) = &watches[1].source.location else { panic!("{watches:?}") };
    assert_eq!((url.username(), url.password()), ("other", Some("its0wn")));
    assert!(matches!(watches[2].source.location, Location::Lavfi(_)));
    let shown = format!("{checked:?} {watches:?}");
    for form in ["p@ss/w%41rd", "p%40ss%2Fw%2541rd", "jane%20doe:p%40ss%2Fw%2541rd", "its0wn"] {
        assert!(!shown.contains(form), "{shown}");
        assert!(!redact::mask(&format!("opening {form} failed")).contains(form), "{form}");
    }
}

#[test]
fn a_variable_in_a_url_is_hidden_unless_it_is_the_host() {
    let pipeline = "[[streams]]\nname = \"door\"\n\
                    source = \"rtsp://${BRIDGE_HOST}/live/${BRIDGE_KEY}\"\n\
                    options = { user_agent = \"${BRIDGE_AGENT}\" }\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pipeline).unwrap();
    let environment = |name: &str| match name {
        "BRIDGE_HOST" => Some("cam.bridge.example".to_owned()),
        "BRIDGE_KEY" => Some("k3yInPath".to_owned()),
        "BRIDGE_AGENT" => Some("s3cretAgent".to_owned()),
        _ => None,
    };
    let machine = tempfile::NamedTempFile::new().unwrap();
    Checked::load_with(file.path(), Some(machine.path()), &environment).unwrap();
    let masked = redact::mask("DESCRIBE cam.bridge.example/live/k3yInPath by s3cretAgent failed");
    assert_eq!(masked, "DESCRIBE cam.bridge.example/live/*** by *** failed");
}

#[test]
fn every_source_at_fault_is_told_at_its_line_without_secrets() {
    let checked = load(
        r#"[[streams]]
name = "gone"
source = "no/such/clip.mp4"
[[streams]]
name = "port"
source = "rtsp://me:hunter2@cam:port/1"
[[streams]]
name = "twice"
source = "rtsp://me:hunter2@cam/1"
user = "you"
[[streams]]
name = "file"
source = "lavfi:testsrc2"
user = "me"
password = "hunter2"
[[streams]]
name = "scheme"
source = "gopher://me:hunter2@cam/1"
"#,
    );
    let faults = found(&checked, WATCHER).unwrap_err();
    let told = lines(&faults);
    let starts = [
        "3: streams[0].source: source \"no/such/clip.mp4\" does not exist",
        "6: streams[1].source: ",
        "10: streams[2].user: a user here and another one in the source's URL",
        "14: streams[3].user: a user for a source that is no rtsp or http URL",
        "18: streams[4].source: ",
    ];
    assert_eq!(told.len(), starts.len(), "{faults}");
    for (line, start) in told.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(!faults.to_string().contains("hunter2"), "{faults}");
}

#[test]
fn a_folder_is_its_clips_each_with_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["clips/a.mp4", "clips/a.mkv", "clips/notes.txt", "pictures/a.jpg", "none/x.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"x").unwrap();
    }
    let stream = |name: &str| {
        let at = folder.path().join(name);
        format!("[[streams]]\nname = \"{name}\"\nsource = {:?}\nhop = \"1s\"\n", at.display())
    };
    let checked = load_in(folder.path(), &stream("clips"));
    let watches = found(&checked, WATCHER).unwrap();
    let names: Vec<_> = watches.iter().map(|watch| watch.name.as_str()).collect();
    assert_eq!(names, ["clips-a", "clips-a-2"]);
    assert!(watches.iter().all(|watch| watch.stream.hop.value.as_secs() == 1));

    let checked = load_in(folder.path(), &(stream("pictures") + &stream("none")));
    let faults = found(&checked, WATCHER).unwrap_err();
    let told = lines(&faults);
    assert_eq!(told.len(), 2, "{faults}");
    assert!(told[0].starts_with("3: ") && told[0].contains("pictures only"), "{faults}");
    assert!(told[1].starts_with("7: ") && told[1].contains("no media files"), "{faults}");
    assert_eq!(
        lines(&found(&checked, CLASSIFIER).unwrap_err()).len(),
        1,
        "pictures for an image model"
    );
}

#[test]
fn what_the_manifest_refuses_is_told_at_its_line() {
    let checked = load(
        r#"[[streams]]
name = "door"
source = "lavfi:testsrc2"
hop = "20ms"
[streams.labels]
ignore = ["shakin"]
[streams.labels.dark]
leave = 0.9
[streams.labels.darc]
enter = 0.5
"#,
    );
    let output: Output = serde_json::from_value(serde_json::json!({
        "name": "logits", "activation": "sigmoid", "labels": ["dark", "shaking"],
        "thresholds": { "dark": { "enter": 0.7, "leave": 0.5 } },
    }))
    .unwrap();
    let mut faults = Faults::new();
    let stream = &checked.streams[0];
    assert_eq!(stream.plan(&input(), &mut faults), None);
    stream.check_labels(&output, &mut faults);
    let told = lines(&faults);
    let starts = [
        "4: streams[0].hop: hop 20ms is too short",
        "6: streams[0].labels.ignore: the model has no label \"shakin\"",
        "9: streams[0].labels.darc: the model has no label \"darc\"",
        "8: streams[0].labels.dark.leave: 0.9 is above the score 0.7",
    ];
    assert_eq!(told.len(), starts.len(), "{faults}");
    for (line, start) in told.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn decoding_takes_the_models_size_and_the_streams_choices() {
    let checked = load(
        "[[streams]]\nname = \"door\"\nsource = \"lavfi:testsrc2\"\ndecode = \"all\"\n\
         mask = [[0.5, 0.5, 0.25, 0.25]]\n",
    );
    let stream = &checked.streams[0];
    let plan = stream.plan(&input(), &mut Faults::new()).unwrap();
    let decode = stream.decode_settings(&input(), &plan, 3);
    assert_eq!((decode.size, decode.threads, decode.mode), ([160, 120], 3, DecodeMode::All));
    assert_eq!(decode.resize, input().resize);
    assert_eq!((decode.step, decode.interval), (plan.step, plan.interval));
    assert_eq!(decode.masks[0].x, 0.5);
}

#[test]
fn arguments_go_before_the_files() {
    let mut checked = load(
        "model = \"a.onnx\"\n[[streams]]\nname = \"door\"\nsource = \"lavfi:testsrc2\"\n\
         hop = \"3s\"\n",
    );
    assert_eq!(checked.model_settings().path, Path::new("a.onnx"));
    checked.apply(&Overrides {
        model: Some("b.onnx".into()),
        hop: Some(std::time::Duration::from_millis(1)),
        output: Some("no/such/folder/events.jsonl".into()),
        windows: Some(false),
        listen: Some(None),
        ..Overrides::default()
    });
    assert_eq!(checked.model_settings().path, Path::new("b.onnx"));
    assert_eq!(checked.machine.http.listen, None);
    assert!(!checked.sinks[0].windows);
    let faults = checked.sinks().unwrap_err().to_string();
    assert!(faults.starts_with("command line: --output: cannot write events"), "{faults}");
    let mut faults = Faults::new();
    checked.streams[0].plan(&input(), &mut faults);
    assert!(faults.to_string().starts_with("command line: --hop: hop 1ms"), "{faults}");
    checked.apply(&Overrides { output: Some("-".into()), ..Overrides::default() });
    assert_eq!(checked.sinks().unwrap(), [(SinkSettings::Stdout, true)]);
}

#[test]
fn sources_of_the_command_line_are_named_after_themselves() {
    let machine = tempfile::NamedTempFile::new().unwrap();
    let load = |sources: &[&str]| {
        let sources: Vec<_> = sources.iter().map(ToString::to_string).collect();
        let (checked, faults) = Checked::from_sources(&sources, Some(machine.path()));
        faults.or(checked)
    };
    let checked = load(&["rtsp://u:p@cam/1", "lavfi:testsrc2", "lavfi:smptebars"]).unwrap();
    let watches = found(&checked, WATCHER).unwrap();
    let names: Vec<_> = watches.iter().map(|watch| watch.name.as_str()).collect();
    assert_eq!(names, ["cam-1", "lavfi", "lavfi-2"]);
    assert_eq!(checked.sinks().unwrap(), [(SinkSettings::Stdout, true)]);
    let faults = found(&load(&["no/such.mp4"]).unwrap(), WATCHER).unwrap_err().to_string();
    assert!(faults.starts_with("command line: SOURCE: source \"no/such.mp4\""), "{faults}");
    assert!(load(&[]).unwrap_err().to_string().contains("nothing to watch"));
}
