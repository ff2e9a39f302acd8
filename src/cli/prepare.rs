//! From what was asked to what can run: everything that can be refused is refused here.

use std::net::{SocketAddr, TcpListener};

use super::args::{Inputs, RunArgs};
use super::exit::Failure;
use crate::config::{Checked, Faults, Machine, Place, Stream, Watch};
use crate::data::{Manifest, chain};
use crate::label::LabelSettings;
use crate::model::{Model, read_manifest};
use crate::publish::SinkSettings;
#[cfg(feature = "microphone")]
use crate::source::SourceError;
use crate::source::{self, Location, SourceSettings, Takes, Wanted, is_cloud, is_single};
use crate::supervise::Stop;
use crate::topology::{StreamJob, Wants};
use crate::web::{self, WebError};

/// What a run needs, checked; nothing of it has begun.
pub struct Prepared {
    pub checked: Checked,
    pub model: Model,
    pub streams: Vec<(StreamJob, LabelSettings)>,
    /// Each with whether it is told of windows.
    pub sinks: Vec<(SinkSettings, bool)>,
}

/// Reads the files that `percept run` was given and what overrides them; gives their faults too.
pub fn load(args: &RunArgs) -> Result<(Checked, Faults), Failure> {
    let machine = args.machine.config.as_deref();
    let (mut checked, faults) = match args.inputs().map_err(Failure::refused)? {
        Inputs::Pipeline(path) => Checked::read(&path, machine),
        Inputs::Sources(sources) => Checked::from_sources(&sources, machine),
    };
    checked.apply(&args.overrides());
    Ok((checked, faults))
}

/// Takes the port of the metrics, for a run.
pub fn listen(machine: &Machine, faults: &mut Faults) -> Option<TcpListener> {
    at_address(machine, web::bind, faults)
}

/// Whether a run could listen at the address, were its port free: which one holds it is a matter of
/// the moment, and is most often the very percept that this check is made for.
pub fn check_address(machine: &Machine, faults: &mut Faults) {
    at_address(machine, web::check_address, faults);
}

fn at_address<T>(
    machine: &Machine,
    try_it: fn(SocketAddr) -> Result<T, WebError>,
    faults: &mut Faults,
) -> Option<T> {
    let refused = |error| faults.push(&Place::argument("--listen"), chain(&error), "");
    try_it(machine.http.listen?).map_err(refused).ok()
}

/// Checks everything but the port against the model and the file system.
///
/// # Errors
/// All faults that were found, at once: `faults` of the files first.
pub fn prepare(checked: Checked, mut faults: Faults) -> Result<Prepared, Faults> {
    // A file that was not read, or is wrong about it, does not say how the model is run.
    let loadable = !faults
        .iter()
        .any(|fault| fault.place.key().is_empty() || fault.place.key().starts_with("model"));
    let mut settings = checked.model_settings();
    let model_place = match &checked.model {
        Some(model) => model.place.clone(),
        None => Place::argument("--model"),
    };
    let manifest = checked.model_known.then(|| read_manifest(&settings.path));
    let manifest = manifest
        .and_then(|read| read.map_err(|error| faults.push(&model_place, chain(&error), "")).ok());

    let takes = manifest.as_ref().map_or(Takes::ANYTHING, |manifest| Takes {
        pictures: manifest.pictures().is_some(),
        clips_alone: manifest.pictures().is_some_and(|input| input.frames > 1),
        sound: manifest.sound().is_some(),
        points: manifest.points().is_some(),
    });
    let mut watches = checked.watches(takes, &mut faults);
    if let Some(manifest) = &manifest {
        let wanted = Wanted::of(manifest.pictures().is_some(), manifest.sound().is_some());
        watches.iter_mut().for_each(|watch| watch.source.wanted = wanted);
    }
    let alone = watches.len() == 1;
    watches.iter().for_each(|watch| try_source(watch, alone, &mut faults));
    let streams = match &manifest {
        Some(manifest) => jobs(&checked, watches, manifest, &mut faults),
        None => Vec::new(),
    };
    let sinks = checked.sinks().map_err(|found| faults.append(found)).unwrap_or_default();
    // A batch takes one window a stream: room for more would cost memory, of large models gigabytes.
    settings.max_batch = settings.max_batch.min(streams.len().max(1));
    // Loading takes a while, so it comes last; a manifest that is wrong was told above.
    let model = manifest.filter(|_| loadable).and_then(|_| {
        let refused = |error| faults.push(&model_place, chain(&error), "");
        Model::load(&settings).map_err(refused).ok()
    });
    match model {
        Some(model) => faults.or(Prepared { checked, model, streams, sinks }),
        None => Err(faults),
    }
}

