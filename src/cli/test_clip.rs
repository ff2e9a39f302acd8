//! `percept model test`: a model's scores over a clip.

use std::path::Path;
use std::time::Duration;

use super::exit::Failure;
use crate::data::StreamId;
use crate::decode::DecodeSettings;
use crate::model::{Model, ModelSettings};
use crate::source::{self, Location, SourceSettings};
use crate::telemetry::metrics::{DropReason, Metrics};
use crate::topology::watch_clip;
use crate::window::Plan;

/// Time between looks; as `percept run` without a hop of its own.
const HOP: Duration = Duration::from_secs(2);
/// Scores of a model with more labels than this are told best first.
const COLUMNS: usize = 12;

pub fn test(settings: &ModelSettings, clip: &Path) -> Result<(), Failure> {
    let location = Location::parse(&clip.to_string_lossy()).map_err(|e| Failure::refused_by(&e))?;
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
    let labels = &manifest.output.labels;
    let wide = labels.len() <= COLUMNS;
    if wide {
        println!("seconds  {}", labels.join("  "));
    }
    let mut windows = 0;
    let source = SourceSettings::new(location);
    watch_clip(&mut model, &source, &decode, &plan, &metrics, |scores| {
        windows += 1;
        let time = scores.end.media.as_seconds();
        if wide {
            let told = labels.iter().zip(&scores.scores);
            let told: Vec<_> =
                told.map(|(l, s)| format!("{s:>width$.3}", width = l.len())).collect();
            println!("{time:>7.2}  {}", told.join("  "));
        } else {
            let mut best: Vec<_> = labels.iter().zip(&scores.scores).collect();
            best.sort_by(|a, b| b.1.total_cmp(a.1));
            let told: Vec<_> = best.iter().take(5).map(|(l, s)| format!("{l} {s:.3}")).collect();
            println!("{time:>7.2}  {}", told.join(", "));
        }
    })
    .map_err(|error| Failure::refused_by(&error))?;
    if windows == 0 {
        let partial = metrics.windows_dropped(DropReason::Partial).get();
        return Err(Failure::refused(format!(
            "{}: too short for one window of {} frames about {:?} apart ({partial} partial window): \
             take a longer clip",
            clip.display(),
            input.frames,
            plan.step
        )));
    }
    Ok(())
}
