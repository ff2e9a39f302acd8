//! `percept model test`: a model's scores over clips, or of pictures.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use super::exit::Failure;
use crate::data::{StreamId, WindowScores};
use crate::decode::DecodeSettings;
use crate::model::{Model, ModelSettings};
use crate::source::{self, Location, SourceSettings, is_picture};
use crate::telemetry::metrics::{DropReason, Metrics};
use crate::topology::watch_clip;
use crate::window::Plan;

/// Time between looks; as `percept run` without a hop of its own.
const HOP: Duration = Duration::from_secs(2);
/// Scores of a model with more labels than this are told best first.
const COLUMNS: usize = 12;
/// How many of those.
const BEST: usize = 5;

/// Tells the scores of each clip or picture, one after another.
pub fn test(settings: &ModelSettings, clips: &[PathBuf], json: bool) -> Result<(), Failure> {
    let locations: Result<Vec<_>, _> =
        clips.iter().map(|clip| Location::parse(&clip.to_string_lossy())).collect();
    let locations = locations.map_err(|error| Failure::refused_by(&error))?;
    source::init();
    let mut model = Model::load(settings).map_err(|error| Failure::refused_by(&error))?;
    let manifest = model.manifest().clone();
    let Some(input) = manifest.pictures() else {
        return Err(Failure::refused(format!(
            "{}: this model takes no pictures, so a clip cannot show it anything",
            settings.path.display()
        )));
    };
    let plan = Plan::new(input, HOP).map_err(|error| Failure::refused_by(&error))?;
    let decode = DecodeSettings { interval: plan.interval, ..DecodeSettings::of(input, plan.step) };
    let metrics = Metrics::new().stream(&StreamId::new("clip").expect("a valid name"));
    for (clip, location) in clips.iter().zip(locations) {
        let form = match &location {
            _ if json => Form::Json(clip.to_string_lossy()),
            Location::File(path) if is_picture(path) => Form::Best,
            _ if manifest.output.labels.len() <= COLUMNS => Form::Columns,
            _ => Form::BestOfEach,
        };
        if clips.len() > 1 && !json {
            println!("{}", clip.display());
        }
        form.begin(&manifest.output.labels);
        let mut windows = 0;
        let source = SourceSettings::new(location);
        watch_clip(&mut model, &source, &decode, &plan, &metrics, |scores| {
            windows += 1;
            form.tell(&manifest.output.labels, &scores);
        })
        .map_err(|error| Failure::refused_by(&error))?;
        if windows == 0 {
            let partial = metrics.windows_dropped(DropReason::Partial).get();
            return Err(Failure::refused(format!(
                "{}: too short for one window of {} frames about {:?} apart ({partial} partial \
                 window): take a longer clip",
                clip.display(),
                input.frames,
                plan.step
            )));
        }
    }
    Ok(())
}

/// How scores are written.
enum Form<'a> {
    /// A line a look, a column a label.
    Columns,
    /// A line a look, the best labels in it.
    BestOfEach,
    /// The best labels, one a line: of a picture.
    Best,
    /// A JSON object a look, every score of it unrounded; the file's name.
    Json(Cow<'a, str>),
}

impl Form<'_> {
    fn begin(&self, labels: &[String]) {
        if matches!(self, Self::Columns) {
            println!("seconds  {}", labels.join("  "));
        }
    }

    fn tell(&self, labels: &[String], window: &WindowScores) {
        let seconds = window.end.media.as_seconds();
        let all = labels.iter().zip(&window.scores);
        match self {
            Self::Columns => {
                let told: Vec<_> =
                    all.map(|(l, s)| format!("{s:>width$.3}", width = l.len())).collect();
                println!("{seconds:>7.2}  {}", told.join("  "));
            }
            Self::BestOfEach => {
                let told: Vec<_> = best(all).map(|(l, s)| format!("{l} {s:.3}")).collect();
                println!("{seconds:>7.2}  {}", told.join(", "));
            }
            Self::Best => best(all).for_each(|(label, score)| println!("{score:.4}  {label}")),
            Self::Json(file) => {
                let scores: serde_json::Map<_, _> =
                    all.map(|(label, score)| (label.clone(), (*score).into())).collect();
                let told = serde_json::json!({
                    "file": file, "seconds": seconds, "scores": scores
                });
                println!("{told}");
            }
        }
    }
}

/// The best labels and their scores, best first.
fn best<'a>(
    all: impl Iterator<Item = (&'a String, &'a f32)>,
) -> impl Iterator<Item = (&'a String, &'a f32)> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| b.1.total_cmp(a.1));
    all.into_iter().take(BEST)
}
