//! A flash and a beep that happen at once are seen and heard at once: in files of every kind,
//! while the sound's clock drifts, and over RTSP before and after a reconnect.

mod media;
mod program;

use std::time::{Duration, Instant};

use media::Clip;
use percept::data::{StreamId, Window};
use percept::decode::{DecodeMode, DecodeSettings, Timeline};
use percept::source::{Location, Source, SourceSettings, Wanted};
use percept::supervise::Stop;
use percept::telemetry::metrics::{Metrics, StreamMetrics};
use percept::topology::{Decoders, Wants};
use percept::window::{Plan, SoundPlan, Windower};
use program::Camera;

const RATE: u32 = 16_000;
/// A picture at 25 a second.
const FRAME: Duration = Duration::from_millis(40);
const SAMPLES: usize = RATE as usize * 3 / 2;

/// A white flash and a beep of a tenth of a second, every two seconds.
const FLASHES: &str = "color=black:size=320x240:rate=25,\
     drawbox=color=white:t=fill:enable='lt(mod(t+0.001,2),0.1)'";
const BEEPS: &str = "if(lt(mod(t,2),0.1),0.5*sin(2*PI*1000*t),0)";

/// Makes `seconds` of both with the encoders' arguments; `filter` may follow the sound's graph.
fn flash_and_beep(clip: &Clip, name: &str, seconds: u32, filter: &str, encoders: &str) -> String {
    let path = clip.path(name);
    let beeps = format!("aevalsrc='{BEEPS}':s=48000{filter}");
    let seconds = seconds.to_string();
    let mut arguments = vec!["-f", "lavfi", "-i", FLASHES, "-f", "lavfi", "-i", &beeps];
    arguments.extend(["-t", &seconds, "-threads", "1", "-pix_fmt", "yuv420p"]);
    arguments.extend(encoders.split_whitespace());
    arguments.push(&path);
    clip.ffmpeg(&arguments);
    path
}

/// One stream as `percept run` has it: every frame a window, with a second and a half of sound.
struct Line {
    settings: SourceSettings,
    wants: Wants,
    metrics: StreamMetrics,
    timeline: Timeline,
    windower: Windower,
    windows: Vec<Window>,
}

impl Line {
    fn new(source: &str) -> Self {
        let location = Location::parse(source).unwrap();
        let settings = SourceSettings { wanted: Wanted::Both, ..SourceSettings::new(location) };
        let plan = Plan {
            frames: 1,
            step: FRAME / 2,
            stride: 1,
            looks_every: 1,
            longest_gap: None,
            interval: None,
        };
        let decode =
            DecodeSettings { mode: DecodeMode::All, ..DecodeSettings::new([8, 8], plan.step) };
        let (channels, samples) = (1, SAMPLES);
        let sound =
            SoundPlan { rate: RATE, channels, samples, hop: FRAME, whole: false, alone: false };
        let stream = StreamId::new("s").unwrap();
        let metrics = Metrics::new().stream(&stream);
        let windower = Windower::new(stream, Some(plan), Some(sound), metrics.clone());
        let wants = Wants { pictures: Some((decode, plan)), sound: Some(sound), points: None };
        let (timeline, windows) = (Timeline::new(), Vec::new());
        Self { settings, wants, metrics, timeline, windower, windows }
    }

