//! How a source is to be opened: plain, checked data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Location;

/// How RTSP carries its media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Interleaved in the RTSP connection: nothing is lost, firewalls let it through.
    #[default]
    Tcp,
    /// RTP over UDP.
    Udp,
}

impl Transport {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What is read of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// The pictures; a source without them is an error.
    #[default]
    Pictures,
    /// The sound; a source without it is an error.
    Sound,
    /// Both, or the one that there is.
    Both,
}

impl Wanted {
    /// What a model wants that takes such things.
    pub const fn of(pictures: bool, sound: bool) -> Self {
        match (pictures, sound) {
            (_, false) => Self::Pictures,
            (false, true) => Self::Sound,
            (true, true) => Self::Both,
        }
    }

    pub const fn pictures(self) -> bool {
        matches!(self, Self::Pictures | Self::Both)
    }

    pub const fn sound(self) -> bool {
        matches!(self, Self::Sound | Self::Both)
    }
}

/// Whose certificates are believed, over HTTPS. FFmpeg 5.1 does not hand this down to RTSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether a certificate must be signed by somebody known and name its host.
    pub verify: bool,
    /// Signers known, in PEM; those of the system if `None`.
    pub ca_file: Option<PathBuf>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { verify: true, ca_file: None }
    }
}

/// One source, and what it may lead to.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    pub location: Location,
    pub wanted: Wanted,
    pub transport: Transport,
    /// A source that gives no packet of its pictures (of its sound, where it has none) for so
    /// long is given up.
    pub stall_timeout: Duration,
    /// Further FFmpeg options; a name that FFmpeg does not take here is an error.
    pub options: BTreeMap<String, String>,
    /// Hosts that a playlist or a redirect may lead to, beside the source's own.
    pub allow_hosts: Vec<String>,
    /// Whether a playlist may lead to local files.
    pub allow_files: bool,
    pub tls: Tls,
}

impl SourceSettings {
    pub const STALL_TIMEOUT: Duration = Duration::from_secs(10);

    /// Defaults for everything but where the source is.
    pub fn new(location: Location) -> Self {
        Self {
            location,
            wanted: Wanted::default(),
            transport: Transport::default(),
            stall_timeout: Self::STALL_TIMEOUT,
            options: BTreeMap::new(),
            allow_hosts: Vec::new(),
            allow_files: false,
            tls: Tls::default(),
        }
    }
}