/// A file or a graph is opened once before anything starts: one without what the model takes is
/// no stream, nor is a microphone for a model that does not listen. A microphone that the command
/// line names, or that is all there is to watch (`alone`), must be there, though it may be pulled
/// out later; of another it is said that it is not, for it may come. Of cameras and streams, which
/// may be away for a while, only the options are looked at.
///
/// A folder's clips are opened when their turn comes, for there may be thousands.
#[cfg_attr(
    not(feature = "microphone"),
    expect(unused_variables, reason = "a build without microphones refuses each of them")
)]
fn try_source(watch: &Watch<'_>, alone: bool, faults: &mut Faults) {
    let deaf = !watch.source.wanted.sound() || cfg!(not(feature = "microphone"));
    if watch.name != watch.stream.name {
        return;
    }
    let result = match &watch.source.location {
        Location::File(_) | Location::Lavfi(_) => {
            source::open(&watch.source, &Stop::new()).map(drop)
        }
        // Opens nothing: it is refused.
        Location::Microphone(_) if deaf => source::open(&watch.source, &Stop::new()).map(drop),
        #[cfg(feature = "microphone")]
        Location::Microphone(name) => {
            let place = &watch.stream.source.place;
            let there = source::check_microphone(name, &watch.source);
            if alone || place.is_argument() {
                there
            } else {
                await_microphone(place, there);
                Ok(())
            }
        }
        _ => source::check_options(&watch.source),
    };
    if let Err(error) = result {
        faults.push(&watch.stream.source.place, chain(&error), "");
    }
}

/// Says of a microphone that is not there that it is waited for.
#[cfg(feature = "microphone")]
fn await_microphone(place: &Place, there: Result<(), SourceError>) {
    if let Err(error) = there {
        let why = chain(&error);
        tracing::warn!(%place, why, "no such microphone yet: the streams start without it");
    }
}

fn jobs(
    checked: &Checked,
    watches: Vec<Watch<'_>>,
    manifest: &Manifest,
    faults: &mut Faults,
) -> Vec<(StreamJob, LabelSettings)> {
    let machine = &checked.machine;
    // Also of streams whose source is at fault.
    for stream in &checked.streams {
        stream.check_labels(&manifest.output, faults);
        let _ = wants(stream, manifest, machine, faults);
        let problem = stream.pair.as_ref().zip(unpaired(manifest));
        if let Some((pair, problem)) = problem {
            faults.push(&pair.place, problem, LEAVE_PAIR_OUT);
        }
    }
    let mut jobs = Vec::new();
    for Watch { name, source, stream } in watches {
        if let Some((problem, fix)) = unfit(&source.location, manifest) {
            faults.push(&stream.source.place, problem, fix);
            continue;
        }
        let Some(wants) = wants(stream, manifest, machine, faults) else { continue };
        let pair = paired(stream, &source, faults);
        let source = match &pair {
            Some(_) => SourceSettings { wanted: Wanted::Pictures, ..source },
            None => source,
        };
        let job = StreamJob { stream: name, source, pair, wants, reconnect: machine.reconnect };
        jobs.push((job, stream.labels.settings.clone()));
    }
    jobs
}

