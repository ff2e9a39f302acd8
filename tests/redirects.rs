//! Redirects and foreign hosts: judged before they are asked, and never told secrets.
//!
//! ```text
//! percept ─► 127.0.0.1 (own) ─ redirect, playlist ─► localhost (another host; records)
//! ```

#![cfg(feature = "ffmpeg")]

mod media;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use media::Clip;
use percept::data::Fault;
use percept::source::{Location, SourceSettings, open};
use percept::supervise::Stop;

const KEY: &str = "X-Camera-Key: hunter2hunter2";

/// A server that keeps the text of every request, and answers by path.
struct Recorder {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

type Answers = Vec<(&'static str, String, Vec<u8>)>;

impl Recorder {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (record, answers) = (heard.clone(), Arc::new(answers));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (record, answers) = (record.clone(), answers.clone());
                std::thread::spawn(move || answer(connection, &record, &answers));
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn answer(mut connection: TcpStream, record: &Mutex<Vec<String>>, answers: &Answers) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut request = String::new();
    while reader.read_line(&mut request).is_ok_and(|read| read > 2) {}
    if request.is_empty() {
        return;
    }
    record.lock().unwrap().push(request.clone());
    let path = request.split(' ').nth(1).unwrap_or_default();
    let known = answers.iter().find(|(known, ..)| *known == path);
    let (head, body) = known.map_or(("404 Not Found", &[][..]), |(_, head, body)| (head, body));
    let length = body.len();
    let protocol = if request.contains(" RTSP/") { "RTSP/1.0" } else { "HTTP/1.1" };
    let _ = write!(connection, "{protocol} {head}\r\nCSeq: 1\r\nContent-Length: {length}\r\n");
    let _ = connection.write_all(b"Connection: close\r\n\r\n");
    let _ = connection.write_all(body);
}

fn film() -> Vec<u8> {
    let clip = Clip::new();
    let encoder = "-c:v libx264 -g 25 -pix_fmt yuv420p";
    std::fs::read(clip.made("1.ts", "testsrc2=size=160x120:rate=25:duration=2", encoder)).unwrap()
}

fn ok() -> String {
    "200 OK".into()
}

fn found(target: &str) -> String {
    format!("302 Found\r\nLocation: {target}")
}

fn settings(url: &str) -> SourceSettings {
    let mut settings = SourceSettings::new(Location::parse(url).unwrap());
    if url.starts_with("http") {
        settings.options.insert("headers".into(), format!("{KEY}\r\n"));
    }
    settings
}

#[test]
fn another_host_hears_nothing_unless_allowed_and_then_no_headers() {
    let foreign = Recorder::start(vec![("/1.ts", ok(), film())]);
    // The same machine by another name is another host.
    let elsewhere = format!("http://localhost:{}/1.ts", foreign.port);
    let playlist =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{elsewhere}\n#EXT-X-ENDLIST\n");
    let own = Recorder::start(vec![
        ("/moved.ts", found(&elsewhere), vec![]),
        ("/twice.ts", found("/moved.ts"), vec![]),
        ("/list.m3u8", ok(), playlist.into_bytes()),
    ]);
    for path in ["moved.ts", "twice.ts", "list.m3u8"] {
        let url = format!("http://me:s3cretpass@127.0.0.1:{}/{path}", own.port);
        let mut settings = settings(&url);
        let Err(error) = open(&settings, &Stop::new()) else { panic!("{path} was opened") };
        assert_eq!(error.kind(), "disallowed", "{error}");
        assert!(error.to_string().contains("\"localhost\""), "{error}");
        if path != "list.m3u8" {
            assert!(error.to_string().contains(&elsewhere), "the target is named: {error}");
        }
        assert_eq!(foreign.heard(), [""; 0], "{path}: asked before it was judged");
        settings.allow_hosts = vec!["localhost".into()];
        open(&settings, &Stop::new()).unwrap();
        let heard = std::mem::take(&mut *foreign.heard.lock().unwrap());
        assert!(!heard.is_empty(), "{path}");
        for request in heard {
            assert!(!request.contains("hunter2"), "{path}: {request}");
            assert!(!request.contains("Authorization"), "{path}: {request}");
        }
    }
    assert!(own.heard().iter().all(|request| request.contains(KEY)), "{:?}", own.heard());
}

#[test]
fn a_redirect_within_the_host_is_followed_with_headers_to_the_same_server_alone() {
    let second = Recorder::start(vec![("/1.ts", ok(), film())]);
    let target = format!("http://127.0.0.1:{}/1.ts", second.port);
    let first = Recorder::start(vec![
        ("/a.ts", found("b.ts"), vec![]),
        ("/b.ts", found(&target), vec![]),
        ("/loop.ts", found("loop.ts"), vec![]),
    ]);
    let url = |path: &str| format!("http://me:s3cretpass@127.0.0.1:{}/{path}", first.port);
    let mut source = open(&settings(&url("a.ts")), &Stop::new()).unwrap();
    assert!(source.read().unwrap().is_some());
    assert!(first.heard().iter().all(|request| request.contains(KEY)), "{:?}", first.heard());
    // Another port of the host may be another program's.
    let heard = second.heard();
    assert!(!heard.is_empty());
    assert!(!heard.iter().any(|r| r.contains(KEY) || r.contains("Authorization")), "{heard:?}");
    let Err(error) = open(&settings(&url("loop.ts")), &Stop::new()) else { panic!("opened") };
    assert!(!error.to_string().contains("s3cretpass"), "{error}");
}

#[test]
fn an_rtsp_server_may_not_lead_elsewhere() {
    let foreign = Recorder::start(vec![]);
    let elsewhere = format!("rtsp://localhost:{}/cam", foreign.port);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut request = String::new();
            while reader.read_line(&mut request).is_ok_and(|read| read > 2) {}
            let _ = write!(
                connection,
                "RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: {elsewhere}\r\n\r\n"
            );
        }
    });
    let url = format!("rtsp://me:s3cretpass@{address}/cam");
    let Err(error) = open(&settings(&url), &Stop::new()) else { panic!("opened") };
    assert_eq!(error.kind(), "disallowed", "{error}");
    assert!(error.to_string().contains("rtsp://localhost:"), "{error}");
    assert_eq!(foreign.heard(), [""; 0]);
}
