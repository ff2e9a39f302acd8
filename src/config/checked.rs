//! The configuration after it was checked: no value here can be out of its range.
//!
//! Plain data in the modules' own types, with the places that later checks need for
//! their faults. [`super::bridge`] makes the rest of those types from it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::faults::{Place, Placed};
use super::secret::Secret;
use crate::data::StreamId;
use crate::decode::{DecodeMode, Rect};
use crate::label::LabelSettings;
use crate::model::ModelSettings;
use crate::publish::SinkSettings;
use crate::source::{Location, Transport};
use crate::supervise::Reconnect;
use crate::telemetry::logging::LogSettings;
use crate::web::WebSettings;

/// All that `percept run` needs to know.
#[derive(Debug, Clone)]
pub struct Checked {
    /// `None`: the default model.
    pub model: Option<Placed<PathBuf>>,
    /// Whether that is what was meant: not where a fault of the pipeline hides its model.
    pub model_known: bool,
    /// Never empty, and names are unique, where there was no fault.
    pub streams: Vec<Stream>,
    /// Empty: events go nowhere but into metrics.
    pub sinks: Vec<Sink>,
    pub machine: Machine,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

/// One stream to watch.
#[derive(Debug, Clone)]
pub struct Stream {
    pub name: StreamId,
    /// URL, path, device or `lavfi:`, as written.
    pub source: Placed<Secret>,
    /// Whether there is a source: not where that was a fault of the file.
    pub has_source: bool,
    /// The microphone that is heard with it.
    pub pair: Option<Placed<Location>>,
    /// What the command line named and no text says: pictures that make one stream, or a path
    /// that is not UTF-8; goes before `source`.
    pub named: Option<Location>,
    /// To be joined to the URL.
    pub user: Option<Placed<Secret>>,
    /// Only where there is a user.
    pub password: Option<Placed<Secret>>,
    pub transport: Transport,
    pub stall_timeout: Duration,
    pub hop: Placed<Duration>,
    pub decode: DecodeMode,
    /// Fractions of the upright picture; `None`: all of it.
    pub crop: Option<Rect>,
    /// Fractions of the upright picture, cropped or not.
    pub masks: Vec<Rect>,
    pub options: BTreeMap<String, Placed<Secret>>,
    pub allow_hosts: Vec<String>,
    pub allow_files: bool,
    pub tls_verify: bool,
    /// Certificates to trust.
    pub ca_file: Option<Placed<PathBuf>>,
    pub labels: Labels,
    /// Where the stream was written.
    pub place: Place,
}

/// When labels start and end, and where that was written.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    pub settings: LabelSettings,
    /// Where each setting was written, by its key: `enter`, `ignore`, `labels.shaking`,
    /// `labels.shaking.leave`. For checks against the model's labels.
    pub places: BTreeMap<String, Place>,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    pub target: Placed<SinkSettings>,
    /// Whether each look's scores are written too.
    pub windows: bool,
}

impl Sink {
    /// Everything, to standard output.
    pub(super) fn stdout(place: Place) -> Self {
        Self { target: Placed { value: SinkSettings::Stdout, place }, windows: true }
    }
}

/// How this machine runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Its `path` is the default model's.
    pub model: ModelSettings,
    /// How long a window waits for others to be run with; how many: `model.max_batch`.
    pub max_wait: Duration,
    /// Of each stream; at least 1.
    pub decoder_threads: usize,
    pub http: WebSettings,
    pub reconnect: Reconnect,
    pub log: LogSettings,
    /// Time to finish what was accepted, once told to stop.
    pub deadline: Duration,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            max_wait: Duration::from_millis(20),
            decoder_threads: 1,
            http: WebSettings::default(),
            reconnect: Reconnect::default(),
            log: LogSettings::default(),
            deadline: Duration::from_secs(10),
        }
    }
}
