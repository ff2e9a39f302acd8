//! What cameras send: a real scene in H.264, HEVC and MJPEG, with sound beside it, over TCP and UDP.
//!
//! ```text
//! 3 cameras ──► TCP, UDP ──► 6 streams of one percept ──► windows of all
//! ```

mod program;

use std::path::{Path, PathBuf};

use program::{Camera, Percept, ffmpeg, write};
use serde_json::Value;

/// A street, 640x272, 25 fps, 10 s.
fn street() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".deps/media/bikes.mp4");
    assert!(path.exists(), "{} is missing: scripts/get-test-media gets it", path.display());
    path
}

/// The street as a camera of its kind would send it.
fn camera(folder: &Path, name: &str, video: &str, sound: &str) -> Camera {
    let clip = folder.join(name);
    let street = street();
    let mut arguments = vec!["-i", street.to_str().unwrap(), "-f", "lavfi", "-i", "sine=440"];
    arguments.extend(["-map", "0:v", "-map", "1:a", "-shortest", "-vf", "fps=10"]);
    arguments.extend(video.split(' '));
    arguments.extend(sound.split(' '));
    arguments.push(clip.to_str().unwrap());
    ffmpeg(&arguments);
    Camera::start(&clip, &[])
}

#[test]
fn each_codec_is_watched_over_each_transport_with_sound_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let aac = "-c:a aac";
    let cameras = [
        ("h264", camera(at, "a.mp4", "-c:v libx264 -preset ultrafast -bf 2 -g 10", aac)),
        (
            "hevc",
            camera(
                at,
                "b.mp4",
                "-c:v libx265 -preset ultrafast -g 10",
                "-c:a pcm_alaw -ar 8000 -ac 1 -f mov",
            ),
        ),
        ("mjpeg", camera(at, "c.mp4", "-c:v mjpeg -huffman default -pix_fmt yuvj420p -q:v 5", aac)),
    ];
    let streams: String = cameras
        .iter()
        .flat_map(|(codec, camera)| ["tcp", "udp"].map(|transport| (codec, camera, transport)))
        .map(|(codec, camera, transport)| {
            format!(
                "[[streams]]\nname = \"{codec}-{transport}\"\nsource = \"{}\"\ntransport = \"{transport}\"\n",
                camera.url("")
            )
        })
        .collect();
    let pipeline = write(at, "all.toml", format!("[defaults]\nhop = \"1s\"\n{streams}"));

    let mut run = Percept::start(&["run", &pipeline, "--listen", "off"]);
    let mut waiting: Vec<String> = cameras
        .iter()
        .flat_map(|(codec, _)| ["tcp", "udp"].map(|transport| format!("{codec}-{transport}")))
        .collect();
    while !waiting.is_empty() {
        let window = run.wait_for(&format!("a window of {waiting:?}"), |event: &Value| {
            event["kind"] == "window" && waiting.iter().any(|name| event["stream"] == name.as_str())
        });
        waiting.retain(|name| window["stream"] != name.as_str());
    }
    for (codec, _) in &cameras {
        let connected = format!("description={codec} 640x272");
        assert_eq!(run.log().matches(&connected).count(), 2, "{connected}:\n{}", run.log());
    }
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let lost: Vec<_> = ended.events.iter().filter(|event| event["state"] == "lost").collect();
    assert!(lost.is_empty(), "{lost:#?}");
}
