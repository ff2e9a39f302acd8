//! `percept run` on files: every window is told, every event is of the schema, and the
//! program ends by itself.

mod program;

use std::collections::BTreeMap;

use program::{Percept, clip, ffmpeg, percept, write};
use serde_json::Value;

fn schema() -> jsonschema::Validator {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/event.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn a_clip_is_looked_at_to_its_end_and_told_in_the_schema_s_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "yard.mp4", 20);
    let run = percept(&["run", path.to_str().unwrap(), "--listen", "off", "--hop", "1s"]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    let schema = schema();
    for (seq, event) in run.events.iter().enumerate() {
        if let Err(error) = schema.validate(event) {
            panic!("{event} is not of the schema: {error}");
        }
        assert_eq!(event["seq"], seq as u64);
        assert_eq!(event["stream"], "yard");
        assert_eq!(event["clock"], "none");
    }
    // Frames at 0, 1, … 19 s: the first window ends at 3 s.
    let ends: Vec<_> =
        run.of_kind("window").iter().map(|event| event["media_end"].as_f64().unwrap()).collect();
    let want: Vec<_> = (3..20).map(f64::from).collect();
    assert_eq!(ends, want);
    let states: Vec<_> = run.of_kind("stream").iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["connected", "finished"]);
    // What starts also ends.
    let ids = |kind| {
        let mut ids: Vec<_> = run.of_kind(kind).iter().map(|e| e["id"].to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("started"), ids("ended"));
}

#[test]
fn a_name_that_is_not_utf_8_is_a_file_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"y\xffrd.mp4"));
    std::fs::rename(clip(folder.path(), "yard.mp4", 8), &odd).unwrap();
    let with = |arguments: &[&str], path: &std::path::Path| {
        Percept::start_with(arguments, |command| command.arg(path)).finish()
    };
    let run = with(&["run", "--listen", "off"], &odd);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    assert!(!run.of_kind("window").is_empty());
    assert_eq!(run.events[0]["stream"], "y-rd");
    assert_eq!(with(&["probe"], &odd).code(), Some(0));
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/stream-health.onnx");
    let test = with(&["model", "test", model], &odd);
    assert_eq!(test.code(), Some(0), "{}", test.stderr);
    let check = with(&["check"], &odd);
    assert!(check.code() == Some(2) && check.stderr.contains("is a source"), "{}", check.stderr);
    let gone = with(&["run", "--listen", "off"], &odd.with_extension("mkv"));
    assert_eq!(gone.code(), Some(2));
    assert!(gone.stderr.contains("does not exist"), "{}", gone.stderr);
}

#[test]
fn a_folder_and_a_clip_run_together_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clips = folder.path().join("clips");
    std::fs::create_dir(&clips).unwrap();
    for name in ["a.mp4", "b.mp4", "c.mp4"] {
        clip(&clips, name, 8);
    }
    let single = clip(folder.path(), "single.mkv", 8);
    let run = percept(&[
        "run",
        clips.to_str().unwrap(),
        single.to_str().unwrap(),
        "--listen",
        "off",
        "--hop",
        "1s",
    ]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    let mut windows = BTreeMap::new();
    for event in run.of_kind("window") {
        *windows.entry(event["stream"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let want = ["clips-a", "clips-b", "clips-c", "single"].map(|name| (name.to_owned(), 5));
    assert_eq!(windows, BTreeMap::from(want));
}

#[test]
fn a_damaged_clip_of_a_folder_does_not_stop_the_others_and_is_told_by_the_status() {
    let folder = tempfile::tempdir().unwrap();
    clip(folder.path(), "good.mp4", 8);
    write(folder.path(), "bad.mp4", "this is no video");
    let run = percept(&["run", folder.path().to_str().unwrap(), "--listen", "off"]);
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("bad.mp4"), "{}", run.stderr);
    assert!(!run.of_kind("window").is_empty());
    let lost = run.of_kind("stream").into_iter().find(|event| event["state"] == "lost").unwrap();
    assert_eq!(lost["reason"], "invalid");
}

#[test]
fn a_pipeline_file_says_what_to_watch_and_where_events_go() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "yard.mp4", 12);
    let events = folder.path().join("events.jsonl");
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[[streams]]\nname = \"yard\"\nsource = {video:?}\nhop = \"1s\"\n\
             [streams.labels]\nignore = [\"shaking\"]\n\
             [[sinks]]\ntype = \"file\"\npath = {events:?}\nwindows = true\n\
             [[sinks]]\ntype = \"stdout\"\nwindows = false\n"
        ),
    );
    let checked = percept(&["check", &pipeline]);
    assert_eq!(checked.code(), Some(0), "{}", checked.stderr);
    assert!(!events.exists(), "check leaves nothing behind");
    let run = percept(&["run", &pipeline, "--listen", "off"]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    assert!(run.of_kind("window").is_empty(), "standard output wants no windows");
    assert_eq!(run.of_kind("stream").len(), 2);
    let text = std::fs::read_to_string(&events).unwrap();
    let windows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["kind"] == "window")
        .collect();
    assert_eq!(windows.len(), 9);
    assert!(windows.iter().all(|event| event["scores"].get("shaking").is_none()));
    assert!(windows.iter().all(|event| event["scores"].get("covered").is_some()));
}

