//! The events' file is rotated while Percept writes to it.

mod program;

use std::path::Path;
use std::time::{Duration, Instant};

use program::{PATIENCE, Percept};
use serde_json::Value;

/// Waits until a file holds this many lines, each whole; gives them.
fn lines(path: &Path, least: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= least && text.ends_with('\n') {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        assert!(Instant::now() < deadline, "{path:?} has only:\n{text}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_rotated_file_is_begun_anew_and_no_event_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let [now, first, second] =
        ["events.jsonl", "events.jsonl.1", "events.jsonl.2"].map(|name| folder.path().join(name));
    let source = "lavfi:testsrc2=size=64x64:rate=10";
    let output = now.to_str().unwrap();
    let run =
        Percept::start(&["run", source, "--hop", "500ms", "--listen", "off", "--output", output]);
    lines(&now, 2);
    std::fs::rename(&now, &first).unwrap();
    lines(&now, 2);
    // As `logrotate` does with `create`.
    std::fs::rename(&now, &second).unwrap();
    std::fs::write(&now, "").unwrap();
    lines(&now, 2);
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let events: Vec<_> = [&first, &second, &now].iter().flat_map(|path| lines(path, 2)).collect();
    let told: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(told, (told[0]..told[0] + told.len() as u64).collect::<Vec<_>>());
}
