//! How `percept run` ends when it is told to.

#[path = "common/http.rs"]
mod http;
mod program;

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use program::{PATIENCE, Percept, clip, write};

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
fn two_signals_that_come_together_are_one() {
    // As a wrapper beside a terminal's Ctrl-C has it.
    let mut run = Percept::start(&["run", LIVE, "--listen", "off", "--hop", "500ms"]);
    run.wait_for("a window", |event| event["kind"] == "window");
    run.signals(&["-TERM", "-INT"]);
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.events.last().unwrap()["state"], "finished");
}

/// Both ends of a pipe that takes nothing more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    const O_NONBLOCK: i32 = 0o4000;
    let (reader, writer) = std::io::pipe().unwrap();
    // Opened anew, for the program's end has to wait as a pipe does.
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut filling = File::options().write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
    while filling.write(&[b'x'; 4096]).is_ok() {}
    (reader, writer)
}

#[test]
fn a_standard_error_that_nobody_reads_holds_up_nothing() {
    let (_reader, writer) = full_pipe();
    let mut command = Command::new(env!("CARGO_BIN_EXE_percept"));
    command.args(["run", LIVE, "--listen", "off", "--hop", "500ms"]).stderr(writer);
    let mut run = Percept::of(&mut command);
    run.wait_for("a window", |event| event["kind"] == "window");
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.events.last().unwrap()["state"], "finished");
}

#[test]
fn a_second_signal_ends_at_once_whoever_reads_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let machine = write(folder.path(), "m.toml", "[shutdown]\ndeadline = \"10m\"\n");
    let toml = format!(
        "[[streams]]\nname = \"door\"\nsource = \"{LIVE}\"\n[[sinks]]\ntype = \"stdout\"\n\
         [[sinks]]\ntype = \"file\"\npath = \"/dev/full\"\n"
    );
    let pipeline = write(folder.path(), "p.toml", toml);
    let (_reader, writer) = full_pipe();
    let mut command = Command::new(env!("CARGO_BIN_EXE_percept"));
    command.args(["run", &pipeline, "--listen", "off", "--config", &machine]).stderr(writer);
    let mut run = Percept::of(&mut command);
    run.wait_for("a connection", |event| event["state"] == "connected");
    assert_eq!(run.insist("-TERM").code(), Some(1));
}

#[test]
fn a_second_signal_ends_at_once() {
    // A sink that cannot be written holds up the end for the whole deadline.
    let folder = tempfile::tempdir().unwrap();
    let machine = write(folder.path(), "m.toml", "[shutdown]\ndeadline = \"10m\"\n");
    let mut run = Percept::start(&[
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
    run.insist("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("twice"), "{}", ended.stderr);
}

/// More events than a pipe holds, whose file has been looked at to its end.
fn unread(folder: &Path) -> Percept {
    let machine = write(folder, "m.toml", "[shutdown]\ndeadline = \"100ms\"\n");
    let video = clip(folder, "yard.mp4", 60);
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-colours.onnx");
    let arguments = [
        "run",
        video.to_str().unwrap(),
        "--model",
        model,
        "--hop",
        "100ms",
        "--listen",
        "127.0.0.1:0",
        "--config",
        &machine,
    ];
    let run = Percept::start_unread(&arguments, |command| command);
    let address = run.address();
    let deadline = Instant::now() + PATIENCE;
    while !http::get(address, "/api/streams").unwrap().body.contains("\"finished\"") {
        assert!(Instant::now() < deadline, "the file does not end:\n{}", run.log());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    run
}

#[test]
fn files_that_ended_by_themselves_wait_for_a_slow_reader() {
    let folder = tempfile::tempdir().unwrap();
    let run = unread(folder.path());
    // Many times what a signal would leave.
    std::thread::park_timeout(Duration::from_secs(2));
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.events.last().unwrap()["state"], "finished");
    for (seq, event) in ended.events.iter().enumerate() {
        assert_eq!(event["seq"], seq as u64);
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_slow_reader() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = unread(folder.path());
    run.signal("-TERM");
    let ended = run.wait_for_end();
    assert_eq!(ended.code(), Some(1));
    assert!(run.log().contains("could not be written to standard output"), "{}", run.log());
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