#[test]
fn both_layouts_of_the_default_model_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let silent = clip(folder.path(), "silent.mp4", 8);
    let video = folder.path().join("yard.mp4");
    let sound = "sine=frequency=300:duration=8,tremolo=f=3";
    let mut arguments = vec!["-i", silent.to_str().unwrap(), "-f", "lavfi", "-i", sound];
    arguments.extend(["-c:v", "copy", "-c:a", "aac", video.to_str().unwrap()]);
    ffmpeg(&arguments);
    let root = env!("CARGO_MANIFEST_DIR");
    let scores = |model: &str| -> Vec<Value> {
        let model = format!("{root}/{model}");
        let video = video.to_str().unwrap();
        let run = percept(&["run", video, "--listen", "off", "--model", &model, "--hop", "1s"]);
        assert_eq!(run.code(), Some(0), "{}", run.stderr);
        run.of_kind("window").iter().map(|event| event["scores"].clone()).collect()
    };
    let (rows, raw) =
        (scores("models/stream-health.onnx"), scores("tests/fixtures/stream-health-raw.onnx"));
    assert_eq!(rows.len(), 5);
    assert_eq!(rows.len(), raw.len());
    for (rows, raw) in rows.iter().zip(&raw) {
        assert_eq!(rows.as_object().unwrap().len(), 15, "seen and heard: {rows}");
        assert_eq!(raw.as_object().unwrap().len(), 15, "seen and heard: {raw}");
        for (label, score) in rows.as_object().unwrap() {
            let difference = (score.as_f64().unwrap() - raw[label].as_f64().unwrap()).abs();
            assert!(difference < 2e-3, "{label}: {score} and {}", raw[label]);
        }
    }
}

#[test]
fn whoever_has_read_enough_ends_the_program_quietly() {
    let mut run = Percept::start(&["run", "lavfi:testsrc2=size=64x64:rate=5", "--listen", "off"]);
    run.wait_for("the first event", |event| event["kind"] == "stream");
    // The reader goes, as `head -1` does; the next event finds nobody.
    let ended = run.hang_up();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.to_lowercase().contains("panic"), "{}", ended.stderr);
}

#[test]
fn whoever_has_read_enough_does_not_stop_what_is_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[[streams]]\nname = \"a\"\nsource = \"lavfi:testsrc2=size=64x64:rate=5:duration=6\"\n\
             hop = \"500ms\"\n[[sinks]]\ntype = \"stdout\"\n[[sinks]]\ntype = \"file\"\npath = {file:?}\n\
             windows = true\n"
        ),
    );
    let mut run = Percept::start(&["run", &pipeline, "--listen", "off"]);
    run.wait_for("the first event", |event| event["kind"] == "stream");
    run.leave();
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("nobody reads standard output"), "{}", ended.stderr);
    let written = std::fs::read_to_string(file).unwrap();
    let last: Value = serde_json::from_str(written.lines().last().unwrap()).unwrap();
    assert_eq!((&last["state"], &last["reason"]), (&"finished".into(), &Value::Null));
    assert!(last["media_end"].as_f64().unwrap() > 5.0, "{last}");
}
