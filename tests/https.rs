//! Whose certificates are believed, against a real HTTPS server.

#![cfg(feature = "ffmpeg")]

mod media;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use media::Clip;
use percept::data::{Fault, Remedy};
use percept::source::{Location, SourceError, SourceSettings, Tls, open};
use percept::supervise::Stop;

/// Serves the files of a folder with a certificate for `localhost` that it signed itself.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(clips: &Clip) -> Self {
        let certificate = clips.path("server.crt");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-keyout", &clips.path("server.key"), "-out", &certificate])
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut process = Command::new("openssl")
            .args(["s_server", "-WWW", "-accept", "0", "-cert", "server.crt", "-key", "server.key"])
            .current_dir(Path::new(&certificate).parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It says `ACCEPT 0.0.0.0:PORT` or `ACCEPT [::]:PORT`.
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                line.strip_prefix("ACCEPT ")?.rsplit_once(':')?.1.trim().parse().ok()
            })
            .expect("the server says its port");
        // Its further words must have somewhere to go.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port }
    }

    fn open(&self, host: &str, tls: Tls) -> Result<(), SourceError> {
        let url = format!("https://{host}:{}/clip.mp4", self.port);
        let location = Location::parse(&url).unwrap();
        let settings = SourceSettings { tls, ..SourceSettings::new(location) };
        open(&settings, &Stop::new()).map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_certificate_must_be_signed_by_somebody_known_and_name_its_host() {
    let clips = Clip::new();
    clips.made("clip.mp4", "testsrc2=d=2", "-c:v libx264 -movflags +faststart");
    let server = Server::start(&clips);
    let trusting = |ca_file: Option<String>| Tls { verify: true, ca_file: ca_file.map(Into::into) };

    let unknown = server.open("localhost", trusting(None)).unwrap_err();
    assert_eq!((unknown.kind(), unknown.remedy()), ("disallowed", Remedy::GiveUp));
    let told = unknown.to_string();
    assert!(told.contains("signed by nobody known") && told.contains("ca_file"), "{told}");

    let known = || trusting(Some(clips.path("server.crt")));
    server.open("localhost", known()).unwrap();
    let of_another = server.open("127.0.0.1", known()).unwrap_err().to_string();
    assert!(of_another.contains("names another host"), "{of_another}");

    server.open("127.0.0.1", Tls { verify: false, ca_file: None }).unwrap();
}
