//! Finds and reads the files.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use toml_edit::Document;

use super::checked::{Checked, Machine, Sink, Stream};
use super::environment::{self, Lookup};
use super::faults::{Faults, Place, Placed};
use super::keys::{self, Keys};
use super::machine;
use super::pipeline::{self, Pipeline};
use super::secret::Secret;
use super::walk::{Source, Table};
use crate::data::StreamId;
use crate::source::{Location, is_single};

/// Where the machine's file is looked for when none is named.
const MACHINE_FILES: [&str; 2] = ["config/percept.toml", "/etc/percept/percept.toml"];

impl Checked {
    /// Reads a pipeline and the machine's file (the named one; else `config/percept.toml`,
    /// else `/etc/percept/percept.toml`, else defaults), and gives all faults of both.
    pub fn load(pipeline: &Path, machine: Option<&Path>) -> Result<Self, Faults> {
        Self::load_with(pipeline, machine, &environment::process)
    }

    /// [`Checked::load`] with an environment of one's own.
    pub fn load_with(
        pipeline: &Path,
        machine: Option<&Path>,
        environment: Lookup<'_>,
    ) -> Result<Self, Faults> {
        let (checked, faults) = Self::read_with(pipeline, machine, environment);
        faults.or(checked)
    }

    /// What could be read beside all faults of both files, for checks that go on: what is
    /// wrong is left at its default, and a stream may lack its source.
    pub fn read(pipeline: &Path, machine: Option<&Path>) -> (Self, Faults) {
        Self::read_with(pipeline, machine, &environment::process)
    }

    fn read_with(
        pipeline: &Path,
        machine: Option<&Path>,
        environment: Lookup<'_>,
    ) -> (Self, Faults) {
        let mut faults = Faults::new();
        let mut files = vec![pipeline.to_owned()];
        let (Pipeline { model_known, model, streams, sinks }, found) =
            read_file(pipeline, &keys::PIPELINE, environment, pipeline::read);
        faults.append(found);
        let machine = read_machine(machine, environment, &mut files, &mut faults);
        (Self { model_known, model, streams, sinks, machine, files }, faults)
    }

    /// No pipeline: sources as given on the command line, each a stream with defaults.
    ///
    /// A stream is named after its source; where two would have the same name, `-2` and so
    /// on is added to the later ones. Several pictures or point clouds are one stream, `pictures`.
    /// What is wrong with a source is told by [`Checked::watches`], and with the machine's file
    /// beside what could be read, as by [`Checked::read`].
    pub fn from_sources(sources: &[impl AsRef<OsStr>], machine: Option<&Path>) -> (Self, Faults) {
        let mut faults = Faults::new();
        let mut files = Vec::new();
        let machine = read_machine(machine, &environment::process, &mut files, &mut faults);
        let mut streams: Vec<Stream> = Vec::new();
        let picture = |source: &OsStr| match Location::parse_argument(source) {
            Ok(Location::File(path)) if is_single(&path) => Some(path),
            _ => None,
        };
        let sources: Vec<_> = sources.iter().map(AsRef::as_ref).collect();
        let pictures: Vec<_> = sources.iter().copied().filter_map(picture).collect();
        let together = pictures.len() > 1;
        for source in sources.iter().copied() {
            if together && picture(source).is_some() {
                continue;
            }
            let place = Place::argument("SOURCE");
            let value = Secret::new(source.to_string_lossy());
            let location = Location::parse_argument(source).ok();
            let name = location.as_ref().map(Location::default_stream_name);
            let used = |name: &str| streams.iter().any(|stream| stream.name.as_str() == name);
            let name = unused_name(name.as_deref().unwrap_or("stream"), used);
            let named = location.filter(|_| source.to_str().is_none());
            streams.push(Stream { named, ..Stream::plain(name, Placed { value, place }) });
        }
        if together {
            let used = |name: &str| streams.iter().any(|stream| stream.name.as_str() == name);
            let name = unused_name("pictures", used);
            let value = Secret::new(pictures[0].to_string_lossy());
            let source = Placed { value, place: Place::argument("SOURCE") };
            let named = Some(Location::Pictures(pictures.into()));
            streams.push(Stream { named, ..Stream::plain(name, source) });
        }
        let sinks = vec![Sink::stdout(Place::argument("SOURCE"))];
        if sources.is_empty() {
            faults.push(&Place::argument("SOURCE"), "there is nothing to watch", "name a source");
        }
        (Self { model_known: true, model: None, streams, sinks, machine, files }, faults)
    }
}

