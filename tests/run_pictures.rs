//! `percept run` and `percept model test` on single pictures, with a classifier of colours.

#![cfg(all(feature = "ffmpeg", feature = "onnx"))]

mod program;

use std::path::Path;

use program::{Finished, ffmpeg, percept, write};
use serde_json::Value;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-colours.onnx");

/// A picture of one colour; the suffix says what kind.
fn picture(folder: &Path, name: &str, colour: &str) -> String {
    let path = folder.join(name).to_str().unwrap().to_owned();
    let graph = format!("color={colour}:size=40x30,format=rgb24");
    ffmpeg(&["-f", "lavfi", "-i", &graph, "-frames:v", "1", "-update", "1", &path]);
    path
}

fn run(sources: &[&str]) -> Finished {
    let mut arguments = vec!["run", "--listen", "off", "--model", MODEL];
    arguments.extend(sources);
    percept(&arguments)
}

/// `(name of the file, its best label)` of every look, in order.
fn seen(run: &Finished) -> Vec<(String, String)> {
    let name = |event: &Value| {
        let file = Path::new(event["file"].as_str().expect("a picture has a file's name"));
        file.file_name().unwrap().to_str().unwrap().to_owned()
    };
    let best = |event: &Value| event["scores"].as_object().unwrap().keys().next().unwrap().clone();
    run.of_kind("window").into_iter().map(|event| (name(event), best(event))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned())).collect()
}

#[test]
fn a_folder_of_pictures_is_one_stream_and_every_kind_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("holiday");
    std::fs::create_dir(&pictures).unwrap();
    let kinds = ["a.jpg", "b.png", "c.webp", "d.bmp", "e.tiff", "f.ppm", "g%03d.jpeg"];
    let colours = ["red", "lime", "blue", "red", "lime", "blue", "red"];
    for (name, colour) in kinds.iter().zip(colours) {
        // The name of a picture is no pattern, but to the program that makes it.
        let made = picture(&pictures, &name.replace("%03d", "-"), colour);
        std::fs::rename(made, pictures.join(name)).unwrap();
    }
    let run = run(&[pictures.to_str().unwrap()]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    let labels = colours.map(|colour| if colour == "lime" { "green" } else { colour });
    let want: Vec<_> = kinds.into_iter().zip(labels).collect();
    assert_eq!(seen(&run), pairs(&want));
    assert!(run.events.iter().all(|event| event["stream"] == "holiday"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/event.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (place, event) in run.of_kind("window").into_iter().enumerate() {
        assert!(schema.is_valid(event), "{event}");
        assert_eq!(event["media_start"], event["media_end"]);
        assert_eq!(event["media_end"], place as f64);
        assert_eq!(event["scores"].as_object().unwrap().len(), 5, "of 100 labels the best five");
        assert_eq!(event["active"].as_array().unwrap().len(), 0);
    }
    let states: Vec<_> = run.of_kind("stream").iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["connected", "finished"]);
}

#[test]
fn a_window_that_breaks_the_model_is_skipped_and_counted_and_all_others_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let model = MODEL.replace("colours", "breaking");
    let at = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let (bad, good) = (at("bad"), at("good"));
    for (name, colour) in [("a.png", "red"), ("b.png", "white"), ("c.png", "blue")] {
        picture(&bad, name, colour);
    }
    for name in ["d.png", "e.png", "f.png"] {
        picture(&good, name, "gray");
    }
    let sources = [bad.to_str().unwrap(), good.to_str().unwrap()];
    let run = percept(&["run", sources[0], sources[1], "--listen", "off", "--model", &model]);
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("no numbers for 1 window"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("window skipped").count(), 1, "{}", run.stderr);
    let mut names: Vec<_> = seen(&run).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["a.png", "c.png", "d.png", "e.png", "f.png"]);
    let finished = run.of_kind("stream").iter().filter(|e| e["state"] == "finished").count();
    assert_eq!(finished, 2);
}

