//! The whole exposition: as written down, as Prometheus's linter wants it, as documented.

use std::io::Write;
use std::process::{Command, Stdio};

use percept::data::StreamId;
use percept::telemetry::metrics::{DropReason, Metrics, SkipReason};
use percept::telemetry::names;

const GOLDEN: &str = "tests/golden/metrics.txt";

/// Metrics in which every family has a series and no two counters of a stream are alike.
fn exercised() -> (Metrics, Vec<Box<dyn std::any::Any>>) {
    let metrics = Metrics::new();
    let door = metrics.stream(&StreamId::new("door").unwrap());
    door.prepare_labels(["covered", "dark"]);
    door.prepare_errors(["timeout", "unauthorized"]);
    door.up.set(1);
    door.reconnects.inc_by(2);
    // 2026-01-02T03:04:05.678Z.
    door.frame_at(1_767_323_045.678);
    door.errors("timeout").inc_by(3);
    door.frames_decoded.inc_by(100);
    for (count, reason) in (4..).zip(SkipReason::ALL) {
        door.frames_skipped(reason).inc_by(count);
    }
    door.frames_corrupt.inc_by(8);
    door.discontinuities.inc_by(9);
    door.windows.inc_by(50);
    door.audio.decoded_seconds.inc_by(600.5);
    door.audio.errors.inc_by(31);
    door.audio.gaps.inc_by(32);
    door.audio.silence_seconds.inc_by(0.75);
    door.audio.trimmed_seconds.inc_by(0.25);
    door.audio.overruns.inc_by(33);
    door.audio.drifts(-0.001953125);
    door.audio.microphone(true);
    door.audio.absent.inc_by(34);
    for (count, reason) in (10..).zip(DropReason::ALL) {
        door.windows_dropped(reason).inc_by(count);
    }
    door.latency.observe(0.125);
    door.latency.observe(64.0);
    door.label_score("covered").set(0.96875);
    door.label_score("dark").set(0.0625);
    door.label_active("covered").set(1);
    door.label_events("covered").inc();

    // A stream that was never up: everything is there, at 0, but what nobody knows.
    let yard = metrics.stream(&StreamId::new("yard").unwrap());
    yard.prepare_labels(["covered", "dark"]);
    yard.prepare_errors(["timeout", "unauthorized"]);
    let gone = metrics.stream(&StreamId::new("gone").unwrap());
    gone.errors("timeout").inc();
    drop(gone);

    let model = metrics.model("stream-health", "cpu");
    model.inference.observe(0.03125);
    model.batch.observe(3.0);
    model.errors.inc();
    metrics.queue("windows", 8).set(2);
    let sink = metrics.sink("stdout", 1024);
    sink.sent.inc_by(20);
    sink.dropped.inc_by(21);
    sink.errors.inc_by(22);
    sink.queue_length.set(23);
    (metrics, vec![Box::new(door), Box::new(yard), Box::new(model), Box::new(sink)])
}

/// Without the process collector's metrics, which differ from run to run.
fn own(exposition: &str) -> String {
    const PROCESS: [&str; 3] = ["process_", "# HELP process_", "# TYPE process_"];
    exposition
        .lines()
        .filter(|line| !PROCESS.iter().any(|start| line.starts_with(start)))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// To accept a change: `PERCEPT_UPDATE_GOLDEN=1 cargo test --test metrics_golden`, then read
/// the difference.
#[test]
fn the_whole_exposition_is_as_written_down() {
    let (metrics, _handles) = exercised();
    // The release changes; that it is shown does not.
    let got = own(&metrics.exposition()).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    if std::env::var_os("PERCEPT_UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &got).unwrap();
    }
    let want = std::fs::read_to_string(GOLDEN).unwrap();
    for (number, (got, want)) in got.lines().zip(want.lines()).enumerate() {
        assert_eq!(got, want, "{GOLDEN}, line {}", number + 1);
    }
    assert_eq!(got.len(), want.len(), "lines at the end of {GOLDEN}");
}

#[test]
fn every_name_is_exposed_and_nothing_else_but_the_process() {
    let (metrics, _handles) = exercised();
    let exposition = metrics.exposition();
    let mut exposed: Vec<_> = exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let process = exposed.extract_if(.., |name| name.starts_with("process_")).count();
    let mut names = names::ALL.to_vec();
    names.sort_unstable();
    exposed.sort_unstable();
    assert_eq!(exposed, names);
    assert_eq!(process, 7, "the process collector of Linux");
}

#[test]
fn promtool_finds_nothing_to_criticise() {
    let (metrics, _handles) = exercised();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs: Debian's package `prometheus` has it, and `make test` installs it");
    promtool.stdin.take().unwrap().write_all(metrics.exposition().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    assert_eq!(String::from_utf8_lossy(&said), "", "promtool has complaints");
}

#[test]
fn every_metric_is_documented_with_each_of_its_labels() {
    let docs = std::fs::read_to_string("docs/metrics.md").unwrap();
    let (metrics, _handles) = exercised();
    let exposition = metrics.exposition();
    for name in names::ALL {
        let row = docs
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("docs/metrics.md has no table row for {name}"));
        let labels = row.split('|').nth(3).unwrap();
        let series = exposition
            .lines()
            .find(|line| {
                line.starts_with(&format!("{name}{{"))
                    || line.starts_with(&format!("{name}_bucket{{"))
            })
            .unwrap_or_else(|| panic!("{name} has no series"));
        let (_, shown) = series.split_once('{').unwrap();
        let mut shown: Vec<_> = shown
            .split("\",")
            .map(|pair| pair.split('=').next().unwrap())
            .filter(|label| *label != "le")
            .map(|label| format!("`{label}`"))
            .collect();
        let mut documented: Vec<_> =
            labels.split(',').map(|label| label.trim().to_owned()).collect();
        shown.sort();
        documented.sort();
        assert_eq!(documented, shown, "labels of {name} in docs/metrics.md");
    }
}

#[test]
fn every_reason_is_documented() {
    let docs = std::fs::read_to_string("docs/metrics.md").unwrap();
    let reasons = SkipReason::ALL.map(SkipReason::as_str).into_iter();
    for reason in reasons.chain(DropReason::ALL.map(DropReason::as_str)) {
        assert!(docs.contains(&format!("| `{reason}` |")), "{reason}");
    }
}
