//! The default model sees and hears: each label says something where its input is there, and
//! nothing where it is not.

#[path = "common/http.rs"]
mod http;
mod program;

use std::collections::BTreeMap;
use std::path::Path;

use program::{Camera, Percept, ffmpeg, percept, write};
use serde_json::Value;

const PICTURES: [&str; 8] =
    ["corrupted", "covered", "dark", "defocused", "frozen", "no_signal", "overexposed", "shaking"];
const SOUND: [&str; 7] = ["clipping", "dropouts", "hum", "music", "noise", "silent", "speech"];

/// Twenty seconds; `sound` is what of them is heard, in seconds, as `codec` says.
fn made(folder: &Path, name: &str, pictures: bool, sound: Option<[u32; 2]>, codec: &str) -> String {
    let path = folder.join(name).to_str().unwrap().to_owned();
    let mut arguments = Vec::new();
    if pictures {
        arguments.extend(["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10:duration=20"]);
    }
    let heard = sound.map(|[from, to]| {
        format!(
            "aevalsrc='0.2*sin(2*PI*(300+200*sin(3*t))*t)+0.02*random(0)':s=16000:d=20,\
             atrim={from}:{to}"
        )
    });
    if let Some(heard) = &heard {
        arguments.extend(["-f", "lavfi", "-i", heard]);
        arguments.extend(codec.split_whitespace());
    }
    if pictures {
        arguments.extend("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10 -bf 0".split(' '));
    }
    arguments.push(&path);
    ffmpeg(&arguments);
    path
}

fn run(arguments: &[&str]) -> Vec<Value> {
    let always = ["run", "--listen", "off", "--hop", "1s"];
    let run = percept(&[&always[..], arguments].concat());
    assert_eq!(run.code(), Some(0), "{arguments:?}: {}", run.stderr);
    run.events
}

/// Each window of a stream: when it ends, and its scores.
fn windows<'a>(events: &'a [Value], stream: &str) -> Vec<(f64, BTreeMap<&'a str, f64>)> {
    let of_stream = |event: &&Value| event["kind"] == "window" && event["stream"] == stream;
    let told = |event: &'a Value| {
        let scores = event["scores"].as_object().unwrap().iter();
        let scores = scores.map(|(label, score)| (label.as_str(), score.as_f64().unwrap()));
        (event["media_end"].as_f64().unwrap(), scores.collect())
    };
    events.iter().filter(of_stream).map(told).collect()
}

fn judged(scores: &BTreeMap<&str, f64>) -> [bool; 2] {
    let all = |labels: &[&str]| {
        let count = labels.iter().filter(|label| scores.contains_key(*label)).count();
        assert!([0, labels.len()].contains(&count), "some of {labels:?}: {scores:?}");
        count > 0
    };
    assert!(scores.len() <= PICTURES.len() + SOUND.len(), "{scores:?}");
    [all(&PICTURES), all(&SOUND)]
}

#[test]
fn a_label_is_judged_where_its_input_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mute = made(folder.path(), "mute.mp4", true, None, "");
    let told = windows(&run(&[&mute]), "mute").into_iter().map(|(_, s)| judged(&s)).collect();
    let told: Vec<_> = told;
    assert_eq!(told, [[true, false]; 17]);
    for (name, codec) in [("a.mp4", "-c:a aac"), ("b.mkv", "-c:a pcm_mulaw -ar 8000")] {
        let both = made(folder.path(), name, true, Some([0, 20]), codec);
        let events = run(&[&both]);
        let told = windows(&events, &name[..1]);
        assert_eq!(told.len(), 17, "{name}");
        assert!(told.iter().all(|(_, scores)| judged(scores) == [true, true]), "{name}: {told:?}");
    }
    for (name, codec) in [("c.wav", "-c:a pcm_s16le"), ("d.mp3", "-c:a libmp3lame")] {
        let alone = made(folder.path(), name, false, Some([0, 20]), codec);
        let events = run(&[&alone]);
        let told = windows(&events, &name[..1]);
        assert!((17..=18).contains(&told.len()), "{name}: {told:?}");
        assert!(told.iter().all(|(_, scores)| judged(scores) == [false, true]), "{name}: {told:?}");
    }
}

