//! `percept model test`: a model's scores over a clip.

use std::path::Path;
use std::time::Duration;

use super::exit::Failure;
use crate::data::{Manifest, StreamId};
use crate::decode::DecodeSettings;
use crate::model::{Model, ModelSettings};
use crate::source::{self, Location, SourceSettings, Wanted};
use crate::telemetry::metrics::{DropReason, Metrics};
use crate::topology::{Wants, watch_clip};
use crate::window::{HopError, Plan, SoundPlan};

/// Time between looks; as `percept run` without a hop of its own.
const HOP: Duration = Duration::from_secs(2);
/// Scores of a model with more labels than this are told best first.
const COLUMNS: usize = 12;

pub fn test(settings: &ModelSettings, clip: &Path) -> Result<(), Failure> {
    let location = Location::parse(&clip.to_string_lossy()).map_err(|e| Failure::refused_by(&e))?;
    source::init();
    let mut model = Model::load(settings).map_err(|error| Failure::refused_by(&error))?;
    let manifest = model.manifest().clone();
    let wants = wants(&manifest).map_err(|error| Failure::refused_by(&error))?;
    if wants.pictures.is_none() && wants.sound.is_none() {
        return Err(Failure::refused(format!(
            "{}: this model takes neither pictures nor sound, so a clip cannot show it anything",
            settings.path.display()
        )));
    }
    let metrics = Metrics::new().stream(&StreamId::new("clip").expect("a valid name"));
    let labels = &manifest.output.labels;
    let wide = labels.len() <= COLUMNS;
    if wide {
        println!("seconds  {}", labels.join("  "));
    }
    let mut windows = 0;
    let wanted = Wanted::of(wants.pictures.is_some(), wants.sound.is_some());
    let source = SourceSettings { wanted, ..SourceSettings::new(location) };
    watch_clip(&mut model, &source, &wants, &metrics, |scores| {
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
        let wanted = match (wants.plan(), wants.sound) {
            (Some(plan), _) => format!("{} frames about {:?} apart", plan.frames, plan.step),
            (None, Some(plan)) => format!("{:?} of sound", plan.duration()),
            (None, None) => "nothing".into(),
        };
        return Err(Failure::refused(format!(
            "{}: too short for one window of {wanted} ({partial} partial window): take a longer \
             clip",
            clip.display(),
        )));
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
    let sound = manifest.sound().map(|input| SoundPlan::new(input, HOP)).transpose()?;
    Ok(Wants { pictures, sound })
}
