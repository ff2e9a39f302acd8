//! A disk that is full in the middle of a line and later has room again.
//!
//! The kernel plays the disk: a limit on the size of files (`ulimit -f`) takes part of
//! a write and refuses the rest, and is lifted by `prlimit`. A limit holds for a whole
//! process, so the test runs itself again in one of its own.

use std::future::pending;
use std::process::Command;
use std::time::Duration;

use percept::data::{Clock, Event, EventKind, MediaTime, StreamId, StreamState};
use percept::publish::{Hub, SinkSettings, Urgency, wire};
use percept::telemetry::metrics::Metrics;

const FOLDER: &str = "PERCEPT_TEST_FULL_DISK";

/// In 512-byte blocks, as the shell counts; no multiple of a line.
const LIMIT: u64 = 1;

#[test]
fn a_disk_that_was_full_has_every_event_once_and_whole() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return in_a_process_of_its_own(folder.as_ref());
    }
    let folder = tempfile::tempdir().unwrap();
    // An ignored SIGXFSZ is inherited; without it the limit would kill the process.
    let script = format!("trap '' XFSZ; ulimit -S -f {LIMIT}; exec \"$0\" --exact \"$1\"");
    let run = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .arg("a_disk_that_was_full_has_every_event_once_and_whole")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(run.status.success(), "{}\n{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "the test did not run: {}", said[0]);
}

fn in_a_process_of_its_own(folder: &std::path::Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let metrics = Metrics::new();
    let path = folder.join("events.jsonl");
    let sinks = [(SinkSettings::File { path: path.clone() }, true)];
    let read = || std::fs::read_to_string(&path).unwrap();

    let hub = Hub::start(&sinks, &metrics, runtime.handle()).unwrap();
    (0..20).for_each(|seq| hub.publish(&event(seq), Urgency::Wait));
    let errors = metrics.sink("file", 0).errors;
    until(|| errors.get() > 0);
    assert_eq!(read().len() as u64, 512 * LIMIT, "the limit is not where it should be");
    assert!(!read().ends_with('\n'), "the limit should cut a line");

    // A process that ends now leaves whole lines and says what is missing.
    let report = runtime.block_on(hub.close(Duration::ZERO, pending()));
    let written = read().lines().count() as u64;
    assert!(written > 0 && read().ends_with('\n'));
    assert_eq!(report.lost(), 20 - written);

    // One that goes on ends with every line.
    let before = errors.get();
    let hub = Hub::start(&sinks, &metrics, runtime.handle()).unwrap();
    (written..20).for_each(|seq| hub.publish(&event(seq), Urgency::Wait));
    until(|| errors.get() > before);
    assert_eq!(read().len() as u64, 512 * LIMIT);
    let id = std::process::id().to_string();
    let lift = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status();
    assert!(lift.expect("prlimit of util-linux is there").success());
    let report = runtime.block_on(hub.close(Duration::from_secs(600), pending()));
    assert_eq!(report.lost(), 0, "{report:?}");
    assert!(read().lines().eq((0..20).map(|seq| wire::to_json(&event(seq)))), "{}", read());
}

fn event(seq: u64) -> Event {
    Event {
        id: format!("{seq:026}").into(),
        seq,
        stream: StreamId::new("door").unwrap(),
        model: "health 1.0.0".into(),
        media_start: MediaTime::ZERO,
        media_end: MediaTime::ZERO,
        captured_at: None,
        clock: Clock::None,
        arrived: None,
        kind: EventKind::Stream { state: StreamState::Connected, reason: None },
    }
}

/// Waits for a condition that must come.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}
