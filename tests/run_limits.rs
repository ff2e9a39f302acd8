//! `percept run` under limits of the system.

#[path = "common/http.rs"]
mod http;
mod program;

use std::process::{Command, Stdio};

use program::Percept;

const LIVE: &str = "lavfi:testsrc2=size=64x64:rate=10";

/// Runs after `limit`, a command of the shell.
fn limited(limit: &str, arguments: &[&str]) -> Percept {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_percept")).args(arguments).stderr(Stdio::piped());
    Percept::of(&mut command)
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_goes() {
    let limit = "ulimit -Sn 68 && ulimit -Hn 300";
    let run = limited(limit, &["run", LIVE, "--listen", "127.0.0.1:0"]);
    let metrics = http::get(run.address(), "/metrics").unwrap().body;
    assert!(metrics.contains("\nprocess_max_fds 300\n"), "{metrics}");
    assert!(!run.log().contains("limit of open files"), "{}", run.log());
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_warned_of() {
    let run = limited("ulimit -n 68", &["run", LIVE, "--listen", "off"]);
    run.wait_for_log("limit of open files may be too low");
    run.wait_for_log("LimitNOFILE");
}
