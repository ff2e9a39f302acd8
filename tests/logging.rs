//! What a whole process writes to standard error, panics included.

use std::process::Command;

use percept::telemetry::logging::{self, LogError, LogSettings};
use percept::telemetry::redact;

/// Runs the ignored test `name` of this file in a process of its own, and gives its logs.
fn logs_of(name: &str, format: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .env("LOGGING_TEST_FORMAT", format)
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .output()
        .unwrap();
    let logs = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{logs}\n{}", String::from_utf8_lossy(&output.stdout));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("stream opened"));
    logs
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn a_process_that_logs_and_panics() {
    let Ok(format) = std::env::var("LOGGING_TEST_FORMAT") else { return };
    let format = format.parse().unwrap();
    let settings = LogSettings { filter: "info".parse().unwrap(), format };
    redact::register_credentials("admin", "s3cret/pässword");
    logging::init(&settings).unwrap();
    tracing::info!(target: "percept", stream = "door", password = "s3cret%2fp%C3%A4ssword", "stream opened");
    tracing::debug!(target: "percept", "not wanted");
    let panicked = std::thread::Builder::new()
        .name("decoder".to_owned())
        .spawn(|| panic!("cannot happen with s3cret/pässword"))
        .unwrap()
        .join();
    assert!(panicked.is_err());
    assert!(matches!(logging::init(&settings), Err(LogError::Twice)));
}

#[test]
fn text_lines_hide_secrets_in_fields_and_panics() {
    let logs = logs_of("a_process_that_logs_and_panics", "text");
    let lines: Vec<_> = logs.lines().collect();
    assert!(lines[0].contains(" INFO ") && lines[0].contains("stream opened stream=\"door\""));
    assert!(lines[0].ends_with("password=\"***\""), "{logs}");
    assert!(logs.contains("ERROR") && logs.contains("thread=\"decoder\""), "{logs}");
    assert!(logs.contains("cannot happen with ***"), "{logs}");
    assert!(!logs.contains("ssword\"") && !logs.contains("not wanted"), "{logs}");
    assert!(!logs.contains('\x1b'), "colours although it is no terminal: {logs}");
}

#[test]
fn json_lines_are_objects_of_fields() {
    let logs = logs_of("a_process_that_logs_and_panics", "json");
    let lines: Vec<serde_json::Value> =
        logs.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 2, "{logs}");
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["message"], "stream opened");
    assert_eq!(lines[0]["stream"], "door");
    assert_eq!(lines[0]["password"], "***");
    assert_eq!(lines[1]["level"], "ERROR");
    assert_eq!(lines[1]["thread"], "decoder");
    let panic = lines[1]["panic"].as_str().unwrap();
    assert!(panic.contains("tests/logging.rs") && panic.contains("cannot happen with ***"));
}
