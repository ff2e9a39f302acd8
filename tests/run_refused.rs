//! What `percept run` refuses, and how: status 2, before anything starts, with a message
//! that says what to do.

mod program;

use std::path::Path;

use program::{Finished, clip, ffmpeg, percept, write};

fn root(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Each row: what is asked, and words that must be in the answer.
const SEES: &str = "tests/fixtures/tiny-colours.onnx";

#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) -> Finished {
    let run = percept(arguments);
    assert_eq!(run.code(), Some(2), "{arguments:?}: {}", run.stderr);
    assert!(run.events.is_empty(), "{arguments:?}: nothing may start: {:?}", run.events);
    for word in words {
        assert!(run.stderr.contains(word), "{arguments:?}: no {word:?} in:\n{}", run.stderr);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

#[test]
fn bad_sources() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let text = write(folder.path(), "text.mp4", "this is a text file, not a clip\n");
    let empty = write(folder.path(), "empty.mp4", "");
    let sound = at("sound.wav");
    ffmpeg(&["-f", "lavfi", "-i", "sine=duration=2", &sound]);
    let whole = std::fs::read(clip(folder.path(), "whole.mp4", 5)).unwrap();
    // An MP4's index lies at its end: without it there is nothing to read.
    let cut = write(folder.path(), "cut.mp4", &whole[..whole.len() / 2]);
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    let picture = pictures.join("%02d.png");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc2=duration=1:rate=3", picture.to_str().unwrap()]);
    let bare = folder.path().join("bare");
    std::fs::create_dir(&bare).unwrap();

    let table: &[(&str, &[&str])] = &[
        ("", &["source is empty"]),
        (&at("missing.mp4"), &["missing.mp4"]),
        (&text, &["text.mp4", "ffplay"]),
        (&empty, &["empty.mp4", "empty"]),
        (&cut, &["cut.mp4"]),
        (pictures.to_str().unwrap(), &["pictures", "clips"]),
        (bare.to_str().unwrap(), &["bare"]),
        ("gopher://host/clip", &["gopher", "rtsp"]),
        ("/dev/video99", &["/dev/video99"]),
        ("lavfi:no_such_filter", &["lavfi:no_such_filter"]),
        ("lavfi:testsrc2=size=nonsense", &["lavfi:testsrc2=size=nonsense"]),
    ];
    for (source, words) in table {
        refused(&["run", source, "--listen", "off"], words);
    }
    // A model that sees alone.
    for source in [&sound, "lavfi:sine"] {
        let arguments = ["run", source, "--model", SEES, "--listen", "off"];
        refused(&arguments, &[source.rsplit('/').next().unwrap(), "no video"]);
    }
}

#[test]
fn check_refuses_graphs_and_options_as_run_does() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = write(
        folder.path(),
        "p.toml",
        "[[streams]]\nname = \"good\"\nsource = \"lavfi:testsrc2=size=64x64\"\n\
         [[streams]]\nname = \"a\"\nsource = \"lavfi:no_such_filter\"\n\
         [[streams]]\nname = \"b\"\nsource = \"rtsp://127.0.0.1:1/cam\"\n\
         options = { stimeout = 5 }\n",
    );
    for command in ["check", "run"] {
        let told = refused(&[command, &pipeline], &["p.toml:6", "no_such_filter", "stall_timeout"]);
        assert!(!told.stderr.contains("p.toml:3"), "{}", told.stderr);
    }
}

#[test]
fn a_user_that_is_an_ordinary_word_is_hidden_in_urls_alone() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[[streams]]\nname = \"door\"\nsource = \"rtsp://127.0.0.1:1/cam\"\n\
                user = \"percept\"\npassword = \"${NO_SUCH_PASSWORD}\"\n";
    let pipeline = write(folder.path(), "p.toml", toml);
    let told = refused(&["check", &pipeline], &["set it where percept is started"]);
    assert!(!told.stderr.contains("***"), "{}", told.stderr);
}

