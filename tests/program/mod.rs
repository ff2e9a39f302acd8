//! The program as a user runs it, and a real RTSP server for it to watch.
#![allow(dead_code, reason = "not every test crate that shares this uses all of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing takes so long unless it hangs; a test fails then.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `percept` to its end.
pub fn percept(arguments: &[&str]) -> Finished {
    Percept::start(arguments).finish()
}

/// A running `percept`; killed when dropped.
pub struct Percept {
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Standard output is read once this is dropped.
    unread: Option<Sender<()>>,
    /// Every line of standard output that was read so far.
    pub seen: Vec<Value>,
}

/// What a `percept` that has ended left.
pub struct Finished {
    pub status: ExitStatus,
    pub events: Vec<Value>,
    pub stderr: String,
}

impl Percept {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, |command| command)
    }

    /// `change` may set the environment and the like.
    pub fn start_with(
        arguments: &[&str],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut run = Self::start_unread(arguments, change);
        run.unread = None;
        run
    }

    /// Nobody reads its standard output until it is asked for an event or for its end.
    pub fn start_unread(
        arguments: &[&str],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_percept"));
        command.args(arguments).stderr(Stdio::piped());
        Self::of(change(&mut command))
    }

    /// Runs what is set up, which may have a standard error of its own.
    pub fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("percept was built");
        let (sender, lines) = channel();
        let (unread, read) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let _ = read.recv();
            // When nobody takes the lines any more, the pipe is closed.
            for line in stdout.lines() {
                if sender.send(line.expect("standard output is UTF-8")).is_err() {
                    return;
                }
            }
        });
        let stderr = Arc::<Mutex<String>>::default();
        let reader = child.stderr.take().map(|errors| {
            let (mut errors, stderr) = (BufReader::new(errors), stderr.clone());
            std::thread::spawn(move || {
                let mut line = String::new();
                while errors.read_line(&mut line).is_ok_and(|read| read > 0) {
                    stderr.lock().unwrap().push_str(&line);
                    line.clear();
                }
            })
        });
        Self { child, lines, stderr, reader, unread: Some(unread), seen: Vec::new() }
    }

    /// Waits for an event for which `wanted` holds; fails the test if none comes.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.unread = None;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let event = parse(&line);
                    self.seen.push(event.clone());
                    if wanted(&event) {
                        return event;
                    }
                }
                Err(why) => panic!(
                    "{what} did not come ({why}); events: {:#?}\nlog:\n{}",
                    self.seen,
                    self.log()
                ),
            }
        }
    }

    /// [`Self::wait_for`], but the event may have come already.
    pub fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        match self.seen.iter().find(|event| wanted(event)) {
            Some(event) => event.clone(),
            None => self.wait_for(what, wanted),
        }
    }

    /// Waits until the log says `text`; fails the test if it does not.
    pub fn wait_for_log(&self, text: &str) {
        self.wait_for_log_after(0, text);
    }

    /// [`Self::wait_for_log`], passing over the log's first `bytes`.
    pub fn wait_for_log_after(&self, bytes: usize, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log()[bytes..].contains(text) {
            assert!(Instant::now() < deadline, "the log does not say {text:?}:\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Where the program says that it listens.
    pub fn address(&self) -> SocketAddr {
        self.wait_for_log("http://");
        let log = self.log();
        let from = log.find("http://").unwrap() + "http://".len();
        let end = log[from..].find("/metrics").unwrap();
        log[from..from + end].parse().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        self.signals(&[name]);
    }

    /// One after another, as fast as can be.
    pub fn signals(&self, names: &[&str]) {
        let pid = self.child.id();
        let kills: Vec<_> = names.iter().map(|name| format!("kill {name} {pid}")).collect();
        let done = Command::new("sh").args(["-c", &kills.join("; ")]).status().unwrap();
        assert!(done.success());
    }

    /// Signals again and again until it ends, which it must.
    pub fn insist(&mut self, name: &str) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "percept did not end:\n{}", self.log());
            self.signal(name);
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Reads no more of standard output, as `head` does.
    pub fn leave(&mut self) {
        self.unread = None;
        self.lines = channel().1;
    }

    /// Reads no more of standard output, and waits for the end.
    pub fn hang_up(mut self) -> Finished {
        self.leave();
        let status = self.wait_for_end();
        Finished { status, events: std::mem::take(&mut self.seen), stderr: self.log() }
    }

    /// Waits for the end, and takes nothing of standard output.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "percept did not end:\n{}", self.log()),
            }
            std::thread::park_timeout(Duration::from_millis(20));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Finished {
        self.unread = None;
        let deadline = Instant::now() + PATIENCE;
        let mut events = std::mem::take(&mut self.seen);
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => events.push(parse(&line)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("percept did not end:\n{}", self.log()),
            }
        }
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        Finished { status, events, stderr: self.log() }
    }
}

/// Lines that are no JSON (tables for people) become strings.
fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))
}

impl Drop for Percept {
    fn drop(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["kind"] == kind).collect()
    }
}

/// A camera: the tests' RTSP server with one clip on `/cam`. Killed when dropped.
pub struct Camera {
    child: Child,
    /// The server ends when this closes.
    _stdin: ChildStdin,
    pub port: u16,
    clip: PathBuf,
    options: Vec<String>,
}

impl Camera {
    pub fn start(clip: &Path, options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        Self::on_port(clip, options, 0)
    }

    fn on_port(clip: &Path, options: Vec<String>, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/rtsp_server.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg("--mount")
            .arg(format!("/cam={}", clip.display()))
            .args(["--port", &port.to_string(), "--until-stdin-closes"])
            .args(&options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Debian's python3 is installed");
        let stdin = child.stdin.take().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let said = ready.trim().strip_prefix("READY ").and_then(|port| port.parse().ok());
        let port = said.unwrap_or_else(|| panic!("the RTSP server did not start: {ready:?}"));
        Self { child, _stdin: stdin, port, clip: clip.to_owned(), options }
    }

    /// `who` is `user:password@`, or nothing.
    pub fn url(&self, who: &str) -> String {
        format!("rtsp://{who}127.0.0.1:{}/cam", self.port)
    }

    /// The power is cut.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The power is back: the same port.
    pub fn restart(&mut self) {
        let again = Self::on_port(&self.clip, self.options.clone(), self.port);
        drop(std::mem::replace(self, again));
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the `ffmpeg` program, which must succeed.
pub fn ffmpeg(arguments: &[&str]) {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(arguments)
        .output()
        .expect("the ffmpeg program is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg {arguments:?}: {errors}");
}

/// `seconds` of moving test picture in H.264 as cameras send it, a key frame a second.
pub fn clip(folder: &Path, name: &str, seconds: u32) -> PathBuf {
    let path = folder.join(name);
    let graph = format!("testsrc2=size=320x240:rate=10:duration={seconds}");
    let encoder = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10 -bf 0";
    let mut arguments = vec!["-f", "lavfi", "-i", &graph];
    arguments.extend(encoder.split(' '));
    arguments.push(path.to_str().unwrap());
    ffmpeg(&arguments);
    path
}

/// A server that takes connections and then says nothing.
pub struct Silent {
    listener: std::net::TcpListener,
}

impl Silent {
    pub fn start() -> Self {
        Self { listener: std::net::TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub fn url(&self) -> String {
        format!("rtsp://{}/cam", self.listener.local_addr().unwrap())
    }
}

/// Reads all of a stream that may end at any time.
pub fn read_all(mut stream: impl Read) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

/// Writes a file into a folder and gives its path as text.
pub fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes.as_ref()).unwrap();
    path.to_str().unwrap().to_owned()
}