#[test]
fn sound_too_short_for_a_window_is_not_padded_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let short = made(folder.path(), "short.wav", false, Some([0, 2]), "");
    let ended = percept(&["run", "--listen", "off", &short]);
    assert!(ended.of_kind("window").is_empty(), "{:?}", ended.events);
    assert!(ended.stderr.contains("before there was one window of its sound"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("frames"), "{}", ended.stderr);
    // The same of none at all.
    let empty = made(folder.path(), "empty.wav", false, Some([0, 2]), "-t 0");
    let nothing = percept(&["run", "--listen", "off", &empty]);
    assert_eq!(nothing.code(), Some(1), "{}", nothing.stderr);
    let states: Vec<_> = nothing.events.iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["connected", "finished"], "{:?}", nothing.events);
    let tested = percept(&["model", "test", "models/stream-health.onnx", &short]);
    assert_eq!(tested.code(), Some(2));
    assert!(tested.stderr.contains("one window of 3s of sound ("), "{}", tested.stderr);
    // Pictures lead where there are any.
    let short = made(folder.path(), "short.mkv", true, Some([0, 2]), "-t 2");
    let tested = percept(&["model", "test", "models/stream-health.onnx", &short]);
    assert_eq!(tested.code(), Some(2));
    assert!(tested.stderr.contains("frames about 2s apart ("), "{}", tested.stderr);

    let text = write(folder.path(), "notes.wav", "no sound at all".repeat(99));
    let refused = percept(&["run", "--listen", "off", &text]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.stderr.contains("no video, sound or playlist"), "{}", refused.stderr);
}

/// Every label is active as soon as it may be: what ends one is its input alone.
#[test]
fn sound_that_begins_late_and_stops_is_judged_in_between_and_its_labels_end() {
    let folder = tempfile::tempdir().unwrap();
    let part = made(folder.path(), "part.mkv", true, None, "");
    let sound = made(folder.path(), "part.wav", false, Some([5, 12]), "");
    let joined = folder.path().join("joined.mkv").to_str().unwrap().to_owned();
    let mut arguments = vec!["-i", &part, "-itsoffset", "5", "-i", &sound, "-c:v", "copy"];
    arguments.extend(["-c:a", "aac", &joined]);
    ffmpeg(&arguments);
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[[streams]]\nname = \"joined\"\nsource = {joined:?}\n[streams.labels]\n\
             enter = 1e-30\nleave = 1e-30\nstart_after = \"2s\"\n"
        ),
    );
    let ended = percept(&["run", &pipeline, "--listen", "off"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let events = ended.events;
    let told = windows(&events, "joined");
    assert_eq!(told.len(), 7, "{told:?}");
    for (end, scores) in &told {
        // Three seconds of sound, a codec's frame more or less.
        let heard = (8.0..=12.1).contains(end);
        assert_eq!(judged(scores), [true, heard], "at {end}");
    }
    for label in SOUND.iter().chain(&PICTURES) {
        let of = |kind: &str| {
            let same = |event: &&Value| event["kind"] == kind && event["label"] == *label;
            let found: Vec<_> = events.iter().filter(same).collect();
            assert_eq!(found.len(), 1, "{label} {kind}: {found:?}");
            found[0].clone()
        };
        let (started, ended) = (of("started"), of("ended"));
        assert_eq!(started["id"], ended["id"]);
        if SOUND.contains(label) {
            assert_eq!(started["media_end"], 10.0, "the second look that heard something");
            // The looks at 14, 16 and 18 s heard nothing: 4 s.
            assert_eq!(ended["reason"], "input_lost", "{label}");
        } else {
            assert_eq!(ended["reason"], "finished", "{label}");
        }
    }
}

#[test]
fn streams_with_and_without_sound_share_batches_and_score_as_they_do_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [
        made(folder.path(), "heard.mp4", true, Some([0, 20]), "-c:a aac"),
        made(folder.path(), "mute.mp4", true, None, ""),
        made(folder.path(), "alone.wav", false, Some([0, 20]), ""),
    ];
    let together = run(&sources.each_ref().map(String::as_str));
    for (source, name) in sources.iter().zip(["heard", "mute", "alone"]) {
        let alone = run(&[source]);
        let (alone, together) = (windows(&alone, name), windows(&together, name));
        assert!(alone.len() >= 17, "{name}");
        assert_eq!(alone.len(), together.len(), "{name}");
        for ((end, alone), (_, together)) in alone.iter().zip(&together) {
            assert!(alone.keys().eq(together.keys()), "{name} at {end}");
            for (label, score) in alone {
                let difference = (score - together[label]).abs();
                assert!(difference < 2e-4, "{name} at {end}: {label} {score}");
            }
        }
    }
}