#[test]
fn pictures_that_cannot_be_read_are_told_and_the_others_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    picture(folder.path(), "a.png", "red");
    picture(folder.path(), "e.jpg", "blue");
    write(folder.path(), "b.jpg", "this is no picture");
    write(folder.path(), "c.png", "");
    for (whole, half) in [("a.png", "half.png"), ("e.jpg", "half.jpg")] {
        let bytes = std::fs::read(folder.path().join(whole)).unwrap();
        write(folder.path(), half, &bytes[..bytes.len() * 3 / 4]);
    }
    let run = run(&[folder.path().to_str().unwrap()]);
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert_eq!(seen(&run), pairs(&[("a.png", "red"), ("e.jpg", "blue")]));
    for name in ["b.jpg", "c.png", "half.png", "half.jpg", "4 file(s)"] {
        assert!(run.stderr.contains(name), "{name} is not told of:\n{}", run.stderr);
    }
}

#[test]
fn pictures_named_one_by_one_are_one_stream_in_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    let [red, blue] = [("b.png", "red"), ("a.png", "blue")]
        .map(|(name, colour)| picture(folder.path(), name, colour));
    let both = run(&[&red, &blue]);
    assert_eq!(both.code(), Some(0), "{}", both.stderr);
    assert_eq!(seen(&both), pairs(&[("b.png", "red"), ("a.png", "blue")]));
    assert!(both.events.iter().all(|event| event["stream"] == "pictures"));
    let windows = both.of_kind("window");
    assert_eq!([&windows[0]["file"], &windows[1]["file"]], [red.as_str(), blue.as_str()]);
    let one = run(&[&blue]);
    assert_eq!(seen(&one), pairs(&[("a.png", "blue")]));
    assert!(one.events.iter().all(|event| event["stream"] == "a"));
}

#[test]
fn a_model_of_clips_refuses_pictures_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let red = picture(folder.path(), "red.png", "red");
    for source in [red.as_str(), folder.path().to_str().unwrap()] {
        let refused = percept(&["run", source, "--listen", "off"]);
        assert_eq!(refused.code(), Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("this model wants clips"), "{}", refused.stderr);
    }
}

#[test]
fn only_watched_labels_start_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let pictures: Vec<_> = [("a.png", "red"), ("b.png", "blue"), ("c.png", "red")]
        .into_iter()
        .map(|(name, colour)| picture(folder.path(), name, colour))
        .collect();
    let pipeline = |watch: &str| {
        let toml = format!(
            "model = {MODEL:?}\n[[streams]]\nname = \"p\"\nsource = {:?}\n[streams.labels]\n\
             start_after = \"0s\"\nend_after = \"0s\"\ntop_k = 2\n{watch}\n",
            folder.path()
        );
        let run = percept(&["run", &write(folder.path(), "p.toml", toml), "--listen", "off"]);
        let told = |kind| run.of_kind(kind).iter().map(|e| e["label"].to_string()).collect();
        let told: [Vec<String>; 2] = ["started", "ended"].map(told);
        assert!(run.of_kind("window").iter().all(|e| e["scores"].as_object().unwrap().len() == 2));
        (run.code(), told, run.stderr)
    };
    assert_eq!(pictures.len(), 3);
    let quoted = |labels: &[&str]| labels.iter().map(|l| format!("{l:?}")).collect::<Vec<_>>();
    let (code, told, _) = pipeline("");
    assert_eq!(code, Some(0));
    assert_eq!(told[0], quoted(&["red", "blue", "red"]));
    assert_eq!(told[1], quoted(&["red", "blue", "red"]));
    let (_, told, _) = pipeline("watch = [\"blue\", \"green\"]");
    assert_eq!(told, [quoted(&["blue"]), quoted(&["blue"])]);
    let (code, _, log) = pipeline("watch = [\"blu\"]");
    assert_eq!(code, Some(2));
    assert!(log.contains("p.toml") && log.contains("\"blue\"") && log.len() < 1000, "{log}");
}

#[test]
fn a_model_is_tested_on_a_picture_and_tells_the_best_five() {
    let folder = tempfile::tempdir().unwrap();
    let path = picture(folder.path(), "lime.png", "lime");
    let run = percept(&["model", "test", MODEL, &path]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    let lines: Vec<_> = run.events.iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines[0], "1.0000  green");
    let run = percept(&["model", "test", MODEL, &path, &path, "--json"]);
    assert_eq!(run.events.len(), 2);
    assert_eq!(run.events[0]["file"], path);
    assert_eq!(run.events[0]["scores"].as_object().unwrap().len(), 100);
}
