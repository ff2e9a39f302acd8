//! Clips made by the `ffmpeg` program in a temporary folder, and a look at them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use percept::data::{AudioChunk, StreamId, VideoFrame};
use percept::decode::{ActiveMode, DecodeSettings, Decoder, SoundDecoder, SoundSettings, Timeline};
use percept::source::{Location, SourceSettings, Wanted};
use percept::supervise::Stop;
use percept::telemetry::metrics::{Metrics, StreamMetrics};

/// Spacing of frames that the default model accepts.
#[allow(dead_code, reason = "not every test crate looks at key frames")]
pub const KEYS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));

/// A temporary folder of clips.
pub struct Clip {
    folder: tempfile::TempDir,
}

impl Clip {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs `ffmpeg`, which must succeed.
    pub fn ffmpeg(&self, arguments: &[&str]) {
        let output = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
            .args(arguments)
            .output()
            .expect("the ffmpeg program is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ffmpeg {arguments:?}: {errors}");
    }

    /// A file made of a filter graph with an encoder's arguments, split at spaces.
    #[allow(dead_code, reason = "not every test crate makes clips")]
    pub fn made(&self, name: &str, graph: &str, encoder: &str) -> String {
        let path = self.path(name);
        let mut arguments = vec!["-f", "lavfi", "-i", graph, "-threads", "1"];
        arguments.extend(encoder.split_whitespace());
        arguments.push(&path);
        self.ffmpeg(&arguments);
        assert!(Path::new(&path).exists());
        path
    }
}

/// What came of a whole file.
#[allow(dead_code, reason = "not every test crate looks at all of it")]
pub struct Seen {
    pub frames: Vec<VideoFrame>,
    pub metrics: StreamMetrics,
    /// At the end.
    pub mode: ActiveMode,
    /// Every frame came out of the call that took its own packet.
    pub latest_by_packet: bool,
}

/// Reads a file to its end at 32x32, a look every half second if `adjust` says no other.
#[allow(dead_code, reason = "not every test crate decodes")]
pub fn watch(path: &str, adjust: impl Fn(&mut DecodeSettings)) -> Seen {
    let mut settings = DecodeSettings::new([32, 32], Duration::from_millis(500));
    adjust(&mut settings);
    let location = Location::parse(path).unwrap();
    let mut source = percept::source::open(&SourceSettings::new(location), &Stop::new()).unwrap();
    let metrics = Metrics::new().stream(&StreamId::new("test").unwrap());
    let mut decoder = Decoder::new(source.video().unwrap(), &settings, &metrics).unwrap();
    let mut timeline = Timeline::new();
    let mut frames = Vec::new();
    let mut latest_by_packet = true;
    while let Some(packet) = source.read().unwrap() {
        let before = frames.len();
        decoder.push(&packet, &mut timeline, &mut frames).unwrap();
        latest_by_packet &=
            frames[before..].iter().all(|frame| frame.stamp.arrived == packet.arrived);
    }
    decoder.finish(&mut timeline, &mut frames).unwrap();
    Seen { frames, metrics, mode: decoder.mode(), latest_by_packet }
}

/// The mean of a frame's bytes.
#[allow(dead_code, reason = "not every test crate looks at greys")]
pub fn grey_of(frame: &VideoFrame) -> u8 {
    let sum: u64 = frame.pixels.iter().map(|byte| u64::from(*byte)).sum();
    (sum / frame.pixels.len() as u64) as u8
}

/// What was heard of a whole file.
#[allow(dead_code, reason = "not every test crate listens")]
pub struct Heard {
    pub chunks: Vec<AudioChunk>,
    pub metrics: StreamMetrics,
}

/// Listens to a file to its end, its pictures left aside.
#[allow(dead_code, reason = "not every test crate listens")]
pub fn listen(path: &str, rate: u32, channels: u16) -> Heard {
    let location = Location::parse(path).unwrap();
    let settings = SourceSettings { wanted: Wanted::Sound, ..SourceSettings::new(location) };
    let mut source = percept::source::open(&settings, &Stop::new()).unwrap();
    assert!(source.video().is_none());
    let metrics = Metrics::new().stream(&StreamId::new("test").unwrap());
    let settings = SoundSettings { rate, channels };
    let mut decoder = SoundDecoder::new(source.audio().unwrap(), true, settings, &metrics).unwrap();
    let mut timeline = Timeline::new();
    let mut chunks = Vec::new();
    while let Some(packet) = source.read().unwrap() {
        decoder.push(&packet, &mut timeline, &mut chunks);
    }
    decoder.finish(&mut timeline, &mut chunks);
    Heard { chunks, metrics }
}

/// Amplitude of one frequency in mono sound: 1 for a sine of full scale.
#[allow(dead_code, reason = "not every test crate listens")]
pub fn amplitude(samples: &[f32], rate: u32, frequency: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * frequency * n as f64 / f64::from(rate);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * f64::hypot(re, im) / samples.len() as f64
}

/// Index of the first sample that is louder than `level`.
#[allow(dead_code, reason = "not every test crate listens")]
pub fn onset(samples: &[f32], level: f32) -> Option<usize> {
    samples.iter().position(|sample| sample.abs() > level)
}
