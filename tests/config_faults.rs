//! Every fault of a configuration is told at once, with its line, key and fix, and
//! without any secret.

use std::path::Path;

use percept::config::{Checked, Faults, Labels, Machine};

struct Files(tempfile::TempDir);

impl Files {
    fn new(pipeline: &str, machine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("door.toml"), pipeline).unwrap();
        std::fs::write(folder.path().join("percept.toml"), machine).unwrap();
        Self(folder)
    }

    fn load(&self) -> Result<Checked, Faults> {
        let at = |name| self.0.path().join(name);
        Checked::load_with(&at("door.toml"), Some(&at("percept.toml")), &|name| match name {
            "PASSWORD" => Some("hunter2".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    /// The faults, without the folder's name.
    fn faults(&self) -> String {
        let folder = format!("{}/", self.0.path().display());
        self.load().unwrap_err().to_string().replace(&folder, "")
    }
}

fn faults(pipeline: &str) -> String {
    Files::new(pipeline, "").faults()
}

const STREAM: &str = "[[streams]]\nname = \"door\"\nsource = \"lavfi:testsrc2\"\n";

#[test]
fn all_faults_of_both_files_are_told_at_once() {
    let pipeline = r#"modell = "a.onnx"

[[streams]]
name = "front door"
source = "rtsp://cam/1"
hop = "2 sec onds"
stall_timeout = 10
decode = "keyframes"
crop = { x = 0.5, width = 0.6 }
mask = [[0, 0, 1], [0, 0, 0.1, 1.5], [0.1, 0.1, 0.0, 0.2]]
allow_files = "yes"
password = "${PASSWORD}"
options = { rtsp_flags = [1] }

[[streams]]
name = "gate"
sorce = "rtsp://cam/2"

[streams.labels]
enter = 0.4
leave = 0.6
strat_after = "1s"

[[sinks]]
type = "stout"

[[sinks]]
type = "file"
"#;
    let machine = r#"[http]
listen = "9184"
ready_share = 2

[batch]
max_windows = 0
max_wait = "1h"

[[model.providers]]
kind = "tensorrt"

[reconnect]
first = "2m"

[listen]
"#;
    let want = r#"door.toml:1: modell: unknown key; did you mean "model"? known here: model, defaults, labels, streams, sinks
door.toml:4: streams[0].name: "front door" cannot name a stream; write 1 to 64 of A-Z a-z 0-9 _ . - beginning with a letter or digit
door.toml:6: streams[0].hop: "2 sec onds" is not a duration; write it like "2s" or "500ms"
door.toml:7: streams[0].stall_timeout: 10 is not a duration; write it like "2s" or "500ms"
door.toml:8: streams[0].decode: "keyframes" is not one of the words known here; did you mean "key_frames"? known: "auto", "all", "key_frames"
door.toml:9: streams[0].crop: a table reaches out of the picture; keep x + width and y + height at 1 or less
door.toml:10: streams[0].mask[0]: [0, 0, 1] does not have four numbers; write [[x, y, width, height]], fractions from 0 to 1
door.toml:10: streams[0].mask[1][3]: 1.5 is not a number from 0 to 1; write a fraction such as 0.5
door.toml:10: streams[0].mask[2]: [0.1, 0.1, 0.0, 0.2] is empty; give width and height above 0
door.toml:11: streams[0].allow_files: "yes" is neither true nor false; write true or false, without quotes
door.toml:12: streams[0].password: a password without a user; add user, or leave the password out
door.toml:13: streams[0].options.rtsp_flags: the value (not shown) is not text; write it in quotes
door.toml:15: streams[1].source: is missing; write source = "rtsp://HOST/PATH"
door.toml:17: streams[1].sorce: unknown key; did you mean "source"? known here: name, source, pair, user, password, transport, stall_timeout, hop, decode, crop, mask, options, allow_hosts, allow_files, tls_verify, ca_file, labels
door.toml:21: streams[1].labels.leave: leave 0.6 is above enter 0.4; a label would end as it starts: set leave to enter or less
door.toml:22: streams[1].labels.strat_after: unknown key; did you mean "start_after"? known here: enter, leave, start_after, end_after, watch, ignore, top_k, and a table for each label that differs, such as [labels.shaking]
door.toml:25: sinks[0].type: "stout" is not one of the words known here; did you mean "stdout"? known: "stdout", "file"
door.toml:27: sinks[1].path: is missing; write path = "events.jsonl"
percept.toml:2: http.listen: "9184" is not an address and port; write "127.0.0.1:9184", "0.0.0.0:9184" or "off"
percept.toml:3: http.ready_share: 2 is not a number from 0 to 1; write a fraction such as 0.5
percept.toml:6: batch.max_windows: 0 is not a whole number that fits; write 1 to 1024
percept.toml:7: batch.max_wait: "1h" is out of range; write 0s to 10s
percept.toml:10: model.providers[0].kind: "tensorrt" is not one of the words known here; known: "cuda", "cpu"
percept.toml:13: reconnect.first: the longest wait 1m is shorter than the first 2m; set most to first or more
percept.toml:15: listen: unknown key; known here: model, batch, decode, http, reconnect, log, shutdown"#;
    let got = Files::new(pipeline, machine).faults();
    for (got, want) in got.lines().zip(want.lines()) {
        assert_eq!(got, want);
    }
    assert_eq!(got.lines().count(), want.lines().count(), "{got}");
}

#[test]
fn what_a_microphone_has_no_use_for_is_a_fault_of_its_own_stream_alone() {
    let useless = "transport = \"udp\"\ndecode = \"all\"\ncrop = { x = 0.5 }\n\
                   mask = [[0, 0, 0.1, 0.1]]\noptions = { foo = \"1\" }\n";
    let microphone = "[[streams]]\nname = \"ear\"\nsource = \"mic:\"\n";
    let told = faults(&format!("{microphone}{useless}"));
    for (line, key) in ["transport", "decode", "crop", "mask", "options"].iter().enumerate() {
        let fault = format!(
            "door.toml:{}: streams[0].{key}: is not for a microphone; leave {key} out",
            line + 4
        );
        assert!(told.contains(&fault), "{fault}:\n{told}");
    }
    assert_eq!(told.lines().count(), 5, "{told}");
    Files::new(&format!("[defaults]\n{useless}{microphone}"), "").load().unwrap();
}

#[test]
fn no_fault_shows_a_secret() {
    let pipeline = r#"
[defaults]
password = ["hunter2"]
user = "${MISSING}hunter2"
options = { headers = { a = "hunter2" } }
[[streams]]
name = "door"
source = ["rtsp://me:hunter2@cam/1"]
[[streams]]
name = "door2"
source = "rtsp://me:hunter2@cam/${OPEN"
password = "hunter2"
"#;
    let got = faults(pipeline);
    assert!(!got.contains("hunter2"), "{got}");
    for line in [3, 4, 5, 8, 11, 12] {
        assert!(got.contains(&format!("door.toml:{line}: ")), "line {line}: {got}");
    }
    let torn = faults("[[streams]]\npassword = hunter2\n");
    assert!(torn.starts_with("door.toml:2: is not TOML: "), "{torn}");
    assert!(!torn.contains("hunter2"), "{torn}");
}

#[test]
fn what_was_loaded_shows_no_secret_either() {
    let secret = "user = \"me\"\npassword = \"${PASSWORD}\"\noptions = { token = \"hunter2\" }";
    let checked = Files::new(&format!("{STREAM}{secret}"), "").load().unwrap();
    assert!(!format!("{checked:?}").contains("hunter2"), "{checked:?}");
    let stream = &checked.streams[0];
    assert_eq!(stream.password.as_ref().unwrap().value.expose(), "hunter2");
    assert_eq!(stream.options["token"].value.expose(), "hunter2");
    let masked = percept::telemetry::redact::mask("DESCRIBE failed for me with hunter2");
    assert!(!masked.contains("hunter2"), "{masked}");
}

#[test]
fn nothing_to_watch_is_a_fault() {
    let want = "door.toml:1: streams: there is nothing to watch; write [[streams]] with a name \
                and a source";
    assert_eq!(faults(""), want);
    assert_eq!(faults("streams = []"), want);
    assert_eq!(
        faults("[streams]\nname = \"door\""),
        "door.toml:1: streams: a table stands where a list of tables belongs; write [[streams]]"
    );
}

#[test]
fn two_streams_or_sinks_of_one_name_are_a_fault() {
    assert_eq!(
        faults(&format!("{STREAM}{STREAM}")),
        "door.toml:5: streams[1].name: \"door\" is also the stream of line 1; give each stream \
         its own name"
    );
    let sinks = "[[sinks]]\ntype = \"file\"\npath = \"a\"\n".repeat(2);
    assert_eq!(
        faults(&format!("{STREAM}{sinks}")),
        "door.toml:9: sinks[1].path: another sink writes to the same place; leave one of them out"
    );
}

#[test]
fn every_variable_that_is_not_set_is_named() {
    let got = faults("[[streams]]\nname = \"door\"\nsource = \"rtsp://${HOST}/${PATH_}\"\n");
    assert_eq!(
        got,
        "door.toml:3: streams[0].source: the environment variable HOST is not set; set it where \
         percept is started: export HOST=…\n\
         door.toml:3: streams[0].source: the environment variable PATH_ is not set; set it where \
         percept is started: export PATH_=…"
    );
    let empty = faults("[[streams]]\nname = \"door\"\nsource = \"${EMPTY}\"\n");
    assert!(empty.starts_with("door.toml:3: streams[0].source: is empty"), "{empty}");
}

#[test]
fn a_missing_file_is_told_beside_the_other_files_faults() {
    let files = Files::new("", "[log]\nlevel = \"loud\"\n");
    let at = |name| files.0.path().join(name);
    let faults = Checked::load(&at("dor.toml"), Some(&at("percept.toml"))).unwrap_err();
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2, "{faults}");
    assert!(lines[0].contains("dor.toml: cannot be read"), "{faults}");
    assert!(lines[1].contains("percept.toml:2: log.level"), "{faults}");
    assert!(Checked::load(Path::new("/"), None).is_err());
}

#[test]
fn a_stream_goes_before_the_defaults() {
    let pipeline = r#"
[defaults]
hop = "4s"
decode = "all"
options = { a = 1, b = "x" }
crop = { width = 0.5 }

[[streams]]
name = "one"
source = "a.mp4"
options = { b = "y", c = true }

[[streams]]
name = "two"
source = "b.mp4"
hop = "1s"
crop = { x = 0, y = 0, width = 1, height = 1 }
"#;
    let checked = Files::new(pipeline, "").load().unwrap();
    let [one, two] = &checked.streams[..] else { panic!("{checked:?}") };
    let options: Vec<_> =
        one.options.iter().map(|(name, value)| (name.as_str(), value.value.expose())).collect();
    assert_eq!(options, [("a", "1"), ("b", "y"), ("c", "true")]);
    assert_eq!((one.hop.value.as_secs(), two.hop.value.as_secs()), (4, 1));
    assert_eq!(one.hop.place.line(), Some(3));
    assert_eq!(one.crop.unwrap().width, 0.5);
    assert_eq!(two.crop, None, "all of the picture is no crop");
    assert_eq!(checked.machine, Machine::default());
}

#[test]
fn a_streams_labels_go_before_the_general_ones_key_by_key() {
    let pipeline = r#"
[labels]
enter = 0.5
end_after = "9s"
ignore = ["dark"]
[labels.shaking]
enter = 0.9
start_after = "3s"

[[streams]]
name = "door"
source = "a.mp4"
[streams.labels]
enter = 0.7
[streams.labels.covered]
leave = 0.2

[[streams]]
name = "bus"
source = "b.mp4"
labels = { ignore = ["shaking"] }
"#;
    let checked = Files::new(pipeline, "").load().unwrap();
    let [door, bus] = &checked.streams[..] else { panic!("{checked:?}") };
    let Labels { settings, places } = &door.labels;
    let each = &settings.labels;
    assert_eq!(
        (settings.enter, settings.end_after.map(|hold| hold.as_secs())),
        (Some(0.7), Some(9))
    );
    assert_eq!(each["shaking"].enter, None, "the stream's own enter goes before it");
    assert_eq!(each["shaking"].start_after.map(|hold| hold.as_secs()), Some(3));
    assert_eq!(each["covered"].leave, Some(0.2));
    assert_eq!(settings.ignore, ["dark"]);
    assert_eq!(places["labels.covered.leave"].line(), Some(16));
    assert_eq!(places["labels.shaking"].line(), Some(6));
    assert_eq!(bus.labels.settings.labels["shaking"].enter, Some(0.9));
    assert_eq!(bus.labels.settings.ignore, ["shaking"]);
}

#[test]
fn a_leave_that_meets_the_streams_enter_is_a_fault_where_it_was_written() {
    let labels = "[labels.dark]\nleave = 0.6\n";
    let stream = "[streams.labels]\nenter = 0.5\n";
    assert_eq!(
        faults(&format!("{labels}{STREAM}{stream}")),
        "door.toml:2: labels.dark.leave: leave 0.6 is above enter 0.5; a label would end as it \
         starts: set leave to enter or less"
    );
}
