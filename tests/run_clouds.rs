//! `percept run` and `percept model test` on point clouds.

#![cfg(all(feature = "ffmpeg", feature = "onnx"))]

mod program;

use std::path::Path;

use program::{percept, write};

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Points on the surface of a box of these sides.
fn cuboid(sides: [f64; 3]) -> Vec<[f64; 3]> {
    let along = |i: usize| (i % 11) as f64 / 5.0 - 1.0;
    (0..600)
        .map(|i| {
            let mut point = [along(i), along(i / 11), along(i * 7 / 3)];
            point[i % 3] = if i % 2 == 0 { 1.0 } else { -1.0 };
            [0, 1, 2].map(|axis| point[axis] * sides[axis])
        })
        .collect()
}

fn text(points: &[[f64; 3]]) -> String {
    points.iter().map(|[x, y, z]| format!("{x} {y} {z}\n")).collect()
}

fn ply(points: &[[f64; 3]]) -> String {
    let header = format!(
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\n\
         property float z\nend_header\n",
        points.len()
    );
    header + &text(points)
}

#[test]
fn a_folder_of_point_clouds_is_looked_at_and_what_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (cube, plank) = (cuboid([1.0; 3]), cuboid([1.0, 0.1, 0.3]));
    write(folder.path(), "a.xyz", text(&cube));
    write(folder.path(), "b.ply", ply(&cube));
    write(folder.path(), "c.ply", ply(&plank));
    write(folder.path(), "d.ply", "no cloud at all");
    let source = folder.path().to_str().unwrap();
    let model = fixture("published-points-raw.onnx");
    let run = percept(&["run", source, "--listen", "off", "--model", &model]);
    assert_eq!(run.code(), Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("d.ply") && run.stderr.contains("too few"), "{}", run.stderr);
    let windows = run.of_kind("window");
    let names: Vec<_> = windows
        .iter()
        .map(|event| Path::new(event["file"].as_str().unwrap()).file_name().unwrap())
        .collect();
    assert_eq!(names, ["a.xyz", "b.ply", "c.ply"]);
    assert_eq!(windows[0]["scores"], windows[1]["scores"], "the same points, another form");
    assert_ne!(windows[0]["scores"], windows[2]["scores"]);

    let one = folder.path().join("a.xyz");
    let tested = percept(&["model", "test", &model, one.to_str().unwrap(), "--json"]);
    assert_eq!(tested.code(), Some(0), "{}", tested.stderr);
    assert_eq!(tested.events.len(), 1);
}

#[test]
fn models_and_sources_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = write(folder.path(), "a.xyz", text(&cuboid([1.0; 3])));
    let (points, image) = ("published-points-raw.onnx", "published-image-fourier-raw.onnx");
    for (source, model, why) in [
        (cloud.as_str(), image, "this model takes none"),
        (&fixture("pictures/rgb.png"), points, "this model takes none"),
        ("lavfi:testsrc2", points, "the model takes point clouds"),
    ] {
        let run = percept(&["run", source, "--listen", "off", "--model", &fixture(model)]);
        assert_eq!(run.code(), Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(why), "{source}, {model}: {}", run.stderr);
        assert!(run.events.is_empty());
        if !source.starts_with("lavfi:") {
            let tested = percept(&["model", "test", &fixture(model), source]);
            assert_eq!(tested.code(), Some(2), "{}", tested.stderr);
            assert!(tested.stderr.contains(why), "{source}, {model}: {}", tested.stderr);
        }
    }
}
