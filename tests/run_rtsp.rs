//! `percept run` on a real RTSP server, with authentication, killed and started again.
//!
//! ```text
//! camera (killed, restarted) ──► percept ──► events, /metrics
//! silent server ─────────────────┘
//! ```

#[path = "common/http.rs"]
mod http;
mod program;

use program::{Camera, Percept, Silent, clip, percept, write};
use serde_json::Value;

const USER: &str = "viewer";
const PASSWORD: &str = "s3cret/w@rd";
const ENCODED: &str = "s3cret%2Fw%40rd";

fn is_window(stream: &str) -> impl Fn(&Value) -> bool + '_ {
    move |event| event["kind"] == "window" && event["stream"] == stream
}

fn is_state<'a>(stream: &'a str, state: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["stream"] == stream && event["state"] == state
}

/// The value of a series; fails the test if there is none.
fn metric(run: &Percept, series: &str) -> f64 {
    let page = http::get(run.address(), "/metrics").unwrap().body;
    let line = page.lines().find(|line| line.starts_with(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in:\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_camera_that_reboots_is_watched_before_and_after_and_the_password_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "cam.mp4", 30);
    let options = ["--user", USER, "--password", PASSWORD, "--auth", "digest"];
    let mut camera = Camera::start(&video, &options);
    let silent = Silent::start();
    let machine = write(
        folder.path(),
        "percept.toml",
        "[reconnect]\nfirst = \"100ms\"\nmost = \"500ms\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nlevel = \"trace\"\n",
    );
    let pipeline = write(
        folder.path(),
        "p.toml",
        format!(
            "[defaults]\nhop = \"500ms\"\nstall_timeout = \"3s\"\n\
             [[streams]]\nname = \"tcp\"\nsource = \"rtsp://127.0.0.1:{port}/cam\"\n\
             user = \"{USER}\"\npassword = \"${{CAMERA_PASSWORD}}\"\n\
             [[streams]]\nname = \"udp\"\ntransport = \"udp\"\n\
             source = \"rtsp://{USER}:{ENCODED}@127.0.0.1:{port}/cam\"\n\
             [[streams]]\nname = \"silent\"\nsource = \"{silent}\"\n",
            port = camera.port,
            silent = silent.url(),
        ),
    );
    let mut run = Percept::start_with(&["run", &pipeline, "--config", &machine], |command| {
        command.env("CAMERA_PASSWORD", PASSWORD)
    });
    run.wait_for("a window over UDP", is_window("udp"));
    run.wait_for("a window over TCP", is_window("tcp"));
    // The silent server is given up and tried again; the others never notice.
    let lost = run.find("the loss of the silent server", is_state("silent", "lost"));
    assert_eq!(lost["reason"], "timeout");
    assert_eq!(metric(&run, "percept_stream_up{stream=\"silent\"}"), 0.0);
    assert_eq!(metric(&run, "percept_stream_up{stream=\"tcp\"}"), 1.0);
    assert_eq!(metric(&run, "percept_stream_reconnects_total{stream=\"tcp\"}"), 0.0);

    camera.kill();
    run.wait_for("the loss over TCP", is_state("tcp", "lost"));
    assert_eq!(metric(&run, "percept_stream_up{stream=\"tcp\"}"), 0.0);
    camera.restart();
    let again = run.wait_for("the return over TCP", is_state("tcp", "connected"));
    let window = run.wait_for("a window after the return", is_window("tcp"));
    assert!(window["seq"].as_u64() > again["seq"].as_u64());
    assert!(window["media_start"].as_f64() > Some(0.0), "media time runs on: {window}");
    assert!(metric(&run, "percept_stream_reconnects_total{stream=\"tcp\"}") >= 1.0);
    // Over UDP nothing says that the server has died: the stream stalls first.
    run.wait_for("a window over UDP after the return", |event| {
        is_window("udp")(event) && event["seq"].as_u64() > Some(2)
    });

    let api = http::get(run.address(), "/api/streams").unwrap().body;
    let ready = http::get(run.address(), "/readyz").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
    let page = http::get(run.address(), "/metrics").unwrap().body;
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let finished = ended.events.iter().filter(|event| event["state"] == "finished");
    assert!(finished.count() >= 2, "an orderly end is told");

    let events: String = ended.events.iter().map(Value::to_string).collect();
    for (place, text) in
        [("log", &ended.stderr), ("events", &events), ("api", &api), ("metrics", &page)]
    {
        for secret in [PASSWORD, ENCODED, "s3cret%2fw%40rd", "s3cret/w%40rd"] {
            assert!(!text.contains(secret), "{secret} is in the {place}:\n{text}");
        }
    }
    assert!(!page.contains("rtsp://"), "no address in metrics");
}

#[test]
fn a_wrong_password_is_said_as_such_and_not_tried_every_second() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "cam.mp4", 10);
    for auth in ["basic", "digest"] {
        let options = ["--user", USER, "--password", PASSWORD, "--auth", auth];
        let camera = Camera::start(&video, &options);
        let url = camera.url(&format!("{USER}:wrong-one@"));
        let mut run = Percept::start(&["run", &url, "--listen", "off", "--log", "debug"]);
        let lost = run.wait_for("the refusal", |event| event["state"] == "lost");
        assert_eq!(lost["reason"], "unauthorized");
        run.wait_for_log("wrong or missing user or password");
        run.wait_for_log("wait=300s");
        run.signal("-INT");
        let ended = run.finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains("wrong-one"), "{}", ended.stderr);

        // The same as a question that wants an answer now.
        let probe = percept(&["probe", &url]);
        assert_eq!(probe.code(), Some(2));
        assert!(probe.stderr.contains("password"), "{}", probe.stderr);
        assert!(!probe.stderr.contains("wrong-one"), "{}", probe.stderr);
    }
}

#[test]
fn probe_says_what_is_in_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let camera = Camera::start(&clip(folder.path(), "cam.mp4", 10), &[]);
    let probe = percept(&["probe", &camera.url(""), "--json"]);
    assert_eq!(probe.code(), Some(0), "{}", probe.stderr);
    let text: String =
        probe.events.iter().map(|line| line.as_str().unwrap_or("").to_owned() + "\n").collect();
    assert!(text.contains("\"h264\"") && text.contains("320"), "{text}");
}

#[test]
fn a_camera_s_own_clock_is_told_once_it_has_reported_it_also_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), "cam.mp4", 30);
    let pem = folder.path().join("server.pem");
    let pem = pem.to_str().unwrap();
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1", "-keyout", pem, "-out", &format!("{pem}.crt")])
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let both = std::fs::read_to_string(pem).unwrap()
        + &std::fs::read_to_string(format!("{pem}.crt")).unwrap();
    std::fs::write(pem, both).unwrap();
    for (scheme, options) in [("rtsp", vec![]), ("rtsps", vec!["--tls", pem])] {
        let camera = Camera::start(&video, &options);
        let url = format!("{scheme}://127.0.0.1:{}/cam", camera.port);
        let mut run = Percept::start(&["run", &url, "--listen", "off", "--hop", "500ms"]);
        let window = run.wait_for("a window by the camera's clock", |event| {
            event["kind"] == "window" && event["clock"] == "rtcp"
        });
        let captured = window["captured_at"].as_str().unwrap();
        assert!(captured.starts_with("20") && captured.ends_with('Z'), "{captured}");
    }
}
