//! `percept model test`: a model's scores over clips, or of pictures.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use super::exit::Failure;
use super::prepare::unfit;
use crate::data::{Manifest, StreamId, WindowScores};
use crate::decode::DecodeSettings;
use crate::model::{Model, ModelSettings};
use crate::source::{self, Location, SourceSettings, Wanted, is_single};
use crate::telemetry::metrics::{DropReason, Metrics};
use crate::topology::{Wants, watch_clip};
use crate::window::{HopError, Plan, SoundPlan};

/// Time between looks; as `percept run` without a hop of its own.
const HOP: Duration = Duration::from_secs(2);
/// Scores of a model with more labels than this are told best first.
const COLUMNS: usize = 16;
/// How many of those.
const BEST: usize = 5;

/// Tells the scores of each clip or picture, one after another.
pub fn test(settings: &ModelSettings, clips: &[PathBuf], json: bool) -> Result<(), Failure> {
    let locations: Result<Vec<_>, _> =
        clips.iter().map(|clip| Location::parse_argument(clip.as_os_str())).collect();
    let locations = locations.map_err(|error| Failure::refused_by(&error))?;
    source::init();
    let mut model = Model::load(settings).map_err(|error| Failure::refused_by(&error))?;
    model.warn_of_passed_over();
    let manifest = model.manifest().clone();
    let wants = wants(&manifest).map_err(|error| Failure::refused_by(&error))?;
    let metrics = Metrics::new().stream(&StreamId::new("clip").expect("a valid name"));
    for (clip, location) in clips.iter().zip(locations) {
        if let Some((problem, fix)) = unfit(&location, &manifest) {
            return Err(Failure::refused(format!("{}: {problem}; {fix}", clip.display())));
        }
        let form = match &location {
            _ if json => Form::Json(clip.to_string_lossy()),
            Location::File(path) if is_single(path) => Form::Best,
            _ if manifest.output.labels.len() <= COLUMNS => Form::Columns,
            _ => Form::BestOfEach,
        };
        if clips.len() > 1 && !json {
            println!("{}", clip.display());
        }
        form.begin(&manifest.output.labels);
        let mut windows = 0;
        let wanted = Wanted::of(wants.pictures.is_some(), wants.sound.is_some());
        let source = SourceSettings { wanted, ..SourceSettings::new(location) };
        let pictures = watch_clip(&mut model, &source, &wants, &metrics, |scores| {
            windows += 1;
            form.tell(&manifest.output.labels, &scores);
        });
        let pictures = pictures.map_err(|error| Failure::refused_by(&error))?;
        if windows == 0 {
            let partial = metrics.windows_dropped(DropReason::Partial).get();
            let wanted = match (wants.plan().filter(|_| pictures), wants.sound) {
                (Some(plan), _) => format!("{} frames about {:?} apart", plan.frames, plan.step),
                (None, Some(sound)) => format!("{:?} of sound", sound.duration()),
                (None, None) => "nothing".into(),
            };
            return Err(Failure::refused(format!(
                "{}: too short for one window of {wanted} ({partial} partial window): take a \
                 longer clip",
                clip.display(),
            )));
        }
    }
    Ok(())
}

fn wants(manifest: &Manifest) -> Result<Wants, HopError> {
    let pictures = match manifest.pictures() {
        Some(input) => {
            let plan = Plan::new(input, HOP)?;
            let interval = plan.interval;
            Some((DecodeSettings { interval, ..DecodeSettings::of(input, plan.step) }, plan))
        }
        None => None,
    };
    let sound = match manifest.sound() {
        Some(input) => Some(SoundPlan::new(input, HOP, manifest)?),
        None => None,
    };
    let points = manifest.points().map(|input| input.points);
    Ok(Wants { pictures, sound, points })
}

/// How scores are written.
enum Form<'a> {
    /// A line a look, a column a label; a dash where the label judges what is missing.
    Columns,
    /// A line a look, the best labels in it.
    BestOfEach,
    /// The best labels, one a line: of a picture.
    Best,
    /// A JSON object a look, every score that there is unrounded; the file's name.
    Json(Cow<'a, str>),
}

impl Form<'_> {
    fn begin(&self, labels: &[String]) {
        if matches!(self, Self::Columns) {
            let names: Vec<_> = labels.iter().map(|l| format!("{l:>0$}", width(l))).collect();
            println!("seconds  {}", names.join("  "));
        }
    }

    fn tell(&self, labels: &[String], window: &WindowScores) {
        let seconds = window.end.media.as_seconds();
        let all = labels.iter().zip(window.scores.iter().copied());
        let judged = all.clone().filter_map(|(label, score)| Some((label, score?)));
        match self {
            Self::Columns => {
                let cell = |label: &String, score: Option<f32>| match score {
                    Some(score) => format!("{score:>0$.3}", width(label)),
                    None => format!("{:>1$}", "-", width(label)),
                };
                let told: Vec<_> = all.map(|(label, score)| cell(label, score)).collect();
                println!("{seconds:>7.2}  {}", told.join("  "));
            }
            Self::BestOfEach => {
                let told: Vec<_> = best(judged).map(|(l, s)| format!("{l} {s:.3}")).collect();
                println!("{seconds:>7.2}  {}", told.join(", "));
            }
            Self::Best => best(judged).for_each(|(label, score)| println!("{score:.4}  {label}")),
            Self::Json(file) => {
                let scores: serde_json::Map<_, _> =
                    judged.map(|(label, score)| (label.clone(), score.into())).collect();
                let told = serde_json::json!({
                    "file": file, "seconds": seconds, "scores": scores
                });
                println!("{told}");
            }
        }
    }
}

/// Of a label's column.
fn width(label: &str) -> usize {
    label.len().max("0.000".len())
}

/// The best labels and their scores, best first.
fn best<'a>(
    all: impl Iterator<Item = (&'a String, f32)>,
) -> impl Iterator<Item = (&'a String, f32)> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.into_iter().take(BEST)
}
