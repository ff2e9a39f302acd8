//! `percept` listens to a microphone, alone and beside a camera, also when it is pulled out.
#![cfg(feature = "microphone")]

#[path = "common/http.rs"]
mod http;
mod program;
mod sound_card;

use program::{Percept, write};
use serde_json::Value;
use sound_card::SoundCard;

const LOUD: &str = "tests/fixtures/tiny-loud.onnx";
const FLASH_AND_BEEP: &str = "tests/fixtures/tiny-flash-and-beep.onnx";

/// A window whose score of `label` is above, or below, a half.
fn says(event: &Value, label: &str, yes: bool) -> bool {
    event["kind"] == "window"
        && event["scores"][label].as_f64().is_some_and(|score| (score > 0.5) == yes)
}

#[test]
fn a_microphone_is_listed_and_heard() {
    let mut card = SoundCard::start();
    let devices = Percept::start_with(&["devices"], |command| card.at(command)).finish();
    let lines: Vec<&str> = devices.events.iter().filter_map(Value::as_str).collect();
    let line = lines.iter().find(|line| line.starts_with("mic:pulse\t"));
    let line = line.unwrap_or_else(|| panic!("{lines:?}"));
    assert!(line.contains("Hz") && line.contains("ch"), "{line}");
    // Neither ALSA's nor JACK's own complaints of devices that there are not.
    assert_eq!(devices.stderr, "");

    for source in ["mic:", "mic:pulse"] {
        let arguments = ["run", source, "--model", LOUD, "--listen", "off", "--hop", "250ms"];
        let mut run = Percept::start_with(&arguments, |command| card.at(command));
        let quiet = run.wait_for("a quiet window", |event| says(event, "loud", false));
        assert_eq!(quiet["clock"], "arrival");
        card.play(10);
        run.wait_for("the tone", |event| says(event, "loud", true));
        run.signal("-TERM");
        assert_eq!(run.finish().code(), Some(0), "{source}");
    }
}

/// Before anything starts, as a missing file is, and in no other words than Percept's own.
#[test]
fn a_microphone_that_is_not_there_is_refused_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let alone = format!("model = {LOUD:?}\n[[streams]]\nname = \"room\"\nsource = \"mic:attic\"\n");
    let alone = write(folder.path(), "room.toml", alone);
    // A sound system that knows of no device at all.
    let nothing = write(folder.path(), "asound.conf", "");
    let card = SoundCard::start();
    let run = |source: &'static str| ["run", source, "--model", LOUD, "--listen", "off"];
    for (arguments, bare, plugged) in [
        (&run("mic:")[..], "there is no default microphone, and this machine has none", None),
        (
            &run("mic:attic"),
            "\"attic\", and this machine has none",
            Some("\"attic\"; this machine has "),
        ),
        (
            &["check", &alone],
            "room.toml:4: streams[0].source: opening mic:attic",
            Some("mic:pulse"),
        ),
    ] {
        let told =
            Percept::start_with(arguments, |command| command.env("ALSA_CONFIG_PATH", &nothing));
        let told = told.finish();
        assert_eq!(told.code(), Some(2), "{arguments:?}: {}", told.stderr);
        assert!(told.events.is_empty() && told.stderr.contains(bare), "{}", told.stderr);
        assert!(!told.stderr.contains("ALSA"), "{}", told.stderr);
        let Some(plugged) = plugged else { continue };
        let told = Percept::start_with(arguments, |command| card.at(command)).finish();
        assert_eq!(told.code(), Some(2), "{arguments:?}: {}", told.stderr);
        assert!(told.stderr.contains(plugged), "{}", told.stderr);
        assert!(told.stderr.contains("mic:pulse"), "{}", told.stderr);
    }
}

/// By this machine's own configuration, whatever it has.
#[test]
fn the_microphones_that_are_told_instead_are_those_that_are_listed() {
    let devices = Percept::start_with(&["devices"], |command| command).finish();
    let listed = devices.events.iter().filter_map(Value::as_str);
    let listed = listed.filter_map(|line| line.strip_prefix("mic:")?.split('\t').next());
    let mut listed: Vec<String> = listed.map(|name| format!("mic:{name}")).collect();
    listed.sort_unstable();
    for source in ["mic:nowhere at all", "mic:attic"] {
        let arguments = ["run", source, "--model", LOUD, "--listen", "off"];
        let refused = Percept::start_with(&arguments, |command| command).finish();
        assert_eq!(refused.code(), Some(2), "{}", refused.stderr);
        let told = refused.stderr.rsplit_once("this machine has ").unwrap().1.trim_end();
        let mut told: Vec<&str> =
            told.split(", ").filter(|name| name.starts_with("mic:")).collect();
        told.sort_unstable();
        assert_eq!(told, listed, "{}", refused.stderr);
    }
}

