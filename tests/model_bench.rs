//! `percept bench` measures what it says, once over, and tells it as a table and as JSON.
#![cfg(feature = "onnx")]

use std::path::Path;
use std::time::Duration;

use percept::bench::{self, BenchSettings};
use percept::model::{ModelSettings, Provider, ProviderKind};

#[test]
fn the_report_holds_every_number_that_was_asked_for() {
    let settings = BenchSettings {
        model: ModelSettings {
            path: Path::new(env!("CARGO_MANIFEST_DIR")).join("models/stream-health.onnx"),
            providers: vec![Provider::required(ProviderKind::Cpu)],
            ..ModelSettings::default()
        },
        threads: vec![1],
        batches: vec![1, 2],
        clip: None,
        each: Duration::ZERO,
    };
    let report = bench::run(&settings).unwrap_or_else(|error| panic!("{error}"));
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["byte_array"]["rows"], 50_176);
    assert_eq!(json["byte_array"]["channels"], 261);
    let model = &json["model"];
    assert!(model["onnx_runtime"].as_str().unwrap().starts_with("1."), "{model}");
    let measured: Vec<_> =
        model["throughput"].as_array().unwrap().iter().map(|one| one["batch"].as_u64()).collect();
    assert_eq!(measured, [Some(1), Some(2)]);
    assert!(
        model["throughput"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["windows_a_second"].as_f64().unwrap() > 0.0)
    );
    let table = report.to_string();
    for part in [
        "machine",
        env!("CARGO_PKG_VERSION"),
        "onnx runtime",
        "rewrite",
        "build it anew",
        "batch 2",
    ] {
        assert!(table.contains(part), "{part:?} is not in:\n{table}");
    }
}