/// How a stream is decoded and cut into windows for this model; a fault where it cannot be.
fn wants(
    stream: &Stream,
    manifest: &Manifest,
    machine: &Machine,
    faults: &mut Faults,
) -> Option<Wants> {
    let pictures = match manifest.pictures() {
        Some(input) => {
            let plan = stream.plan(input, faults)?;
            Some((stream.decode_settings(input, &plan, machine.decoder_threads), plan))
        }
        None => None,
    };
    let sound = match manifest.sound() {
        Some(input) => Some(stream.sound_plan(input, manifest, faults)?),
        None => None,
    };
    Some(Wants { pictures, sound, points: manifest.points().map(|input| input.points) })
}

/// Why a source cannot give what the model takes, and what to do, where that can be seen from their
/// kinds.
pub(super) fn unfit(
    location: &Location,
    manifest: &Manifest,
) -> Option<(&'static str, &'static str)> {
    let files = match location {
        Location::Pictures(files) => &files[..],
        Location::File(path) if is_single(path) => std::slice::from_ref(path),
        _ => &[],
    };
    if files.is_empty() {
        let deaf_and_blind = manifest.pictures().is_none() && manifest.sound().is_none();
        return deaf_and_blind.then_some((
            "this gives pictures or sound, but the model takes point clouds",
            "give it .ply or .xyz files, or a folder of them",
        ));
    }
    let clouds = files.iter().filter(|path| is_cloud(path)).count();
    if clouds > 0 && manifest.points().is_none() {
        Some(("there are point clouds, but this model takes none", "use a model that takes points"))
    } else if clouds < files.len() && manifest.pictures().is_none() {
        Some((
            "there are single pictures, but this model takes none",
            "use a model that takes pictures",
        ))
    } else {
        None
    }
}

const LEAVE_PAIR_OUT: &str = "leave pair out";

/// Why a model has no use for a microphone beside a camera.
fn unpaired(manifest: &Manifest) -> Option<&'static str> {
    if manifest.sound().is_none() {
        Some("a microphone, but the model does not listen")
    } else if manifest.pictures().is_none() {
        Some("a microphone beside a camera, but the model takes no pictures")
    } else {
        None
    }
}

/// The microphone that is heard with a camera; a fault where the source is none.
fn paired(stream: &Stream, source: &SourceSettings, faults: &mut Faults) -> Option<SourceSettings> {
    let pair = stream.pair.as_ref()?;
    if !source.location.is_live() || matches!(source.location, Location::Microphone(_)) {
        let problem = "a microphone, but the source is no camera, whose pictures it could go with";
        faults.push(&pair.place, problem, LEAVE_PAIR_OUT);
        return None;
    }
    let location = pair.value.clone();
    let stall_timeout = stream.stall_timeout;
    let settings =
        SourceSettings { wanted: Wanted::Sound, stall_timeout, ..SourceSettings::new(location) };
    #[cfg(feature = "microphone")]
    if let Location::Microphone(name) = &settings.location {
        await_microphone(&pair.place, source::check_microphone(name, &settings));
    }
    #[cfg(not(feature = "microphone"))]
    if let Err(error) = source::open(&settings, &Stop::new()) {
        faults.push(&pair.place, chain(&error), LEAVE_PAIR_OUT);
        return None;
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.mp4");
        std::fs::write(&text, "no video").unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let pipeline = folder.path().join("p.toml");
        let toml = format!(
            "model = \"missing.onnx\"\n[[streams]]\nname = \"a\"\nsource = {text:?}\n\
             [[streams]]\nname = \"b\"\nsource = \"/nowhere/clip.mp4\"\n\
             [[sinks]]\ntype = \"file\"\npath = \"/nowhere/events.jsonl\"\n"
        );
        std::fs::write(&pipeline, toml).unwrap();
        source::init();
        let mut checked = Checked::load(&pipeline, None).unwrap();
        checked.machine.http.listen = Some(taken.local_addr().unwrap());
        let mut faults = Faults::new();
        assert!(listen(&checked.machine, &mut faults).is_none());
        let Err(faults) = prepare(checked, faults) else { panic!("must be refused") };
        let told = faults.to_string();
        for part in ["missing.onnx", "/nowhere/clip.mp4", "/nowhere/events.jsonl", "in use"] {
            assert!(told.contains(part), "{part} is not told of:\n{told}");
        }
    }
}
