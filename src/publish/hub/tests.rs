use std::future::pending;
use std::path::PathBuf;

use super::*;
use crate::data::{Clock, MediaTime, StreamId, StreamState};

const LONG: Duration = Duration::from_secs(600);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn event(seq: u64, kind: EventKind) -> Event {
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
        kind,
    }
}

fn window(seq: u64) -> Event {
    event(seq, EventKind::Window { scores: vec![], active: vec![], file: None })
}

fn connected(seq: u64) -> Event {
    event(seq, EventKind::Stream { state: StreamState::Connected, reason: None })
}

/// A file that is told of windows too.
fn file(path: impl Into<PathBuf>) -> (SinkSettings, bool) {
    (SinkSettings::File { path: path.into() }, true)
}

/// Waits for a condition that must come.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

#[test]
fn every_sink_gets_every_event_once_and_in_order() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let dir = tempfile::tempdir().unwrap();
    let paths = ["a.jsonl", "b.jsonl"].map(|name| dir.path().join(name));
    let hub = Hub::start(&paths.clone().map(file), &metrics, runtime.handle()).unwrap();
    // Many times what a queue holds: the sender waits for room.
    let total = 5 * QUEUE as u64;
    (0..total).for_each(|seq| hub.publish(&window(seq), Urgency::Wait));
    let report = runtime.block_on(hub.close(LONG, pending()));
    assert_eq!(report.lost(), 0);
    let names: Vec<_> = report.sinks.iter().map(|sink| &*sink.sink).collect();
    assert_eq!(names, ["file", "file_2"]);
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.lines().eq((0..total).map(|seq| wire::to_json(&window(seq)))));
    }
    let sent = format!("percept_sink_events_total{{sink=\"file_2\"}} {total}");
    assert!(metrics.exposition().contains(&sent));
}

#[test]
fn a_sink_that_wants_no_windows_gets_everything_else() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let (settings, _) = file(&path);
    let hub = Hub::start(&[(settings, false)], &metrics, runtime.handle()).unwrap();
    hub.publish(&connected(0), Urgency::Wait);
    hub.publish(&window(1), Urgency::Wait);
    hub.publish(&connected(2), Urgency::Wait);
    assert_eq!(runtime.block_on(hub.close(LONG, pending())).lost(), 0);
    let want = [0, 2].map(|seq| wire::to_json(&connected(seq)) + "\n").concat();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), want);
}

#[test]
fn an_event_is_written_without_waiting_for_more() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let hub = Hub::start(&[file(&path)], &metrics, runtime.handle()).unwrap();
    hub.publish(&connected(0), Urgency::Fresh);
    until(|| std::fs::read(&path).unwrap().ends_with(b"}\n"));
    assert_eq!(runtime.block_on(hub.close(LONG, pending())).lost(), 0);
}

#[test]
fn a_full_disk_is_counted_and_what_could_not_be_written_is_told() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("events.jsonl");
    let sinks = [file("/dev/full"), file(&good)];
    let hub = Hub::start(&sinks, &metrics, runtime.handle()).unwrap();
    (0..3).for_each(|seq| hub.publish(&connected(seq), Urgency::Wait));
    let errors = metrics.sink("file", QUEUE).errors;
    until(|| errors.get() > 0);
    let report = runtime.block_on(hub.close(Duration::ZERO, pending()));
    assert_eq!(report.lost(), 3);
    assert_eq!((&*report.sinks[0].target, report.sinks[0].unwritten), ("/dev/full", 3));
    assert_eq!(report.sinks[1].unwritten, 0, "the other sink is not held up");
    assert_eq!(std::fs::read_to_string(&good).unwrap().lines().count(), 3);
}

#[test]
fn a_full_queue_drops_live_windows_first_and_counts_them() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let hub = Hub::start(&[file("/dev/full")], &metrics, runtime.handle()).unwrap();
    let sink = metrics.sink("file", QUEUE);
    // The sink holds the first one from then on and takes no other.
    hub.publish(&connected(0), Urgency::Fresh);
    until(|| sink.errors.get() > 0);
    let extra = 10;
    (0..QUEUE as u64).for_each(|seq| hub.publish(&window(seq), Urgency::Fresh));
    let windows_dropped = sink.dropped.get();
    assert_eq!(windows_dropped, QUEUE as u64 / 4 - 1, "from three quarters on");
    (0..windows_dropped + extra).for_each(|seq| hub.publish(&connected(seq), Urgency::Fresh));
    let report = runtime.block_on(hub.close(Duration::ZERO, pending()));
    assert_eq!(report.sinks[0].windows_dropped, windows_dropped);
    let lost = 1 + QUEUE as u64 + extra;
    assert_eq!(report.lost(), lost, "{report:?}: windows that made room are not lost");
    assert_eq!(report.sinks[0].events_dropped + report.sinks[0].unwritten, lost);
    assert_eq!(sink.dropped.get(), windows_dropped + report.sinks[0].events_dropped);
}

#[test]
fn closing_lets_go_of_whoever_waits_for_room() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let hub = Hub::start(&[file("/dev/full")], &metrics, runtime.handle()).unwrap();
    let total = 3 * QUEUE as u64;
    let publisher = std::thread::spawn({
        let hub = hub.clone();
        move || (0..total).for_each(|seq| hub.publish(&window(seq), Urgency::Wait))
    });
    let length = metrics.sink("file", QUEUE).queue_length;
    until(|| length.get() == QUEUE as i64);
    runtime.block_on(hub.close(Duration::ZERO, pending()));
    publisher.join().unwrap();
}

#[test]
fn a_sink_that_cannot_be_opened_stops_the_start() {
    let (runtime, metrics) = (runtime(), Metrics::new());
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dir.path().join("events.jsonl"), dir.path().join("no/events.jsonl"));
    let start =
        |sinks: &[(SinkSettings, bool)]| Hub::start(sinks, &metrics, runtime.handle()).err();
    assert!(matches!(
        start(&[file(&good), file(bad)]),
        Some(PublishError::NoFolder { folder, .. }) if folder.ends_with("no")
    ));
    assert!(matches!(start(&[file(dir.path())]), Some(PublishError::IsFolder { .. })));
    assert!(matches!(start(&[file(&good), file(&good)]), Some(PublishError::Twice { .. })));
}
