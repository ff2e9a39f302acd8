//! What can go wrong with a source, and what to try.

use std::time::Duration;

use ffmpeg_next as ffmpeg;

use super::Location;
use super::policy::Refusal;
use super::watch::Interruption;
use crate::data::{Fault, Remedy};

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Opening,
    Reading,
}

impl std::fmt::Display for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Opening => "opening",
            Self::Reading => "reading",
        })
    }
}

/// A fault of one source. Holds no credentials.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {location}: {fault}")]
pub struct SourceError {
    pub doing: Doing,
    /// Without credentials.
    pub location: String,
    /// Whether trying again later can help.
    pub live: bool,
    pub fault: SourceFault,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceFault {
    #[error("stopped on request")]
    Stopped,
    #[error(
        "nothing came for {quiet:?}: check the camera or microphone and the network, or raise \
         stall_timeout"
    )]
    Stalled { quiet: Duration },
    #[error("connection refused: check that the camera is on and that the port is right")]
    Refused,
    #[error("cannot be reached ({cause}): check the host name, the network and the camera's power")]
    Unreachable { cause: ffmpeg::Error },
    #[error("wrong or missing user or password: write scheme://USER:PASSWORD@HOST/PATH")]
    Unauthorized,
    #[error("access is forbidden for this user: check the user's rights on the camera")]
    Forbidden,
    #[error("not found: check the path")]
    NotFound,
    #[error("this user may not read it: check its permissions")]
    Permission,
    #[error("in use by another program: close that first")]
    Busy,
    #[error("it is a folder, and one clip is wanted: name a file in it")]
    Folder,
    #[error(
        "its index lies behind its pictures, and the server gives no part of a file (HTTP Range): \
         rewrite it with ffmpeg -i IN -c copy -movflags +faststart OUT, or use another server"
    )]
    IndexOutOfReach,
    #[error("there is no video in it ({found}): this model looks, so Percept needs a video track")]
    NoVideo {
        /// What is in it instead.
        found: String,
    },
    #[error(
        "there is no sound in it ({found}): this model listens, so Percept needs an audio track"
    )]
    NoSound {
        /// What is in it instead.
        found: String,
    },
    #[error(
        "neither its pictures nor its sound can be read ({found}): check that it plays with ffplay"
    )]
    Unreadable {
        /// What it seems to hold.
        found: String,
    },
    #[error(
        "no video, sound or playlist that FFmpeg knows ({cause}): check that it plays with ffplay"
    )]
    Invalid { cause: ffmpeg::Error },
    #[error("the file is empty")]
    Empty,
    #[error("it is a single picture: download it, and give the file")]
    PictureFromAfar,
    #[error("FFmpeg has no option {name:?} for this source: check options for a misspelling")]
    UnknownOption { name: String },
    #[error("option {name:?} is not to be set here: use {instead} instead")]
    ReservedOption { name: String, instead: &'static str },
    #[error("{}", no_microphone(name, there))]
    NoMicrophone {
        /// Empty: the default.
        name: String,
        /// The names of those that there are.
        there: Vec<String>,
    },
    #[error(
        "the microphone is not there: it was unplugged, or its sound server has ended: check with \
         `percept devices`"
    )]
    MicrophoneGone,
    #[error("the sound system refuses it ({cause}): check that another program can record from it")]
    Microphone { cause: String },
    #[error(
        "the sound library has not come back from {} it before, so it is not asked again: {}",
        if *closing { "closing" } else { "opening" },
        if *closing { "start Percept again (enable-shm = no in PulseAudio's client.conf \
         prevents it)" } else { "check the sound server, or start that again" }
    )]
    MicrophoneHangs {
        /// Not from closing it, several times, and else from opening it.
        closing: bool,
    },
    #[error("this build has no microphones: build Percept with its feature `microphone`")]
    NoMicrophones,
    #[error(transparent)]
    Disallowed(Refusal),
    #[error("the stream was ended by the other side")]
    Ended,
    #[error(
        "far behind the newest segment of its playlist, so it is opened again there: where this \
         comes again and again, lower the stream's rate or resolution, or watch fewer streams"
    )]
    FarBehind,
    #[error("this build of FFmpeg cannot open {what}: install a full build of FFmpeg's libraries")]
    Unsupported { what: &'static str },
    #[error(
        "too many files and connections are open: raise the limit with `ulimit -n`, or with \
         LimitNOFILE in the service's unit"
    )]
    TooManyOpen,
    #[error("{cause}")]
    Io { cause: ffmpeg::Error },
}

fn no_microphone(name: &str, there: &[String]) -> String {
    let problem = match name {
        "" => "there is no default microphone".into(),
        name => format!("no microphone is called {name:?}"),
    };
    let there: Vec<_> = there.iter().map(|name| format!("mic:{name}")).collect();
    match there[..] {
        [] => format!("{problem}, and this machine has none at all: plug one in"),
        _ => format!("{problem}; this machine has {}", there.join(", ")),
    }
}

impl SourceError {
    /// Every kind that [`Fault::kind`] gives of a stream that can be lost.
    pub const KINDS: [&'static str; 17] = [
        "timeout",
        "refused",
        "unreachable",
        "unauthorized",
        "not_found",
        "permission",
        "busy",
        "no_video",
        "no_sound",
        "invalid",
        "disallowed",
        "ended",
        "behind",
        "unsupported",
        "option",
        "stopped",
        "io",
    ];
}

