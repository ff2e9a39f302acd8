//! What the command line sets in place of the files.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::checked::{Checked, Sink};
use super::faults::{Place, Placed};
use super::{machine, stream, walk};
use crate::decode::DecodeMode;
use crate::publish::SinkSettings;
use crate::telemetry::logging::LogFilter;

/// `None`: as the files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    pub model: Option<PathBuf>,
    /// Of every stream.
    pub hop: Option<Duration>,
    /// Of every stream.
    pub decode: Option<DecodeMode>,
    /// Events go to this file instead, `-` being standard output.
    pub output: Option<PathBuf>,
    /// Of every sink.
    pub windows: Option<bool>,
    /// `Some(None)`: nothing listens.
    pub listen: Option<Option<SocketAddr>>,
    pub log: Option<LogFilter>,
}

impl Checked {
    pub fn apply(&mut self, overrides: &Overrides) {
        if let Some(model) = &overrides.model {
            let place = Place::argument("--model");
            self.model = Some(Placed { value: model.clone(), place });
            self.model_known = true;
        }
        for stream in &mut self.streams {
            if let Some(value) = overrides.hop {
                stream.hop = Placed { value, place: Place::argument("--hop") };
            }
            stream.decode = overrides.decode.unwrap_or(stream.decode);
        }
        if let Some(path) = &overrides.output {
            let mut sink = Sink::stdout(Place::argument("--output"));
            if path.as_os_str() != "-" {
                sink.target.value = SinkSettings::File { path: path.clone() };
            }
            self.sinks = vec![sink];
        }
        for sink in &mut self.sinks {
            sink.windows = overrides.windows.unwrap_or(sink.windows);
        }
        self.machine.http.listen = overrides.listen.unwrap_or(self.machine.http.listen);
        if let Some(filter) = &overrides.log {
            self.machine.log.filter = filter.clone();
        }
    }
}

/// Reads `--hop`, by the rules of the key `hop`.
pub fn parse_hop(text: &str) -> Result<Duration, String> {
    walk::duration(text, stream::HOP).map_err(|error| format!("{}; {}", error.problem, error.fix))
}

/// Reads `--decode`.
pub fn parse_decode(text: &str) -> Result<DecodeMode, String> {
    let found = stream::DECODES.iter().find(|(name, _)| *name == text);
    found.map(|(_, decode)| *decode).ok_or_else(|| "write auto, all or key_frames".into())
}

/// Reads `--listen`.
pub fn parse_listen(text: &str) -> Result<Option<SocketAddr>, String> {
    machine::listen(text).ok_or_else(|| machine::LISTEN_FIX.into())
}
