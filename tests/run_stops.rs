//! How `percept run` ends when it is told to.

mod program;

use program::{Percept, write};

const LIVE: &str = "lavfi:testsrc2=size=64x64:rate=10";

#[test]
fn a_signal_ends_live_streams_in_good_order() {
    for signal in ["-TERM", "-INT"] {
        let mut run = Percept::start(&["run", LIVE, "--listen", "off", "--hop", "500ms"]);
        run.wait_for("a window", |event| event["kind"] == "window");
        run.signal(signal);
        let ended = run.finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        let last = ended.events.last().unwrap();
        assert_eq!((&last["kind"], &last["state"]), (&"stream".into(), &"finished".into()));
        assert_eq!(last["reason"], "shutdown");
        // Every event was written: their numbers have no gap.
        for (seq, event) in ended.events.iter().enumerate() {
            assert_eq!(event["seq"], seq as u64);
        }
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    // A sink that cannot be written holds up the end for the whole deadline.
    let folder = tempfile::tempdir().unwrap();
    let machine = write(folder.path(), "m.toml", "[shutdown]\ndeadline = \"10m\"\n");
    let run = Percept::start(&[
        "run",
        LIVE,
        "--listen",
        "off",
        "--hop",
        "500ms",
        "--output",
        "/dev/full",
        "--config",
        &machine,
    ]);
    run.wait_for_log("/dev/full");
    run.signal("-TERM");
    run.wait_for_log("told to stop, finishing");
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("twice"), "{}", ended.stderr);
}

#[test]
fn two_live_streams_run_in_one_batch_and_one_that_ends_leaves_the_other() {
    let short = "lavfi:testsrc2=size=64x64:rate=10:duration=3";
    let mut run =
        Percept::start(&["run", LIVE, short, "--listen", "127.0.0.1:0", "--hop", "500ms"]);
    let ended = run.wait_for("the end of the short one", |event| event["state"] == "finished");
    let other = ended["stream"].clone();
    run.wait_for("a window of the other", |event| {
        event["kind"] == "window" && event["stream"] != other
    });
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn completions_and_the_manual_are_written() {
    let fish = program::percept(&["completions", "fish"]);
    assert_eq!(fish.code(), Some(0));
    assert!(fish.events.iter().any(|line| line.as_str().is_some_and(|l| l.contains("percept"))));
    let manual = program::percept(&["man"]);
    assert!(manual.events.iter().any(|line| line.as_str().is_some_and(|l| l.starts_with(".TH"))));
}