#[test]
fn cameras_are_looked_at_by_key_frames_and_heard_all_along() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sound, codec) in [
        ("aac.mp4", Some([0, 20]), "-c:a aac"),
        ("g711.mkv", Some([0, 20]), "-c:a pcm_alaw -ar 8000"),
        ("mute.mp4", None, ""),
    ] {
        let clip = made(folder.path(), name, true, sound, codec);
        let camera = Camera::start(Path::new(&clip), &[]);
        let arguments = ["run", &camera.url(""), "--listen", "127.0.0.1:0", "--hop", "1s"];
        let mut run = Percept::start(&arguments);
        // Sound comes in a moment after the first picture: the first window may lack its beginning.
        let wanted = [true, sound.is_some()];
        run.wait_for(name, |event| {
            event["kind"] == "window" && {
                let (_, scores) = windows(std::slice::from_ref(event), &stream(event)).remove(0);
                judged(&scores) == wanted
            }
        });
        let streams = http::get(run.address(), "/api/streams").unwrap().body;
        let streams: Value = serde_json::from_str(&streams).unwrap();
        assert_eq!(streams[0]["decode"], "key_frames", "{name}: {streams}");
        let shown = streams[0]["last_window"]["scores"].as_object().unwrap();
        assert_eq!(shown.contains_key("silent"), sound.is_some(), "{name}: {streams}");
        assert!(shown.contains_key("covered"), "{name}: {streams}");
        let page = http::get(run.address(), "/metrics").unwrap().body;
        let scored = |label: &str| {
            let series = format!("percept_label_score{{label=\"{label}\"");
            page.lines().any(|line| line.starts_with(&series))
        };
        assert!(scored("covered"), "{name}: {page}");
        assert_eq!(scored("silent"), sound.is_some(), "{name}: {page}");
    }
}

fn stream(event: &Value) -> String {
    event["stream"].as_str().unwrap().to_owned()
}

/// A clip of pictures at these seconds, and `sound` seconds of sound.
fn pictured_at(folder: &Path, name: &str, graph: &str, sound: u32) -> String {
    let path = folder.join(name).to_str().unwrap().to_owned();
    let heard =
        format!("aevalsrc='0.2*sin(2*PI*(300+200*sin(3*t))*t)+0.02*random(0)':s=48000:d={sound}");
    let mut arguments = vec!["-f", "lavfi", "-i", graph, "-f", "lavfi", "-i", &heard];
    arguments.extend("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -bf 0 -c:a aac".split(' '));
    // Else FFmpeg writes ten seconds of sound without waiting for a picture.
    arguments.extend("-threads 1 -max_interleave_delta 0 -copyts".split(' '));
    arguments.push(&path);
    ffmpeg(&arguments);
    path
}

/// The windows of a clip: their ends, and whether its pictures and its sound were judged.
fn looked_at(clip: &str) -> Vec<(u32, [bool; 2])> {
    let ended = percept(&["run", "--listen", "off", clip]);
    assert_eq!(ended.code(), Some(0), "{clip}: {}", ended.stderr);
    let name = Path::new(clip).file_stem().unwrap().to_str().unwrap();
    let told: Vec<_> = windows(&ended.events, name)
        .iter()
        .map(|(end, scores)| (end.round() as u32, judged(scores)))
        .collect();
    let alone = told.iter().any(|(_, judged)| !judged[0]);
    assert_eq!(ended.stderr.contains("the sound is judged alone"), alone, "{}", ended.stderr);
    told
}

