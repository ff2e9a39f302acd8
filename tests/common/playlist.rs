//! A live playlist: a real encoder, and a real web server before its folder.
#![allow(dead_code, reason = "not every test crate that shares this uses all of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// FFmpeg, writing `live.m3u8` in real time. Killed when dropped.
pub struct Encoder {
    child: Child,
    folder: PathBuf,
    kind: Kind,
}

/// Of a playlist's segments.
#[derive(Clone, Copy)]
struct Kind {
    seconds: u32,
    holds: Holds,
}

#[derive(Clone, Copy)]
enum Holds {
    /// MPEG-TS.
    Pictures,
    /// MPEG-TS that names a track of sound, of which nothing comes for ten minutes.
    PicturesAndNoSoundYet,
    /// Fragments of MP4, whose pictures lie before their sound.
    PicturesThenSound,
}

impl Encoder {
    /// Segments of `seconds`, of which the playlist holds the latest five. Returns when the
    /// first is there.
    pub fn start(folder: &Path, seconds: u32) -> Self {
        Self::of(folder, Kind { seconds, holds: Holds::Pictures })
    }

    /// The same with a track of sound of which nothing comes.
    pub fn start_without_the_sound_it_names(folder: &Path, seconds: u32) -> Self {
        Self::of(folder, Kind { seconds, holds: Holds::PicturesAndNoSoundYet })
    }

    /// The same of fragments of MP4 with pictures and sound.
    pub fn start_fragments(folder: &Path, seconds: u32) -> Self {
        Self::of(folder, Kind { seconds, holds: Holds::PicturesThenSound })
    }

    fn of(folder: &Path, kind: Kind) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        if matches!(kind.holds, Holds::PicturesAndNoSoundYet) {
            let sound = "-loglevel error -nostdin -f lavfi -i sine=duration=1 sound.aac";
            let made = Command::new("ffmpeg").args(sound.split(' ')).current_dir(folder).status();
            assert!(made.unwrap().success());
        }
        let child = Self::spawn(folder, kind, 0);
        let encoder = Self { child, folder: folder.to_owned(), kind };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !folder.join("live.m3u8").exists() {
            assert!(Instant::now() < deadline, "FFmpeg writes no playlist");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        encoder
    }

    fn spawn(folder: &Path, Kind { seconds, holds }: Kind, from: u32) -> Child {
        let pictures = "testsrc2=size=320x240:rate=10";
        let (graph, sound) = match holds {
            Holds::Pictures => (pictures, ""),
            Holds::PicturesAndNoSoundYet => (
                pictures,
                "-itsoffset 600 -i sound.aac -map 0:v -map 1:a -c:a copy -max_interleave_delta 1",
            ),
            Holds::PicturesThenSound => (
                "testsrc2=size=320x240:rate=10[out0];sine=sample_rate=16000[out1]",
                "-c:a aac -hls_segment_type fmp4",
            ),
        };
        let encoder = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10 -bf 0 -f hls \
                       -hls_list_size 5 -hls_flags delete_segments+append_list+temp_file";
        Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi"])
            .args(["-i", graph])
            .args(sound.split_whitespace().chain(encoder.split_whitespace()))
            .args(["-output_ts_offset", &from.to_string()])
            .args(["-hls_time", &seconds.to_string(), "live.m3u8"])
            .current_dir(folder)
            .spawn()
            .expect("the ffmpeg program is installed")
    }

    /// The power is cut: the playlist stays as it is.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Goes on with the playlist, with other times.
    pub fn restart(&mut self) {
        self.child = Self::spawn(&self.folder, self.kind, 1000);
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Python's web server before a folder. Killed when dropped.
pub struct WebServer {
    child: Child,
    port: u16,
}

impl WebServer {
    pub fn start(folder: &Path) -> Self {
        let mut child = Command::new("/usr/bin/python3")
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's python3 is installed");
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let port = said.split(' ').skip_while(|&word| word != "port").nth(1);
        let port = port.and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the web server did not start: {said:?}"));
        Self { child, port }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