/// The machine's file on its own, for commands that watch nothing.
pub fn load_machine(machine: Option<&Path>) -> Result<Machine, Faults> {
    let mut faults = Faults::new();
    let machine = read_machine(machine, &environment::process, &mut Vec::new(), &mut faults);
    faults.or(machine)
}

/// `name`, a valid one, or with a number if it is in use.
pub(super) fn unused_name(name: &str, used: impl Fn(&str) -> bool) -> StreamId {
    let mut unused = name.to_owned();
    let mut number = 2;
    while used(&unused) {
        // Leaves room for the number within a name's 64 characters.
        let stem: String = name.chars().take(56).collect();
        unused = format!("{stem}-{number}");
        number += 1;
    }
    StreamId::new(&unused).expect("a valid name, cut and numbered, is valid")
}

fn read_machine(
    named: Option<&Path>,
    environment: Lookup<'_>,
    files: &mut Vec<PathBuf>,
    faults: &mut Faults,
) -> Machine {
    let found = || MACHINE_FILES.iter().map(Path::new).find(|path| path.exists());
    let Some(path) = named.or_else(found) else { return Machine::default() };
    files.push(path.to_owned());
    let (machine, found) = read_file(path, &keys::MACHINE, environment, machine::read);
    faults.append(found);
    machine
}

/// A file that cannot be read, or is not TOML, gives one fault and the type's default.
fn read_file<T: Default>(
    path: &Path,
    keys: &'static Keys,
    environment: Lookup<'_>,
    read: impl FnOnce(&Table<'_>) -> T,
) -> (T, Faults) {
    let place = Place::new(path.display().to_string(), "", None);
    let mut faults = Faults::new();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let fix = match error.kind() {
                std::io::ErrorKind::NotFound => "check the path",
                std::io::ErrorKind::InvalidData => "save it as UTF-8",
                _ => "check that it is a file that you may read",
            };
            faults.push(&place, format!("cannot be read ({error})"), fix);
            return (T::default(), faults);
        }
    };
    read_text(&text, place, keys, environment, read)
}

pub(super) fn read_text<T: Default>(
    text: &str,
    place: Place,
    keys: &'static Keys,
    environment: Lookup<'_>,
    read: impl FnOnce(&Table<'_>) -> T,
) -> (T, Faults) {
    let source = Source { text, environment, faults: RefCell::default() };
    let value = match Document::parse(text) {
        Ok(document) => {
            let root = document.as_table();
            if let Some((problem, fix)) = other_kind(root, keys) {
                source.fault(&place, problem, fix);
                return (T::default(), source.faults.into_inner());
            }
            // Line 1 is where a fault of the whole file belongs.
            read(&Table::new(&source, root, keys, place.at_line(1)))
        }
        Err(error) => {
            // The message names what was expected; the text itself may hold a password.
            let place = place.within("", source.line(error.span()));
            source.fault(&place, format!("is not TOML: {}", error.message()), "");
            T::default()
        }
    };
    (value, source.faults.into_inner())
}

/// What to say where a file is of the other kind than it was given as.
fn other_kind(root: &toml_edit::Table, keys: &Keys) -> Option<(&'static str, &'static str)> {
    let has = |keys: &Keys, name| keys.get(name).is_some();
    let names = || root.iter().map(|(name, _)| name);
    // `model` is in both, as text in one and as a table in the other.
    let of = |one: &Keys, other: &Keys| {
        names().filter(|name| has(one, name) && !has(other, name)).count()
    };
    let (pipeline, machine) =
        (of(&keys::PIPELINE, &keys::MACHINE), of(&keys::MACHINE, &keys::PIPELINE));
    if std::ptr::eq(keys, &raw const keys::PIPELINE) && machine > 0 && pipeline == 0 {
        return Some((
            "this file says how a machine runs, and a pipeline is wanted, which says what to watch",
            "give this one with --config",
        ));
    }
    if std::ptr::eq(keys, &raw const keys::MACHINE) && pipeline > 0 && machine == 0 {
        return Some((
            "this file is a pipeline, and one is wanted that says how the machine runs",
            "give this one without --config; config/percept.toml is an example of the other",
        ));
    }
    None
}
