//! The configuration after it was checked: no value here can be out of its range.
//!
//! Plain data, with the places that later checks need for their faults.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::faults::{Place, Placed};
use super::secret::Secret;
use crate::data::StreamId;

/// All that `percept run` needs to know.
#[derive(Debug, Clone)]
pub struct Checked {
    /// `None`: the default model.
    pub model: Option<Placed<PathBuf>>,
    /// Never empty; names are unique.
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
    /// To be joined to the URL.
    pub user: Option<Placed<Secret>>,
    /// Only where there is a user.
    pub password: Option<Placed<Secret>>,
    pub transport: Transport,
    pub stall_timeout: Duration,
    pub hop: Placed<Duration>,
    pub decode: Decode,
    /// Fractions of the upright picture; `None`: all of it.
    pub crop: Option<Rect>,
    /// Fractions of the upright picture, cropped or not.
    pub masks: Vec<Rect>,
    pub options: BTreeMap<String, Placed<Secret>>,
    pub allow_hosts: Vec<String>,
    pub allow_files: bool,
    pub labels: Labels,
    /// Where the stream was written.
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    #[default]
    Tcp,
    Udp,
}

/// Which frames are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decode {
    #[default]
    Auto,
    All,
    KeyFrames,
}

/// Fractions; within 0 and 1, and not empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    pub const WHOLE: Self = Self { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
}

/// When labels start and end. What is `None` is the model's, or the program's, choice.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// For every label without a rule of its own.
    pub all: LabelRule,
    pub each: BTreeMap<String, LabelRule>,
    pub ignore: Vec<String>,
    /// How many of the best scores a look tells, at least 1.
    pub top_k: Option<usize>,
    /// Where each setting was written, by its key: `enter`, `ignore`, `labels.shaking`,
    /// `labels.shaking.leave`. For checks against the model's labels.
    pub places: BTreeMap<String, Place>,
}

/// `leave` is at most `enter` where both are given.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LabelRule {
    /// Score in `(0, 1]`.
    pub enter: Option<f32>,
    /// Score in `(0, 1]`.
    pub leave: Option<f32>,
    /// Media time.
    pub start_after: Option<Duration>,
    /// Media time.
    pub end_after: Option<Duration>,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    pub kind: SinkKind,
    /// Whether each look's scores are written too.
    pub windows: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkKind {
    Stdout,
    File(PathBuf),
}

/// How this machine runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Machine {
    pub model: ModelRuntime,
    pub batch: Batch,
    /// Decoder threads a stream.
    pub decode: Decoder,
    pub http: Http,
    pub reconnect: Reconnect,
    pub log: Log,
    pub shutdown: Shutdown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRuntime {
    /// `None`: one a core.
    pub threads: Option<usize>,
    /// ONNX Runtime's shared library; `None`: the usual places.
    pub library: Option<PathBuf>,
    /// Tried in this order; never empty.
    pub providers: Vec<Provider>,
}

impl Default for ModelRuntime {
    fn default() -> Self {
        let cuda = Provider { kind: ProviderKind::Cuda, need: Need::Preferred };
        let cpu = Provider { kind: ProviderKind::Cpu, need: Need::Required };
        Self { threads: None, library: None, providers: vec![cuda, cpu] }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    pub kind: ProviderKind,
    pub need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    Cuda,
    Cpu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The program ends where it does not work.
    Required,
    /// The next one is taken, and a warning is given.
    Preferred,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    pub max_windows: usize,
    pub max_wait: Duration,
}

impl Default for Batch {
    fn default() -> Self {
        Self { max_windows: 8, max_wait: Duration::from_millis(20) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoder {
    /// A stream; at least 1.
    pub threads: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { threads: 1 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Http {
    /// `None`: nothing listens.
    pub listen: Option<SocketAddr>,
    /// Share of the streams that must be up for `/readyz`, in `[0, 1]`.
    pub ready_share: f64,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: Some((Ipv4Addr::LOCALHOST, 9184).into()), ready_share: 0.5 }
    }
}

/// `first` is above zero and at most `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    pub first: Duration,
    pub most: Duration,
    /// After a wrong password.
    pub unauthorized: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        let [first, most, unauthorized] = [1, 60, 300].map(Duration::from_secs);
        Self { first, most, unauthorized }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub const NAMES: [(&'static str, Self); 6] = [
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// Time to finish what was accepted.
    pub deadline: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10) }
    }
}

impl Default for Sink {
    fn default() -> Self {
        Self { kind: SinkKind::Stdout, windows: true }
    }
}
