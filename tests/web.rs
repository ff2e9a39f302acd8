//! The routes, over real connections.

#[path = "common/http.rs"]
mod http;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use percept::data::StreamId;
use percept::telemetry::metrics::Metrics;
use percept::web::{self, LastError, Snapshot, State, StreamSnapshot, WebError, WebState};

/// A server with one stream, whose state and health the test turns.
struct Server {
    address: SocketAddr,
    up: Arc<AtomicBool>,
    stuck: Arc<AtomicBool>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<Result<(), WebError>>,
    runtime: tokio::runtime::Runtime,
}

fn start() -> Server {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = web::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (up, stuck) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_up, is_stuck) = (up.clone(), stuck.clone());
    let state = WebState {
        metrics: Metrics::new(),
        snapshot: Arc::new(move || snapshot(is_up.load(Ordering::SeqCst))),
        alive: Arc::new(move || match is_stuck.load(Ordering::SeqCst) {
            true => Err("the model's thread is stuck at rtsp://u:pw@cam/".to_owned()),
            false => Ok(()),
        }),
        ready_share: 0.5,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = runtime.spawn(web::serve(listener, state, async {
        let _ = stopped.await;
    }));
    Server { address, up, stuck, stop: Some(stop), serving, runtime }
}

fn snapshot(up: bool) -> Snapshot {
    let stream = StreamSnapshot {
        stream: StreamId::new("door").unwrap(),
        source: "rtsp",
        state: if up { State::Up } else { State::Lost },
        since: SystemTime::UNIX_EPOCH,
        microphone: None,
        last_error: Some(LastError {
            kind: "refused",
            text: "cannot open rtsp://admin:geheim@10.0.0.9/1".to_owned(),
            at: SystemTime::UNIX_EPOCH,
        }),
        reconnects: 1,
        provider: "cpu",
        model: "stream-health 1".into(),
        decode: None,
        frames_decoded: 0,
        windows: 0,
        last_window: None,
        active: Vec::new(),
    };
    Snapshot { model_warm: true, streams: vec![stream] }
}

fn json(response: &http::Response) -> serde_json::Value {
    assert_eq!(response.header("content-type"), Some("application/json"));
    serde_json::from_str(&response.body).unwrap()
}

#[test]
fn every_route_of_the_index_answers_with_its_type() {
    let server = start();
    server.up.store(true, Ordering::SeqCst);
    let index = http::get(server.address, "/").unwrap();
    let routes: Vec<_> =
        index.body.lines().filter_map(|line| line.split(' ').next()?.strip_prefix('/')).collect();
    assert_eq!(routes, ["metrics", "healthz", "readyz", "api/streams"]);
    for route in routes {
        let answer = http::get(server.address, &format!("/{route}")).unwrap();
        assert_eq!(answer.status, 200, "{route}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{route}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{route}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{route}");
    }
    let metrics = http::get(server.address, "/metrics").unwrap();
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("\npercept_build_info{"), "{}", metrics.body);
}

#[test]
fn health_and_readiness_follow_the_process() {
    let server = start();
    let ready = http::get(server.address, "/readyz").unwrap();
    assert_eq!(ready.status, 503);
    assert_eq!(json(&ready)["reasons"][0], "0 of 1 streams are up, 1 are needed");
    server.up.store(true, Ordering::SeqCst);
    assert_eq!(http::get(server.address, "/readyz").unwrap().status, 200);

    assert_eq!(http::get(server.address, "/healthz").unwrap().body, "ok\n");
    server.stuck.store(true, Ordering::SeqCst);
    let stuck = http::get(server.address, "/healthz").unwrap();
    assert_eq!(stuck.status, 503);
    assert_eq!(json(&stuck)["reasons"][0], "the model's thread is stuck at rtsp://***@cam/");
    assert_eq!(http::get(server.address, "/readyz").unwrap().status, 200, "asked apart");
}

#[test]
fn streams_are_listed_without_address_or_credentials_of_the_source() {
    let server = start();
    let answer = http::get(server.address, "/api/streams").unwrap();
    let streams = json(&answer);
    assert_eq!(streams[0]["stream"], "door");
    assert_eq!(streams[0]["state"], "lost");
    assert_eq!(streams[0]["last_error"]["text"], "cannot open rtsp://***@10.0.0.9/1");
    assert!(!answer.body.contains("geheim"), "{}", answer.body);
}

#[test]
fn unknown_paths_and_wrong_methods_are_answered_in_json() {
    let server = start();
    let unknown = http::get(server.address, "/api/nothing").unwrap();
    assert_eq!(unknown.status, 404);
    assert_eq!(json(&unknown)["path"], "/api/nothing");
    let posted = http::request(server.address, "POST", "/metrics").unwrap();
    assert_eq!(posted.status, 405);
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    assert_eq!(json(&posted)["method"], "POST");
    assert_eq!(posted.header("x-content-type-options"), Some("nosniff"));
    let head = http::request(server.address, "HEAD", "/metrics").unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn a_port_in_use_is_said_at_once_with_what_to_try() {
    let server = start();
    let error = web::bind(server.address).unwrap_err().to_string();
    assert!(error.contains(&server.address.to_string()), "{error}");
    assert!(error.contains("in use") && error.contains("--listen 127.0.0.1:"), "{error}");
    // Of the range that is kept for documentation (RFC 5737): no machine's own.
    let elsewhere = "192.0.2.1:9184".parse().unwrap();
    for error in [web::bind(elsewhere).unwrap_err(), web::check_address(elsewhere).unwrap_err()] {
        assert!(matches!(error, WebError::Listen { .. }), "{error:?}");
        assert!(error.to_string().contains("192.0.2.1:9184"), "{error}");
    }
    web::check_address(server.address).expect("its port is in use, but the address is this one's");
}

#[test]
fn half_a_request_is_given_up() {
    let server = start();
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the server closes the connection");
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(http::get(server.address, "/healthz").unwrap().status, 200, "others are answered");
}

#[test]
fn stopping_does_not_wait_for_a_client_that_never_ends_its_request() {
    let mut server = start();
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    // The answer to a later connection says that the slow one has been accepted.
    assert_eq!(http::get(server.address, "/healthz").unwrap().status, 200);
    server.stop.take().unwrap().send(()).unwrap();
    server.runtime.block_on(&mut server.serving).unwrap().unwrap();
    drop(server.runtime);
    let mut rest = Vec::new();
    // Closed by the server, cleanly or with a reset: either way it did not answer.
    let _ = slow.read_to_end(&mut rest);
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}