#[test]
fn faults_of_the_file_hide_none_of_the_model_and_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = write(
        folder.path(),
        "p.toml",
        r#"[[streams]]
name = "a"
source = "lavfi:testsrc2"
hop = 2
[streams.labels]
ignore = ["shakin"]

[[streams]]
name = "b"
source = "lavfi:no_such_filter"

[[streams]]
name = "c"
source = "/nowhere/clip.mp4"
[streams.labels]
leave = 0.95

[[streams]]
source = "/nowhere/other.mp4"

[[streams]]
name = "d"
source = "rtsp://${PERCEPT_TEST_NOT_SET}/1"
[streams.labels]
watch = ["darc"]
"#,
    );
    let deaf = write(
        folder.path(),
        "deaf.toml",
        format!(
            "model = {SEES:?}\n[[streams]]\nname = \"a\"\nsource = \"lavfi:sine\"\n\
             [[streams]]\nname = \"b\"\nsource = \"lavfi:testsrc2\"\npair = \"mic:\"\n"
        ),
    );
    // Of an unknown model nothing can be said of its labels, but of the files there can.
    let nameless = write(
        folder.path(),
        "q.toml",
        "modle = \"a.onnx\"\n[[streams]]\nname = \"a\"\nsource = \"/nowhere/clip.mp4\"\n\
         [streams.labels]\nignore = [\"rain\"]\n",
    );
    for command in ["check", "run"] {
        let listen = if command == "run" { &["--listen", "off"][..] } else { &[] };
        let told = refused(&[&[command, &pipeline], listen].concat(), &[]);
        for (line, word) in [
            (4, "is not a duration"),
            (6, "no label \"shakin\""),
            (10, "no_such_filter"),
            (14, "/nowhere/clip.mp4"),
            (16, "leave: 0.95"),
            (18, "name: is missing"),
            (19, "/nowhere/other.mp4"),
            (23, "PERCEPT_TEST_NOT_SET"),
            (25, "no label \"darc\""),
        ] {
            let line = format!("p.toml:{line}: ");
            let found = told.stderr.lines().any(|told| told.contains(&line) && told.contains(word));
            assert!(found, "{command}: no {line}… {word:?} in:\n{}", told.stderr);
        }
        let words = ["deaf.toml:4: ", "no video", "deaf.toml:8: ", "does not listen"];
        refused(&[&[command, &deaf], listen].concat(), &words);
        let told = refused(&[&[command, &nameless], listen].concat(), &["modle", "/nowhere/"]);
        assert!(!told.stderr.contains("rain"), "{}", told.stderr);
    }
    let machine = write(folder.path(), "percept.toml", "[log]\nlevel = \"loud\"\n");
    let arguments = ["run", "/nowhere.mp4", "--config", &machine, "--listen", "off"];
    refused(&arguments, &["percept.toml:2: log.level", "/nowhere.mp4"]);
}

/// Only who runs a model wants to know what it does not run on.
#[test]
fn a_provider_that_does_not_start_is_warned_of_once_and_only_for_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "ok.mp4", 9);
    let video = video.to_str().unwrap();
    let pipeline = format!("[[streams]]\nname = \"a\"\nsource = {video:?}\n");
    let pipeline = write(folder.path(), "p.toml", pipeline);
    let checked = percept(&["check", &pipeline]);
    assert_eq!((checked.code(), &*checked.stderr), (Some(0), ""));
    let told = refused(&["run", video, "/nowhere.mp4", "--listen", "off"], &["/nowhere.mp4"]);
    assert!(!told.stderr.contains("provider"), "{}", told.stderr);
    let run = percept(&["run", &pipeline, "--listen", "off"]);
    let warnings = run.stderr.matches("preferred execution provider did not start").count();
    let on_cpu = run.stderr.contains("provider=\"cpu\"");
    assert_eq!(warnings, usize::from(on_cpu), "{}", run.stderr);
}

#[test]
fn bad_models() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "ok.mp4", 5);
    let video = video.to_str().unwrap();
    let text = write(folder.path(), "notes.onnx", "no model");
    let good = std::fs::read(root("models/stream-health.onnx")).unwrap();
    let cut = write(folder.path(), "cut.onnx", &good[..good.len() / 2]);
    // The same length, so that the file stays ONNX: a label that is not in the manifest's count.
    let renamed = String::from_utf8_lossy(b"percept.manifest").into_owned();
    let place = good.windows(renamed.len()).position(|part| part == renamed.as_bytes()).unwrap();
    let mut bare = good.clone();
    bare[place..place + renamed.len()].copy_from_slice(b"percept.nonsense");
    let bare = write(folder.path(), "bare.onnx", bare);
    let missing = folder.path().join("missing.onnx");
    let table: &[(&str, &[&str])] = &[
        (missing.to_str().unwrap(), &["missing.onnx"]),
        (&text, &["notes.onnx", "ONNX"]),
        (&cut, &["cut.onnx", "cut off or damaged", "fetch it again"]),
        (&bare, &["bare.onnx", "percept.manifest"]),
    ];
    for (model, words) in table {
        refused(&["run", video, "--listen", "off", "--model", model], words);
    }
}

#[test]
fn bad_settings_are_all_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "ok.mp4", 5);
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[[streams]]\nname = \"a\"\nsorce = {video:?}\nhop = \"2 parsecs\"\n\
             [[streams]]\nname = \"a\"\nsource = \"rtsp://u:geheim77@cam/1\"\n\
             [streams.labels]\nignore = [\"coverd\"]\n"
        ),
    );
    let run = refused(
        &["run", &pipeline, "--listen", "off"],
        &["p.toml:3", "source", "p.toml:4", "2s", "p.toml:6"],
    );
    assert!(!run.stderr.contains("geheim77"), "{}", run.stderr);
    let checked = percept(&["check", &pipeline]);
    assert_eq!(checked.code(), Some(2));
    assert_eq!(checked.stderr, run.stderr, "check tells what run would");

    // What only the model can tell.
    let pipeline = write(
        folder.path(),
        "q.toml",
        format!(
            "[[streams]]\nname = \"a\"\nsource = {video:?}\n\
             [streams.labels]\nignore = [\"coverd\"]\n"
        ),
    );
    refused(&["run", &pipeline, "--listen", "off"], &["q.toml:5", "coverd", "covered"]);
}