impl Fault for SourceError {
    fn remedy(&self) -> Remedy {
        match self.fault {
            SourceFault::Stopped
            | SourceFault::UnknownOption { .. }
            | SourceFault::ReservedOption { .. }
            | SourceFault::Disallowed(_)
            | SourceFault::NoMicrophones
            | SourceFault::Folder
            | SourceFault::PictureFromAfar
            | SourceFault::IndexOutOfReach
            | SourceFault::Unsupported { .. } => Remedy::GiveUp,
            _ if self.live => Remedy::Restart,
            _ => Remedy::GiveUp,
        }
    }

    fn kind(&self) -> &'static str {
        match self.fault {
            SourceFault::Stopped => "stopped",
            SourceFault::Stalled { .. } => "timeout",
            SourceFault::Refused => "refused",
            SourceFault::Unreachable { .. } => "unreachable",
            SourceFault::Unauthorized | SourceFault::Forbidden => "unauthorized",
            SourceFault::NotFound | SourceFault::NoMicrophone { .. } => "not_found",
            SourceFault::Permission => "permission",
            SourceFault::Busy | SourceFault::MicrophoneHangs { .. } => "busy",
            SourceFault::NoVideo { .. } => "no_video",
            SourceFault::NoSound { .. } => "no_sound",
            SourceFault::Unreadable { .. } => "invalid",
            SourceFault::Invalid { .. } | SourceFault::Empty => "invalid",
            SourceFault::UnknownOption { .. } | SourceFault::ReservedOption { .. } => "option",
            SourceFault::Disallowed(_) => "disallowed",
            SourceFault::Ended | SourceFault::MicrophoneGone => "ended",
            SourceFault::FarBehind => "behind",
            SourceFault::Folder
            | SourceFault::PictureFromAfar
            | SourceFault::IndexOutOfReach
            | SourceFault::NoMicrophones
            | SourceFault::Unsupported { .. } => "unsupported",
            SourceFault::Io { .. } | SourceFault::TooManyOpen | SourceFault::Microphone { .. } => {
                "io"
            }
        }
    }
}

impl SourceFault {
    /// What FFmpeg's answer means for a source of this kind.
    pub(super) fn from_answer(location: &Location, cause: ffmpeg::Error) -> Self {
        use ffmpeg::error as e;
        let network = matches!(location, Location::Rtsp(_) | Location::Http(_));
        match cause {
            ffmpeg::Error::HttpUnauthorized => Self::Unauthorized,
            ffmpeg::Error::HttpForbidden => Self::Forbidden,
            ffmpeg::Error::HttpNotFound => Self::NotFound,
            ffmpeg::Error::InvalidData | ffmpeg::Error::DemuxerNotFound => Self::Invalid { cause },
            ffmpeg::Error::Other { errno } => match errno {
                e::ECONNREFUSED => Self::Refused,
                e::EHOSTUNREACH | e::ENETUNREACH | e::ETIMEDOUT => Self::Unreachable { cause },
                // A host name that cannot be resolved, or a TLS handshake that failed.
                e::EIO if network => Self::Unreachable { cause },
                e::ENOENT | e::ENODEV | e::ENXIO => Self::NotFound,
                e::EACCES | e::EPERM => Self::Permission,
                e::EBUSY => Self::Busy,
                e::EMFILE | e::ENFILE => Self::TooManyOpen,
                e::EINVAL if !network => Self::Invalid { cause },
                _ => Self::Io { cause },
            },
            _ => Self::Io { cause },
        }
    }

    pub(super) fn from_interruption(why: Interruption, quiet: Duration) -> Self {
        match why {
            Interruption::Stopped => Self::Stopped,
            Interruption::Overdue => Self::Stalled { quiet },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_shown_from_the_start() {
        let cause = ffmpeg::Error::Unknown;
        let faults = [
            SourceFault::Stopped,
            SourceFault::Stalled { quiet: Duration::ZERO },
            SourceFault::Refused,
            SourceFault::Unreachable { cause },
            SourceFault::Unauthorized,
            SourceFault::Forbidden,
            SourceFault::NotFound,
            SourceFault::Permission,
            SourceFault::Busy,
            SourceFault::MicrophoneHangs { closing: false },
            SourceFault::Folder,
            SourceFault::PictureFromAfar,
            SourceFault::IndexOutOfReach,
            SourceFault::NoVideo { found: String::new() },
            SourceFault::Invalid { cause },
            SourceFault::Empty,
            SourceFault::UnknownOption { name: String::new() },
            SourceFault::ReservedOption { name: String::new(), instead: "" },
            SourceFault::Disallowed(Refusal::File),
            SourceFault::Ended,
            SourceFault::FarBehind,
            SourceFault::Unsupported { what: "" },
            SourceFault::TooManyOpen,
            SourceFault::Io { cause },
        ];
        for fault in faults {
            let location = String::new();
            let error = SourceError { doing: Doing::Opening, location, live: true, fault };
            assert!(SourceError::KINDS.contains(&error.kind()), "{}", error.kind());
        }
    }

    #[test]
    fn a_limit_of_the_system_is_told_with_what_raises_it() {
        let location = Location::Lavfi(String::new());
        let answer = ffmpeg::Error::Other { errno: ffmpeg::error::EMFILE };
        let told = SourceFault::from_answer(&location, answer).to_string();
        assert!(told.contains("ulimit -n") && told.contains("LimitNOFILE"), "{told}");
    }
}
