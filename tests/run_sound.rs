//! `percept run` with models that listen: to files with and without sound, and to what has
//! sound alone.

mod program;

use std::path::Path;

use program::{Percept, ffmpeg, percept};
use serde_json::Value;

const LOUD: &str = "tests/fixtures/tiny-loud.onnx";
const FLASH_AND_BEEP: &str = "tests/fixtures/tiny-flash-and-beep.onnx";
const SEES: &str = "tests/fixtures/tiny-colours.onnx";

/// Six seconds: white and loud in every other one.
fn clip(folder: &Path, name: &str, pictures: bool, sound: Option<&str>, more: &str) -> String {
    let path = folder.join(name).to_str().unwrap().to_owned();
    let graph = "color=black:size=64x64:rate=10:duration=6,\
                 drawbox=color=white:t=fill:enable='gte(mod(t+0.01,2),1)'";
    let tone = "aevalsrc='if(gte(mod(t,2),1),0.5*sin(2*PI*1000*t),0)':s=48000:d=6";
    let mut arguments = Vec::new();
    if pictures {
        arguments.extend(["-f", "lavfi", "-i", graph]);
    }
    if sound.is_some() {
        arguments.extend(["-f", "lavfi", "-i", tone]);
    }
    arguments.extend(more.split_whitespace());
    if pictures {
        arguments.extend("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10".split(' '));
    }
    arguments.extend(sound.unwrap_or("").split_whitespace());
    arguments.push(&path);
    ffmpeg(&arguments);
    path
}

/// Whether each window's score of `label` is above a half, with the time at which it ends.
fn told(events: &[Value], label: &str) -> Vec<(f64, bool)> {
    let windows = events.iter().filter(|event| event["kind"] == "window");
    windows
        .map(|event| {
            let score = event["scores"][label].as_f64().unwrap();
            (event["media_end"].as_f64().unwrap(), score > 0.5)
        })
        .collect()
}

fn run(source: &str, model: &str) -> Vec<Value> {
    let run = percept(&["run", source, "--model", model, "--listen", "off", "--hop", "500ms"]);
    assert_eq!(run.code(), Some(0), "{source}: {}", run.stderr);
    run.events
}

#[test]
fn what_is_told_of_sound_alone_has_the_schema_s_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/event.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    // An MP3's sound begins before the time that its file says.
    for (name, codec) in [("a.mp3", "-c:a libmp3lame"), ("b.m4a", "-c:a aac"), ("c.wav", "")] {
        let events = run(&clip(folder.path(), name, false, Some(codec), ""), LOUD);
        assert!(events.iter().any(|event| event["kind"] == "window"), "{name}");
        for event in &events {
            assert!(schema.is_valid(event), "{name}: {event}");
        }
    }
}

/// Clips of six seconds, in which either the sound or the pictures come three seconds late: times
/// count from where the clip begins, whichever of the two a model takes.
#[test]
fn what_begins_late_is_told_at_its_time_in_the_clip() {
    let folder = tempfile::tempdir().unwrap();
    let input = |graph: &str, late: bool| {
        let (offset, seconds) = if late { (3, 3) } else { (0, 6) };
        format!("-itsoffset {offset} -f lavfi -i {graph}:duration={seconds}")
    };
    for (name, codec) in [("a.mp4", "aac"), ("b.mkv", "pcm_s16le"), ("c.ts", "mp2")] {
        for sound_late in [true, false] {
            let path = folder.path().join(name).to_str().unwrap().to_owned();
            let pictures = input("color=white:size=64x64:rate=10", !sound_late);
            let sound = input("sine=frequency=1000", sound_late);
            let encoders = "-fps_mode passthrough -c:v libx264 -preset ultrafast \
                            -pix_fmt yuv420p -g 10 -bf 0 -c:a";
            let arguments = format!("{pictures} {sound} {encoders} {codec} {path}");
            ffmpeg(&arguments.split_whitespace().collect::<Vec<_>>());
            for (model, judges, late) in
                [(LOUD, "loud", sound_late), (FLASH_AND_BEEP, "seen", !sound_late)]
            {
                let events = run(&path, model);
                // Sound that is over before the pictures is looked at without them.
                let is_of_input = |event: &Value| {
                    let seen = event["scores"][judges].as_f64().unwrap_or(0.0) > 0.5;
                    event["kind"] == "window" && (seen || judges == "loud")
                };
                let before: Vec<_> = events
                    .iter()
                    .filter(|event| event["kind"] == "window" && !is_of_input(event))
                    .map(|event| event["media_end"].as_f64().unwrap())
                    .collect();
                let is_heard_alone = judges == "seen" && !sound_late;
                assert_eq!(before.len(), if is_heard_alone { 6 } else { 0 }, "{before:?}");
                assert!(before.iter().all(|end| *end < 3.1), "{before:?}");
                let windows = || events.iter().filter(|event| is_of_input(event));
                let begins = windows().next().unwrap()["media_start"].as_f64().unwrap();
                let ends = windows().next_back().unwrap()["media_end"].as_f64().unwrap();
                let want = if late { 3.0 } else { 0.0 };
                assert!((begins - want).abs() < 0.1, "{name} {sound_late} {model}: {begins}");
                assert!((5.0..6.1).contains(&ends), "{name} {sound_late} {model}: {ends}");
            }
        }
    }
}