#[test]
fn a_port_in_use_and_a_sink_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "ok.mp4", 5);
    let video = video.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&["run", video, "--listen", &address], &[&address, "in use", "--listen"]);
    // Whose port it is now says nothing of the files.
    let pipeline = format!("[[streams]]\nname = \"a\"\nsource = {video:?}\n");
    let pipeline = write(folder.path(), "p.toml", pipeline);
    let http = |listen: &str| format!("[http]\nlisten = {listen:?}\n");
    let machine = write(folder.path(), "in_use.toml", http(&address));
    assert_eq!(percept(&["check", &pipeline, "--config", &machine]).code(), Some(0));
    let elsewhere = write(folder.path(), "elsewhere.toml", http("192.0.2.1:9184"));
    refused(&["check", &pipeline, "--config", &elsewhere], &["192.0.2.1:9184", "--listen"]);
    let nowhere = folder.path().join("no/events.jsonl");
    refused(
        &["run", video, "--listen", "off", "--output", nowhere.to_str().unwrap()],
        &["events.jsonl", "folder"],
    );
    let directory = folder.path().to_str().unwrap();
    refused(&["run", video, "--listen", "off", "--output", directory], &["folder"]);
}

#[test]
fn a_full_disk_is_told_and_the_status_is_1() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "ok.mp4", 8);
    assert!(Path::new("/dev/full").exists(), "Linux has /dev/full");
    let machine = write(folder.path(), "m.toml", "[shutdown]\ndeadline = \"1s\"\n");
    let video = video.to_str().unwrap();
    let run =
        percept(&["run", video, "--listen", "off", "--output", "/dev/full", "--config", &machine]);
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("could not be written to /dev/full"), "{}", run.stderr);
    assert!(run.stderr.contains("the end waits for this sink"), "{}", run.stderr);
}

#[test]
fn a_picture_of_one_pixel_is_watched_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dot.avi");
    let path = path.to_str().unwrap();
    let graph = "color=red:size=2x2:rate=5:duration=10,format=rgb24,crop=1:1";
    ffmpeg(&["-f", "lavfi", "-i", graph, "-c:v", "rawvideo", "-pix_fmt", "rgb24", path]);
    let run = percept(&["run", path, "--listen", "off"]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    assert!(!run.of_kind("window").is_empty());
}

#[test]
fn clips_too_short_for_a_window_are_a_failure_where_there_is_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "short.mp4", 3);
    let video = video.to_str().unwrap();
    let run = percept(&["run", video, "--listen", "off"]);
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("nothing was looked at: 1 source"), "{}", run.stderr);
    assert!(run.of_kind("window").is_empty());
    assert_eq!(run.of_kind("stream").len(), 2);
    let long = clip(folder.path(), "long.mp4", 9);
    let run = percept(&["run", video, long.to_str().unwrap(), "--listen", "off"]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("stream=short") && run.stderr.contains("too short"));
    // Whoever asks for scores alone is told why there are none.
    let test = percept(&["model", "test", &root("models/stream-health.onnx"), video]);
    assert_eq!(test.code(), Some(2));
    assert!(test.stderr.contains("too short"), "{}", test.stderr);
}

#[test]
fn what_is_given_in_the_wrong_place_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let clips = folder.path().to_str().unwrap();
    let machine = root("config/percept.toml");
    let pipeline = root("pipelines/clips.toml");
    let table: &[(&[&str], &[&str])] = &[
        (&["probe", clips], &["is a folder", "name a file"]),
        (&["check", "rtsp://me:geheim77@cam/1"], &["rtsp://cam/1", "percept probe"]),
        (&["check", clips], &["percept probe"]),
        (&["check", &machine], &["--config"]),
        (&["run", &machine], &["--config"]),
        (&["run", "lavfi:testsrc2", "--config", &pipeline], &["is a pipeline"]),
    ];
    for (arguments, words) in table {
        let told = refused(arguments, words).stderr;
        for wrong in ["install a full build", "unknown key", "cannot be read", "geheim77"] {
            assert!(!told.contains(wrong), "{arguments:?}: {told}");
        }
    }
}

#[test]
fn a_bench_of_a_clip_that_cannot_be_watched_is_refused_before_anything_is_measured() {
    for (clip, word) in [("/nowhere/clip.mp4", "does not exist"), ("README.md", "README.md")] {
        refused(&["bench", "--clip", clip], &[word]);
    }
}