/// Windows of sound alone.
fn alone(ends: std::ops::RangeInclusive<u32>) -> Vec<(u32, [bool; 2])> {
    ends.step_by(2).map(|end| (end, [false, true])).collect()
}

#[test]
fn sound_is_heard_where_pictures_are_late_or_cannot_be_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let late = "testsrc2=size=128x96:rate=10:duration=20,setpts=PTS+30/TB";
    let told = looked_at(&pictured_at(folder.path(), "late.mkv", late, 50));
    let seen = told.iter().position(|(_, judged)| judged[0]).unwrap();
    assert_eq!(told[..seen], alone(3..=33));
    assert_eq!(told[seen..], [36, 38, 40, 42, 44, 46, 48].map(|end| (end, [true, true])));

    let whole =
        pictured_at(folder.path(), "whole.mkv", "testsrc2=size=128x96:rate=10:duration=20", 20);
    let spoilt = folder.path().join("spoilt.mkv").to_str().unwrap().to_owned();
    let each_byte = ["-c", "copy", "-bsf:v", "noise=amount=1"];
    ffmpeg(&[&["-i", &whole][..], &each_byte, &[&spoilt]].concat());
    assert_eq!(looked_at(&spoilt), alone(3..=19));
}

/// They are waited for: then what was heard before them is judged too, and there is nothing to warn of.
#[test]
fn sound_is_heard_before_pictures_that_are_not_late_enough_to_be_missed() {
    let folder = tempfile::tempdir().unwrap();
    let late = "testsrc2=size=128x96:rate=10:duration=12,setpts=PTS+8/TB";
    for name in ["late.mkv", "late.ts"] {
        let ended =
            percept(&["run", "--listen", "off", &pictured_at(folder.path(), name, late, 20)]);
        assert_eq!(ended.code(), Some(0), "{name}: {}", ended.stderr);
        let told: Vec<_> = windows(&ended.events, "late")
            .iter()
            .map(|(end, scores)| (end.round() as u32, judged(scores)))
            .collect();
        assert_eq!(told[..3], alone(3..=7), "{name}: {told:?}");
        assert_eq!(told[3..], [14, 16, 18].map(|end| (end, [true, true])), "{name}");
        assert!(!ended.stderr.contains("judged alone"), "{name}: {}", ended.stderr);
    }
}

/// MPEG-TS names a track and leaves its rate to the sound, which FFmpeg does not wait for.
#[test]
fn sound_that_begins_long_after_the_pictures_of_an_mpeg_ts_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = "testsrc2=size=128x96:rate=10:duration=30";
    let sound = "sine=frequency=440:sample_rate=48000:duration=14";
    let encoders = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10 -bf 0 -c:a";
    for codec in ["aac", "mp2", "libmp3lame", "ac3"] {
        let clip = folder.path().join("clip.ts").to_str().unwrap().to_owned();
        let mut arguments = vec!["-f", "lavfi", "-i", pictures, "-itsoffset", "14"];
        arguments.extend(["-f", "lavfi", "-i", sound]);
        arguments.extend(encoders.split(' ').chain([codec, &clip]));
        ffmpeg(&arguments);
        let ended = percept(&["run", "--listen", "off", &clip]);
        assert_eq!(ended.code(), Some(0), "{codec}: {}", ended.stderr);
        let told = windows(&ended.events, "clip");
        assert_eq!(told.len(), 12, "{codec}: {told:?}");
        for (end, scores) in &told {
            // Three seconds of sound, a codec's frame more or less.
            let heard = (17.0..=28.1).contains(end);
            assert_eq!(judged(scores), [true, heard], "{codec} at {end}");
        }
    }
    // A model that only listens takes it too.
    let clip = folder.path().join("clip.ts").to_str().unwrap().to_owned();
    let heard = percept(&["run", "--listen", "off", "--model", "models/sound-events.onnx", &clip]);
    assert_eq!(heard.code(), Some(0), "{}", heard.stderr);
    let told = windows(&heard.events, "clip");
    assert!(told.first().is_some_and(|(end, _)| *end > 14.0), "{told:?}");
}