#[test]
fn a_clip_is_seen_and_heard_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sound) in [("a.mp4", "-c:a aac"), ("b.mkv", "-c:a libopus"), ("c.ts", "-c:a mp2")] {
        let events = run(&clip(folder.path(), name, true, Some(sound), ""), FLASH_AND_BEEP);
        let white = told(&events, "white");
        assert_eq!(white.len(), 12, "{name}: {events:#?}");
        for (end, white) in white {
            assert_eq!(white, end.rem_euclid(2.0) >= 0.99, "{name} at {end}");
        }
        // A window hears the half second before its end.
        for (end, loud) in told(&events, "loud") {
            let middle = (end - 0.25).rem_euclid(2.0);
            assert!(loud == (middle >= 1.0) || end < 0.5, "{name} at {end}");
        }
        assert!(told(&events, "seen").iter().all(|(_, seen)| *seen));
        assert!(told(&events, "heard").iter().all(|(end, heard)| *heard == (*end >= 0.25)));
    }
}

#[test]
fn what_is_missing_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mute = run(&clip(folder.path(), "mute.mp4", true, None, ""), FLASH_AND_BEEP);
    assert!(told(&mute, "seen").iter().all(|(_, seen)| *seen));
    assert!(told(&mute, "heard").iter().all(|(_, heard)| !heard));
    assert_eq!(told(&mute, "heard").len(), 12);

    let blind =
        run(&clip(folder.path(), "a.mp3", false, Some("-c:a libmp3lame"), ""), FLASH_AND_BEEP);
    assert!(told(&blind, "heard").iter().all(|(_, heard)| *heard));
    assert!(told(&blind, "seen").iter().all(|(_, seen)| !seen));
    assert_eq!(told(&blind, "heard").len(), 12);

    let more = "-filter_complex [1:a]atrim=0:3[a] -map 0:v -map [a]";
    let stops = clip(folder.path(), "stops.mp4", true, Some("-c:a aac"), more);
    let stops = told(&run(&stops, FLASH_AND_BEEP), "heard");
    assert_eq!(stops.len(), 12, "every picture is looked at");
    assert!(stops.iter().all(|(end, heard)| *heard == (0.25..=3.26).contains(end)), "{stops:?}");
}

/// A programme that is white and silent, and one that is black and loud.
#[test]
fn picture_and_sound_are_of_one_programme() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.ts").to_str().unwrap().to_owned();
    let inputs = "-f lavfi -i color=white:size=64x64:rate=10:duration=4 \
                  -f lavfi -i anullsrc=r=48000:cl=mono:d=4 \
                  -f lavfi -i color=black:size=64x64:rate=10:duration=4 \
                  -f lavfi -i aevalsrc=0.5*sin(2*PI*1000*t)|0.5*sin(2*PI*1000*t):s=48000:d=4 \
                  -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10";
    let mut arguments: Vec<&str> = inputs.split_whitespace().collect();
    arguments.extend("-c:a aac -map 0 -map 1 -map 2 -map 3".split(' '));
    arguments.extend(["-program", "title=A:st=0:st=1", "-program", "title=B:st=2:st=3", &path]);
    ffmpeg(&arguments);
    let events = run(&path, FLASH_AND_BEEP);
    let (white, loud) = (told(&events, "white"), told(&events, "loud"));
    let heard = told(&events, "heard");
    assert!(heard.iter().filter(|(_, heard)| *heard).count() > 4, "{heard:?}");
    for (((end, white), (_, loud)), (_, heard)) in white.into_iter().zip(loud).zip(heard) {
        assert!(!heard || white != loud, "{end}: white {white}, loud {loud}");
    }

    // The other programme's sound is no sound of a programme without any.
    let mute = folder.path().join("mute.ts").to_str().unwrap().to_owned();
    let programmes = "-c copy -map 0:0 -map 0:3 -program title=A:st=0 -program title=B:st=1";
    let mut arguments = vec!["-i", &path];
    arguments.extend(programmes.split(' '));
    arguments.push(&mute);
    ffmpeg(&arguments);
    let heard = told(&run(&mute, FLASH_AND_BEEP), "heard");
    assert!(!heard.is_empty() && heard.iter().all(|(_, heard)| !heard), "{heard:?}");
}