/// Cameras are there to be watched: one that is plugged in later is heard then.
#[test]
fn a_microphone_that_is_not_there_yet_keeps_no_camera_from_being_watched() {
    let folder = tempfile::tempdir().unwrap();
    let camera = "source = \"lavfi:testsrc2=size=64x64:rate=10\"\n";
    let pipeline = format!(
        "model = {FLASH_AND_BEEP:?}\n[defaults]\nhop = \"500ms\"\n\
         [[streams]]\nname = \"door\"\n{camera}[[streams]]\nname = \"yard\"\n{camera}\
         pair = \"mic:\"\n[[streams]]\nname = \"ear\"\nsource = \"mic:\"\n"
    );
    let pipeline = write(folder.path(), "boot.toml", pipeline);
    let machine = write(
        folder.path(),
        "percept.toml",
        "[http]\nlisten = \"127.0.0.1:0\"\n[reconnect]\nfirst = \"100ms\"\nmost = \"500ms\"\n",
    );
    let mut card = SoundCard::start();
    card.pull_out();
    let checked = ["check", &pipeline, "--config", &machine];
    let checked = Percept::start_with(&checked, |command| card.at(command)).finish();
    assert_eq!(checked.code(), Some(0), "{}", checked.stderr);
    for key in ["streams[1].pair", "streams[2].source"] {
        assert!(checked.stderr.contains(key), "{key}: {}", checked.stderr);
    }
    let arguments = ["run", &pipeline, "--config", &machine];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    for stream in ["door", "yard"] {
        run.wait_for(stream, |event| event["stream"] == stream && says(event, "seen", true));
    }
    let paired = |run: &Percept| {
        let streams = http::get(run.address(), "/api/streams").unwrap().body;
        let streams: Vec<Value> = serde_json::from_str(&streams).unwrap();
        let yard = streams.into_iter().find(|stream| stream["stream"] == "yard").unwrap();
        (yard["microphone"].clone(), yard["last_error"]["text"].clone())
    };
    run.wait_for_log("paired microphone lost");
    let (state, why) = paired(&run);
    assert_eq!(state, "lost");
    let up = |run: &Percept| {
        let page = http::get(run.address(), "/metrics").unwrap().body;
        let lines = page.lines().filter(|line| line.starts_with("percept_audio_microphone_up{"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(up(&run), ["percept_audio_microphone_up{stream=\"yard\"} 0"]);
    assert!(why.as_str().unwrap().starts_with("opening mic:"), "{why}");
    card.plug_in();
    for stream in ["yard", "ear"] {
        run.wait_for(stream, |event| event["stream"] == stream && says(event, "heard", true));
    }
    assert_eq!(paired(&run).0, "up");
    assert_eq!(up(&run), ["percept_audio_microphone_up{stream=\"yard\"} 1"]);
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

/// A machine that tries again soon.
fn impatient(folder: &std::path::Path) -> String {
    let text = "[http]\nlisten = \"off\"\n[reconnect]\nfirst = \"100ms\"\nmost = \"500ms\"\n";
    write(folder, "percept.toml", text)
}

#[test]
fn a_microphone_that_vanishes_is_lost_and_comes_back() {
    let mut card = SoundCard::start();
    let folder = tempfile::tempdir().unwrap();
    let pipeline = format!(
        "model = {LOUD:?}\n[[streams]]\nname = \"ear\"\nsource = \"mic:\"\nhop = \"250ms\"\n\
         stall_timeout = \"2s\"\n"
    );
    let pipeline = write(folder.path(), "ear.toml", pipeline);
    let machine = impatient(folder.path());
    let arguments = ["run", &pipeline, "--config", &machine];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    let before = run.wait_for("a window", |event| event["kind"] == "window");
    card.pull_out();
    let lost = run.wait_for("the loss", |event| event["state"] == "lost");
    let reason = lost["reason"].as_str().unwrap();
    assert!(["timeout", "ended", "io"].contains(&reason), "{reason}");
    card.plug_in();
    run.wait_for("the return", |event| event["state"] == "connected");
    let after = run.wait_for("a window again", |event| event["kind"] == "window");
    assert!(after["media_start"].as_f64() > before["media_end"].as_f64());
    card.play(30);
    run.wait_for("the tone", |event| says(event, "loud", true));
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

/// A thread and its descriptors at every try would be all that there are after some days.
#[test]
fn a_sound_server_that_hangs_is_asked_by_one_thread_until_it_answers() {
    let card = SoundCard::start();
    let folder = tempfile::tempdir().unwrap();
    let pipeline = format!(
        "model = {FLASH_AND_BEEP:?}\n[[streams]]\nname = \"room\"\n\
         source = \"lavfi:testsrc2=size=64x64:rate=10\"\npair = \"mic:\"\nhop = \"500ms\"\n\
         stall_timeout = \"1s\"\n"
    );
    let pipeline = write(folder.path(), "room.toml", pipeline);
    let machine = impatient(folder.path());
    let arguments = ["run", &pipeline, "--config", &machine];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    run.wait_for("sound", |event| says(event, "heard", true));
    card.hang();
    run.wait_for_log("has not come back from opening it before");
    let threads = std::fs::read_dir(format!("/proc/{}/task", run.pid())).unwrap();
    let names = threads.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    let opening = names.filter(|name| name.as_ref().is_ok_and(|name| name == "microphone open\n"));
    assert_eq!(opening.count(), 1);
    let mark = run.log().len();
    card.wake();
    run.wait_for_log_after(mark, "paired microphone connected");
    run.wait_for("sound again", |event| says(event, "heard", true));
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

#[test]
fn a_microphone_is_heard_beside_a_camera() {
    let mut card = SoundCard::start();
    let folder = tempfile::tempdir().unwrap();
    // White for two seconds, black for two.
    let graph = "lavfi:color=black:size=64x64:rate=10,drawbox=color=white:t=fill:\
                 enable='lt(mod(t,4),2)'";
    let pipeline = format!(
        "model = {FLASH_AND_BEEP:?}\n[[streams]]\nname = \"room\"\nsource = {graph:?}\n\
         pair = \"mic:\"\nhop = \"500ms\"\n"
    );
    let pipeline = write(folder.path(), "room.toml", pipeline);
    let arguments = ["run", &pipeline, "--listen", "off"];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    run.wait_for("silence with a white picture", |event| {
        says(event, "heard", true) && says(event, "white", true) && says(event, "loud", false)
    });
    card.play(60);
    run.wait_for("the tone with a black picture", |event| {
        says(event, "heard", true) && says(event, "white", false) && says(event, "loud", true)
    });
    let came = |event: &&Value| event["state"] == "microphone_connected";
    assert_eq!(run.seen.iter().filter(came).count(), 1);
    card.pull_out();
    let deaf = run.wait_for("pictures alone", |event| says(event, "heard", false));
    assert!(says(&deaf, "seen", true), "the camera is watched all the same");
    let lost = run.seen.iter().find(|event| event["state"] == "microphone_lost").cloned();
    let lost = lost
        .unwrap_or_else(|| run.wait_for("its loss", |event| event["state"] == "microphone_lost"));
    let reason = lost["reason"].as_str().unwrap();
    assert!(["timeout", "ended", "io"].contains(&reason), "{lost}");
    card.plug_in();
    run.wait_for("its return", |event| event["state"] == "microphone_connected");
    run.wait_for("sound again", |event| says(event, "heard", true));
    assert!(!run.seen.iter().any(|event| event["state"] == "lost"), "{:?}", run.seen);
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

/// A picture every two seconds: the sound between two of them waits for the second.
#[test]
fn a_microphone_beside_a_slow_camera_is_heard_in_every_window() {
    let card = SoundCard::start();
    let folder = tempfile::tempdir().unwrap();
    let pipeline = format!(
        "model = {FLASH_AND_BEEP:?}\n[[streams]]\nname = \"room\"\n\
         source = \"lavfi:testsrc2=size=64x64:rate=1/2\"\npair = \"mic:\"\n"
    );
    let pipeline = write(folder.path(), "room.toml", pipeline);
    let arguments = ["run", &pipeline, "--listen", "off"];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    // The microphone may begin after the camera.
    run.wait_for("sound", |event| says(event, "heard", true));
    for _ in 0..3 {
        let window = run.wait_for("a window", |event| event["kind"] == "window");
        assert!(says(&window, "heard", true), "{window}");
    }
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

#[test]
fn a_microphone_alone_is_judged_by_the_default_model_s_sound_labels() {
    let card = SoundCard::start();
    let arguments = ["run", "mic:", "--listen", "off", "--hop", "500ms"];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    let window = run.wait_for("a window", |event| event["kind"] == "window");
    let mut judged: Vec<_> = window["scores"].as_object().unwrap().keys().collect();
    judged.sort_unstable();
    let sound = ["clipping", "dropouts", "hum", "music", "noise", "silent", "speech"];
    assert_eq!(judged, sound);
    assert_eq!(window["clock"], "arrival");
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

#[test]
fn a_microphone_beside_a_camera_lets_every_label_of_the_default_model_be_judged() {
    let mut card = SoundCard::start();
    let folder = tempfile::tempdir().unwrap();
    let pipeline = write(
        folder.path(),
        "room.toml",
        "[[streams]]\nname = \"room\"\nsource = \"lavfi:testsrc2=size=64x64:rate=10\"\n\
         pair = \"mic:\"\nhop = \"500ms\"\n",
    );
    let arguments = ["run", &pipeline, "--listen", "off"];
    let mut run = Percept::start_with(&arguments, |command| card.at(command));
    let judged = |event: &Value| {
        let scores = event["scores"].as_object()?;
        Some((scores.contains_key("covered"), scores.contains_key("silent"), scores.len()))
    };
    run.wait_for("all labels", |event| judged(event) == Some((true, true, 15)));
    card.pull_out();
    run.wait_for("the picture labels", |event| judged(event) == Some((true, false, 8)));
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}
