//! The whole line on one clip, against a loop that decodes every frame.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{BenchError, Line, LineReport};
use crate::data::StreamId;
use crate::decode::{DecodeMode, DecodeSettings};
use crate::model::{Model, ModelSettings};
use crate::source::{self, Location, SourceSettings, Wanted};
use crate::telemetry::metrics::Metrics;
use crate::topology::{Wants, watch_clip};
use crate::window::{Plan, SoundPlan};

/// Time between looks, both ways.
const HOP: Duration = Duration::from_secs(2);

pub fn measure(settings: &ModelSettings, clip: &Path) -> Result<LineReport, BenchError> {
    let location = Location::parse(&clip.to_string_lossy())?;
    source::init();
    let source = SourceSettings { wanted: Wanted::Both, ..SourceSettings::new(location) };
    let opened = source::open(&source, &crate::supervise::Stop::new())?;
    let rate = opened.video().map(|track| track.frame_rate);
    let (clip_seconds, rate) = match (opened.duration(), rate) {
        (Some(duration), Some(rate)) if rate.numerator() > 0 && rate.denominator() > 0 => {
            (duration.as_secs_f64(), f64::from(rate))
        }
        _ => return Err(BenchError::Clip { clip: clip.to_owned() }),
    };
    let mut description = opened.description();
    drop(opened);

    let mut model = Model::load(&ModelSettings { threads: 1, max_batch: 1, ..settings.clone() })?;
    let Some(input) = model.manifest().pictures().cloned() else {
        return Err(BenchError::NoPictures {
            clip: clip.to_owned(),
            model: model.manifest().name.clone(),
        });
    };
    let unfit = |_| BenchError::Clip { clip: clip.to_owned() };
    let plan = Plan::new(&input, HOP).map_err(unfit)?;
    let sound = match model.manifest().sound() {
        Some(input) => Some(SoundPlan::new(input, HOP, model.manifest()).map_err(unfit)?),
        None => None,
    };
    description.heard = description.heard.filter(|_| sound.is_some());
    let source = SourceSettings { wanted: Wanted::of(true, sound.is_some()), ..source };
    let percept =
        DecodeSettings { interval: plan.interval, ..DecodeSettings::of(&input, plan.step) };
    // A look every two seconds of frames that come one by one.
    let frame = Duration::from_secs_f64(1.0 / rate);
    let every =
        DecodeSettings { interval: None, step: frame, mode: DecodeMode::All, ..percept.clone() };
    let stride = (HOP.as_secs_f64() * rate).round() as usize;
    let every_plan = Plan { step: frame, stride, looks_every: stride, interval: None, ..plan };

    let mut run = |decode: &DecodeSettings, plan: &Plan| -> Result<Line, BenchError> {
        let metrics = Metrics::new().stream(&StreamId::new("clip").expect("a valid name"));
        let mut windows = 0;
        let began = thread_cpu()?;
        let wants = Wants { pictures: Some((decode.clone(), *plan)), sound, points: None };
        watch_clip(&mut model, &source, &wants, &metrics, |_| windows += 1)?;
        let cpu_seconds = thread_cpu()? - began;
        Ok(Line {
            cpu_seconds,
            streams_a_core: clip_seconds / cpu_seconds,
            frames_decoded: Some(metrics.frames_decoded.get()),
            windows: Some(windows),
        })
    };
    // Once to warm the file's pages and the model.
    run(&percept, &plan)?;
    let (percept, every_frame) = (run(&percept, &plan)?, run(&every, &every_plan)?);
    Ok(LineReport {
        clip: description.to_string(),
        clip_seconds,
        every_frame,
        percept,
        ratio: every_frame.cpu_seconds / percept.cpu_seconds,
        ffmpeg: ffmpeg(clip, input.size, sound, clip_seconds),
    })
}

/// CPU seconds of the calling thread so far, from the kernel's scheduler.
fn thread_cpu() -> Result<f64, BenchError> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(BenchError::Cpu)?;
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    Ok(nanoseconds.unwrap_or(f64::NAN) / 1e9)
}

/// `ffmpeg -benchmark` says its own CPU time. It decodes and resamples the sound, too, where that
/// is heard.
fn ffmpeg(
    clip: &Path,
    [height, width]: [usize; 2],
    sound: Option<SoundPlan>,
    clip_seconds: f64,
) -> Option<Line> {
    let heard = sound.map(|plan| [plan.rate.to_string(), plan.channels.to_string()]);
    let heard =
        heard.iter().flat_map(|[rate, channels]| ["-map", "0:a:0?", "-ar", rate, "-ac", channels]);
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-benchmark", "-threads", "1", "-filter_threads", "1"])
        .arg("-i")
        .arg(clip)
        .args(["-map", "0:v:0", "-vf", &format!("scale={width}:{height}:flags=area")])
        .args(["-pix_fmt", "rgb24"])
        .args(heard)
        .args(["-f", "null", "-"])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = told.lines().find(|line| line.contains("bench: utime="))?;
    let seconds = |name: &str| -> Option<f64> {
        let rest = &line[line.find(name)? + name.len()..];
        rest[..rest.find('s')?].parse().ok()
    };
    let cpu_seconds = seconds("utime=")? + seconds("stime=")?;
    let streams_a_core = clip_seconds / cpu_seconds;
    Some(Line { cpu_seconds, streams_a_core, frames_decoded: None, windows: None })
}