/// What came before a live stream's first picture is old when that comes.
#[test]
fn a_live_stream_begins_with_its_first_window_of_pictures() {
    let graph = "testsrc2=size=128x96:rate=10,setpts=PTS+8/TB[out0];sine[out1]";
    let folder = tempfile::tempdir().unwrap();
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!("[[streams]]\nname = \"live\"\nsource = \"lavfi:{graph}\"\n"),
    );
    let machine = write(folder.path(), "percept.toml", "[http]\nlisten = \"127.0.0.1:0\"\n");
    let mut run = Percept::start(&["run", &pipeline, "--config", &machine]);
    let first = run.wait_for("a window", |event| event["kind"] == "window");
    let scores = first["scores"].as_object().unwrap();
    assert!(scores.contains_key("covered") && scores.contains_key("hum"), "{first}");
    assert!((13.9..14.1).contains(&first["media_end"].as_f64().unwrap()), "{first}");
    let page = http::get(run.address(), "/metrics").unwrap().body;
    let full = "percept_windows_dropped_total{reason=\"queue_full\",stream=\"live\"} 0";
    assert!(page.contains(full), "{page}");
    run.signal("-TERM");
    assert_eq!(run.finish().code(), Some(0));
}

#[test]
fn what_is_heard_goes_on_when_late_pictures_come() {
    let folder = tempfile::tempdir().unwrap();
    // Of MPEG-TS the pictures come when their sound has not been looked at yet.
    let late = "testsrc2=size=128x96:rate=10:duration=20,setpts=PTS+40/TB";
    let clip = pictured_at(folder.path(), "late.ts", late, 60);
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[[streams]]\nname = \"late\"\nsource = {clip:?}\n[streams.labels]\n\
             enter = 1e-30\nleave = 1e-30\nstart_after = \"2s\"\n"
        ),
    );
    let run = percept(&["run", &pipeline, "--listen", "off"]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("too rarely for the model"), "{}", run.stderr);
    let told = windows(&run.events, "late");
    let judged_of = |n: usize| judged(&told[n].1);
    assert_eq!([judged_of(0), judged_of(told.len() - 1)], [[false, true], [true, true]]);
    for label in SOUND {
        let of_label = run.events.iter().filter(|event| event["label"] == label);
        let told: Vec<_> = of_label.map(|event| (&event["kind"], &event["reason"])).collect();
        assert_eq!(told.len(), 2, "{label}: {told:?}");
        assert!(told[0].0 == "started" && told[1].1 == "finished", "{label}: {told:?}");
    }
}

#[test]
fn sound_is_heard_where_pictures_are_too_rare_too_few_or_stop() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, graph: &str, sound: u32| {
        looked_at(&pictured_at(folder.path(), name, graph, sound))
    };
    // A slide every 10 s, and every 20 s.
    for (name, every, container) in [("ten", 10, "mp4"), ("twenty", 20, "mkv")] {
        let graph = format!("testsrc2=size=128x96:rate=1/{every}:duration=60");
        let told = of(&format!("{name}.{container}"), &graph, 60);
        assert_eq!(told, alone(3..=59), "{name}");
    }
    assert_eq!(of("short.mp4", "testsrc2=size=128x96:rate=1:duration=2", 4), alone(3..=3));
    let told = of("stops.mkv", "testsrc2=size=128x96:rate=10:duration=10.5", 40);
    let seen = told.iter().position(|(_, judged)| !judged[0]).unwrap();
    assert_eq!(told[..seen], [(6, [true, true]), (8, [true, true]), (10, [true, true])]);
    assert_eq!(told[seen..], alone(12..=40));
    // A little more of sound than of pictures is no reason.
    let told = of("usual.mp4", "testsrc2=size=128x96:rate=10:duration=20", 22);
    assert_eq!(told, [6, 8, 10, 12, 14, 16, 18].map(|end| (end, [true, true])));
}