    /// Connects, as often as it takes, and watches until `enough`, or to the end or a fault.
    fn watch(&mut self, mut enough: impl FnMut(&[Window]) -> bool) {
        let deadline = Instant::now() + program::PATIENCE;
        let mut source: Source = loop {
            match percept::source::open(&self.settings, &Stop::new()) {
                Ok(source) => break source,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::park_timeout(Duration::from_millis(50));
        };
        let mut decoders = Decoders::new(&source, &self.wants, &self.metrics).unwrap();
        self.windower.begin(decoders.has_pictures(), decoders.has_sound(), source.is_live());
        let (timeline, windower) = (&mut self.timeline, &mut self.windower);
        while let Ok(Some(packet)) = source.read() {
            decoders.push(&packet, timeline, windower, &mut self.windows, |_| {}).unwrap();
            if enough(&self.windows) {
                return;
            }
        }
        decoders.finish(timeline, windower, &mut self.windows, |_| {}).unwrap();
    }

    /// As the stream's thread does between two connections.
    fn lost(&mut self) {
        self.windower.clear();
        self.timeline.reconnected();
    }
}

fn is_white(window: &Window) -> bool {
    window.frames[0].pixels[0] > 128
}

/// Seconds by which each beep comes after its flash, and when that was.
fn offsets(windows: &[Window]) -> Vec<(f64, f64)> {
    let mut found = Vec::new();
    for (n, pair) in windows.windows(2).enumerate() {
        if pair[0].end.segment != pair[1].end.segment || is_white(&pair[0]) || !is_white(&pair[1]) {
            continue;
        }
        let flash = pair[1].end.media.as_seconds();
        // Half a second later, the beep lies in the middle of what is heard.
        let Some(later) = windows[n..].iter().find(|window| {
            window.end.segment == pair[1].end.segment
                && window.end.media.as_seconds() >= flash + 0.6
        }) else {
            continue;
        };
        let Some(sound) = &later.sound else { continue };
        let onset = media::onset(&sound.samples, 0.1).expect("a beep within 0.9 s of its flash");
        let began = later.end.media.as_seconds() - (SAMPLES - onset) as f64 / f64::from(RATE);
        found.push((flash, began - flash));
    }
    found
}

#[test]
fn files_of_every_kind() {
    let clip = Clip::new();
    let h264 = "-c:v libx264 -preset ultrafast -g 50";
    for (name, sound) in [
        ("aac.mp4", "-c:a aac"),
        ("aac.ts", "-c:a aac -ac 2"),
        ("mp3.mkv", "-c:a libmp3lame"),
        ("opus.mkv", "-c:a libopus"),
        ("surround.mkv", "-ac 6 -c:a ac3"),
        ("aac.flv", "-c:a aac -ar 44100"),
        ("alaw.mov", "-c:a pcm_alaw -ar 8000"),
    ] {
        let path = flash_and_beep(&clip, name, 7, "", &format!("{h264} {sound}"));
        let mut line = Line::new(&path);
        line.watch(|_| false);
        let offsets = offsets(&line.windows);
        assert_eq!(offsets.len(), 3, "{name}: {offsets:?}");
        for (flash, offset) in offsets {
            assert!(offset.abs() < 0.015, "{name}: {offset} s at {flash}");
        }
        assert_eq!(line.windows.len(), 7 * 25, "{name}");
        let early = line.windows.iter().filter(|window| window.sound.is_none()).count();
        assert!(early <= 20, "{name}: only while half of the sound is still missing: {early}");
    }
}

/// The sound's samples come a thousandth too slowly for its timestamps; in a minute that is one
/// picture and a half.
#[test]
fn a_minute_of_drift() {
    let clip = Clip::new();
    for (name, speed) in [("slow.mkv", "1.001"), ("fast.mkv", "0.999")] {
        // Beeps where the flashes are by the clock of the timestamps.
        let beeps = BEEPS.replace("mod(t,2)", &format!("mod(t*{speed},2)"));
        let path = clip.path(name);
        let sound = format!("aevalsrc='{beeps}':s=48000,asetpts=PTS*{speed}");
        let mut arguments = vec!["-f", "lavfi", "-i", FLASHES, "-f", "lavfi", "-i", &sound];
        arguments.extend(["-t", "60", "-pix_fmt", "yuv420p", "-c:v", "libx264"]);
        arguments.extend(["-preset", "ultrafast", "-c:a", "pcm_s16le", &path]);
        clip.ffmpeg(&arguments);
        let mut line = Line::new(&path);
        line.watch(|_| false);
        let offsets = offsets(&line.windows);
        assert!(offsets.len() >= 28, "{name}: {offsets:?}");
        for (flash, offset) in offsets {
            assert!(offset.abs() < 0.02, "{name}: {offset} s at {flash}");
        }
        assert_eq!(line.metrics.audio.gaps.get(), 0, "{name}");
        assert_eq!(line.metrics.audio.trimmed_seconds.get(), 0.0, "{name}");
    }
}

#[test]
fn sound_that_begins_late_or_stops() {
    let clip = Clip::new();
    let encoders = "-c:v libx264 -preset ultrafast -g 50 -c:a aac -b:a 128k";
    let late = flash_and_beep(&clip, "whole.mp4", 12, "", encoders);
    // Sound from 5 s to 9 s of 12.
    let some = clip.path("some.mp4");
    let cut = "atrim=5:9";
    let inputs = ["-i", &late, "-filter_complex", &format!("[0:a]{cut}[a]"), "-map", "0:v"];
    let outputs = ["-map", "[a]", "-c:v", "copy", "-c:a", "aac", "-copyts", &some];
    clip.ffmpeg(&[&inputs[..], &outputs[..]].concat());
    let mut line = Line::new(&some);
    line.watch(|_| false);
    assert_eq!(line.windows.len(), 12 * 25, "every picture is looked at");
    let heard: Vec<f64> = line
        .windows
        .iter()
        .filter(|window| window.sound.is_some())
        .map(|window| window.end.media.as_seconds())
        .collect();
    let (first, last) = (heard[0], heard[heard.len() - 1]);
    assert!((5.7..5.9).contains(&first) && (9.6..9.8).contains(&last), "{first} to {last}");
    let offsets = offsets(&line.windows);
    assert_eq!(offsets.len(), 2, "at 6 and at 8: {offsets:?}");
    assert!(offsets.iter().all(|(_, offset)| offset.abs() < 0.015), "{offsets:?}");
    assert_eq!(line.metrics.audio.absent.get() as usize, 12 * 25 - heard.len());
}

#[test]
fn over_rtsp_before_and_after_a_reconnect() {
    let clip = Clip::new();
    for (name, sound) in [("aac.mp4", "-c:a aac"), ("alaw.mov", "-c:a pcm_alaw -ar 8000 -ac 1")] {
        let h264 = "-c:v libx264 -preset ultrafast -g 25 -bf 0";
        let path = flash_and_beep(&clip, name, 20, "", &format!("{h264} {sound}"));
        let mut camera = Camera::start(std::path::Path::new(&path), &[]);
        let mut line = Line::new(&camera.url(""));
        line.watch(|windows| offsets(windows).len() >= 3);
        let before = offsets(&line.windows);
        camera.kill();
        line.lost();
        let seen = line.windows.len();
        camera.restart();
        line.watch(|windows| offsets(&windows[seen..]).len() >= 3);
        let after = offsets(&line.windows[seen..]);
        let segments = [&line.windows[0], &line.windows[seen]].map(|window| window.end.segment);
        assert_ne!(segments[0], segments[1], "{name}");
        assert!(line.windows[seen].end.media > line.windows[seen - 1].end.media);
        // The first may be heard before the camera has said how its two clocks go together.
        for (flash, offset) in before[1..].iter().chain(&after[1..]) {
            assert!(offset.abs() < FRAME.as_secs_f64(), "{name}: {offset} s at {flash}");
        }
    }
}
