//! What the command line sets in place of the files.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::checked::{Checked, Decode, LogLevel, Sink, SinkKind};
use super::faults::{Place, Placed};
use super::{machine, stream, walk};

/// `None`: as the files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    pub model: Option<PathBuf>,
    /// Of every stream.
    pub hop: Option<Duration>,
    /// Of every stream.
    pub decode: Option<Decode>,
    /// Events go to this file instead, `-` being standard output.
    pub output: Option<PathBuf>,
    /// Of every sink.
    pub windows: Option<bool>,
    /// `Some(None)`: nothing listens.
    pub listen: Option<Option<SocketAddr>>,
    pub log: Option<LogLevel>,
}

impl Checked {
    pub fn apply(&mut self, overrides: &Overrides) {
        if let Some(model) = &overrides.model {
            let place = Place::argument("--model");
            self.model = Some(Placed { value: model.clone(), place });
        }
        for stream in &mut self.streams {
            if let Some(value) = overrides.hop {
                stream.hop = Placed { value, place: Place::argument("--hop") };
            }
            stream.decode = overrides.decode.unwrap_or(stream.decode);
        }
        if let Some(path) = &overrides.output {
            let kind = match path.to_str() {
                Some("-") => SinkKind::Stdout,
                _ => SinkKind::File(path.clone()),
            };
            self.sinks = vec![Sink { kind, ..Sink::default() }];
        }
        for sink in &mut self.sinks {
            sink.windows = overrides.windows.unwrap_or(sink.windows);
        }
        self.machine.http.listen = overrides.listen.unwrap_or(self.machine.http.listen);
        self.machine.log.level = overrides.log.unwrap_or(self.machine.log.level);
    }
}

/// Reads `--hop`, by the rules of the key `hop`.
pub fn parse_hop(text: &str) -> Result<Duration, String> {
    walk::duration(text, stream::HOP).map_err(|error| format!("{}; {}", error.problem, error.fix))
}

/// Reads `--decode`.
pub fn parse_decode(text: &str) -> Result<Decode, String> {
    let found = stream::DECODES.iter().find(|(name, _)| *name == text);
    found.map(|(_, decode)| *decode).ok_or_else(|| "write auto, all or key_frames".into())
}

/// Reads `--listen`.
pub fn parse_listen(text: &str) -> Result<Option<SocketAddr>, String> {
    machine::listen(text).ok_or_else(|| machine::LISTEN_FIX.into())
}

/// Reads `--log`.
pub fn parse_log_level(text: &str) -> Result<LogLevel, String> {
    let found = LogLevel::NAMES.iter().find(|(name, _)| *name == text);
    found
        .map(|(_, level)| *level)
        .ok_or_else(|| format!("write {}", LogLevel::NAMES.map(|(name, _)| name).join(", ")))
}
