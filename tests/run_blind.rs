//! A camera whose pictures become too rare for the model: nothing is claimed of what is not seen.

#![cfg(all(feature = "ffmpeg", feature = "onnx"))]

mod program;

use program::{Percept, write};

/// Black, twice a second for four seconds, then once in five: further apart than the default model accepts.
const RARE: &str =
    r"lavfi:color=black:size=320x240:rate=2,select='lt(t\,4)+eq(mod(t\,5)\,4)*gt(t\,4)'";

#[test]
fn active_labels_end_where_pictures_become_too_rare_to_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[[streams]]\nname = \"rare\"\nsource = {RARE:?}\nhop = \"500ms\"\n[streams.labels]\nstart_after = \"2s\"\n"
        ),
    );
    let mut run = Percept::start(&["run", &pipeline, "--listen", "off"]);
    let started = run.wait_for("a label", |event| event["kind"] == "started");
    let ended = run.wait_for("its end", |event| event["kind"] == "ended");
    assert_eq!((&ended["id"], &ended["reason"]), (&started["id"], &"input_lost".into()));
    run.wait_for_log("pictures come too rarely for the model");
    run.signal("-TERM");
    let all = run.finish();
    assert_eq!(all.code(), Some(0), "{}", all.stderr);
    let states: Vec<_> = all.of_kind("stream").iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["connected", "finished"], "the stream itself was never lost");
}