#[test]
fn sound_alone_is_heard_every_hop() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sound) in [
        ("a.m4a", "-c:a aac"),
        ("b.wav", "-c:a pcm_alaw -ar 8000 -ac 1"),
        ("c.flac", "-ar 96000 -c:a flac"),
        ("d.ac3", "-ac 6 -c:a ac3"),
        ("e.ogg", "-c:a libopus"),
    ] {
        let path = clip(folder.path(), name, false, Some(sound), "");
        let loud = told(&run(&path, LOUD), "loud");
        assert!((11..=12).contains(&loud.len()), "{name}: {loud:?}");
        for (end, loud) in loud {
            assert_eq!(loud, (end - 0.25).rem_euclid(2.0) >= 1.0, "{name} at {end}");
        }
    }
    // Its pictures are left aside.
    let clip = clip(folder.path(), "both.mp4", true, Some("-c:a aac"), "");
    assert_eq!(told(&run(&clip, LOUD), "loud").len(), 12);
    let tested = percept(&["model", "test", LOUD, &clip]);
    assert_eq!(tested.code(), Some(0), "{}", tested.stderr);
}

#[test]
fn what_cannot_be_heard_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let mute = clip(folder.path(), "mute.mp4", true, None, "");
    let refused = percept(&["run", &mute, "--model", LOUD, "--listen", "off"]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.stderr.contains("no sound in it (only video)"), "{}", refused.stderr);
    let refused = percept(&["run", "mic:", "--model", SEES, "--listen", "off"]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.stderr.contains("no video in it (a microphone)"), "{}", refused.stderr);
    let song = clip(folder.path(), "song.mp3", false, Some("-c:a libmp3lame"), "");
    let refused = percept(&["run", &song, "--model", SEES, "--listen", "off"]);
    assert_eq!(refused.code(), Some(2));
    let probed = percept(&["probe", &song]);
    assert_eq!(probed.code(), Some(0), "{}", probed.stderr);
    let lines: Vec<&str> = probed.events.iter().filter_map(Value::as_str).collect();
    assert!(lines.iter().any(|line| line.contains("audio") && line.contains("mp3")), "{lines:?}");

    let pipeline = program::write(
        folder.path(),
        "pair.toml",
        format!(
            "model = {FLASH_AND_BEEP:?}\n[[streams]]\nname = \"a\"\nsource = {mute:?}\n\
             pair = \"mic:\"\n[[streams]]\nname = \"b\"\nsource = \"lavfi:testsrc2\"\n\
             pair = \"/dev/video0\"\n"
        ),
    );
    let refused = percept(&["check", &pipeline]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.stderr.contains("is no microphone"), "{}", refused.stderr);
}

#[test]
fn an_rtsp_camera_with_sound_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "cam.mp4", true, Some("-c:a aac"), "-bf 0");
    let camera = program::Camera::start(Path::new(&path), &[]);
    let url = camera.url("");
    let arguments = ["run", &url, "--model", FLASH_AND_BEEP, "--listen", "off", "--hop", "500ms"];
    let mut run = Percept::start(&arguments);
    for (label, yes) in [("heard", true), ("loud", true), ("loud", false)] {
        run.wait_for(label, |event| {
            event["kind"] == "window"
                && event["scores"][label].as_f64().is_some_and(|score| (score > 0.5) == yes)
        });
    }
}
