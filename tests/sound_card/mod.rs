//! A microphone that is not there: a PulseAudio server of the test's own, and what it hears.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::PATIENCE;

/// A sound server with a microphone. Killed when dropped.
pub struct SoundCard {
    folder: tempfile::TempDir,
    server: Child,
    player: Option<Child>,
}

impl SoundCard {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asound = "pcm.!default { type pulse }\nctl.!default { type pulse }\n";
        std::fs::write(folder.path().join(".asoundrc"), asound).unwrap();
        let server = serve(folder.path());
        let card = Self { folder, server, player: None };
        card.wait();
        card
    }

    /// The sound system that a program is to see.
    pub fn at<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        at(self.folder.path(), command)
    }

    /// Plays a tone of 1 kHz at half the full scale, for `seconds`.
    pub fn play(&mut self, seconds: u32) {
        let tone = self.folder.path().join("tone.wav");
        let graph = format!("aevalsrc=0.5*sin(2*PI*1000*t):s=48000:d={seconds}");
        crate::program::ffmpeg(&["-f", "lavfi", "-i", &graph, tone.to_str().unwrap()]);
        let mut paplay = Command::new("paplay");
        paplay.arg("--device=vmic").arg(tone);
        self.player = Some(self.at(&mut paplay).spawn().expect("paplay is installed"));
    }

    /// The microphone is pulled out, and not gently.
    pub fn pull_out(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// The server says nothing any more, and keeps its connections.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    pub fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.server.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn plug_in(&mut self) {
        let _ = std::fs::remove_file(socket(self.folder.path()));
        self.server = serve(self.folder.path());
        self.wait();
    }

    /// Until the server answers.
    fn wait(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut pactl = Command::new("pactl");
            let answer = self.at(pactl.args(["list", "short", "sources"])).output().unwrap();
            if String::from_utf8_lossy(&answer.stdout).contains("mic") {
                return;
            }
            assert!(Instant::now() < deadline, "pulseaudio does not answer");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for SoundCard {
    fn drop(&mut self) {
        for child in self.player.iter_mut().chain([&mut self.server]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("native")
}

fn at<'a>(folder: &Path, command: &'a mut Command) -> &'a mut Command {
    let server = format!("unix:{}", socket(folder).display());
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("PULSE_SERVER", server)
}

fn serve(folder: &Path) -> Child {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let setup = std::fs::read_to_string(root.join("tests/servers/virtual_microphone.pa")).unwrap();
    let script = folder.join("microphone.pa");
    std::fs::write(&script, setup.replace("SOCKET", socket(folder).to_str().unwrap())).unwrap();
    let mut pulseaudio = Command::new("pulseaudio");
    pulseaudio
        .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-F"])
        .arg(script)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    at(folder, &mut pulseaudio)
        .spawn()
        .expect("pulseaudio is installed: `scripts/install-deps test` installs it")
}
