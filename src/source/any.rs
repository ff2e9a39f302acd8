//! A source of whatever kind.

use std::time::Duration;

use super::error::{Doing, SourceError, SourceFault};
use super::input::{self, Source as Input};
#[cfg(feature = "microphone")]
use super::microphone::Microphone;
use super::pace::Seen;
use super::probe::TrackDescription;
use super::{Location, SourceSettings};
use crate::data::{AudioTrack, Packet, VideoTrack};
use crate::supervise::Stop;

/// An open source. Closes when dropped.
pub enum Source {
    /// Read through FFmpeg.
    Input(Box<Input>),
    #[cfg(feature = "microphone")]
    Microphone(Box<Microphone>),
}

/// Opens a source and finds the tracks that are wanted. Blocks until then, for at most twice
/// `stall_timeout`, or until `stop`.
///
/// A [`Location::Folder`] has to be expanded first; here it is an error.
pub fn open(settings: &SourceSettings, stop: &Stop) -> Result<Source, SourceError> {
    match &settings.location {
        Location::Microphone(_) if !settings.wanted.sound() => Err(SourceError {
            doing: Doing::Opening,
            location: settings.location.redacted(),
            live: false,
            fault: SourceFault::NoVideo { found: "a microphone".into() },
        }),
        #[cfg(feature = "microphone")]
        Location::Microphone(name) => {
            let opened = Microphone::open(name, settings, stop)?;
            Ok(Source::Microphone(Box::new(opened)))
        }
        #[cfg(not(feature = "microphone"))]
        Location::Microphone(_) => Err(SourceError {
            doing: Doing::Opening,
            location: settings.location.redacted(),
            live: false,
            fault: SourceFault::NoMicrophones,
        }),
        _ => Ok(Source::Input(Box::new(input::open(settings, stop)?))),
    }
}

impl Source {
    /// The pictures, where there are any and they are wanted.
    pub fn video(&self) -> Option<&VideoTrack> {
        match self {
            Self::Input(input) => input.video(),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => None,
        }
    }

    /// The sound, where there is any and it is wanted.
    pub fn audio(&self) -> Option<&AudioTrack> {
        match self {
            Self::Input(input) => input.audio(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => Some(microphone.audio()),
        }
    }

    /// Whether it goes on for ever, as far as is known.
    pub fn is_live(&self) -> bool {
        match self {
            Self::Input(input) => input.is_live(),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => true,
        }
    }

    /// Where the clock of something finite begins, in ticks and seconds a tick.
    pub fn begins(&self) -> Option<(i64, (i32, i32))> {
        match self {
            Self::Input(input) => input.begins(),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => None,
        }
    }

    /// How long it is, where that is known.
    pub fn duration(&self) -> Option<Duration> {
        match self {
            Self::Input(input) => input.duration(),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => None,
        }
    }

    /// What is in it, for people.
    pub fn description(&self) -> TrackDescription {
        match self {
            Self::Input(input) => input.description(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.description(),
        }
    }

    /// The next packet of the tracks that are wanted; `None` at the end of a file or graph.
    ///
    /// Blocks for at most `stall_timeout` without a packet of the video track, or of the audio
    /// track where there is no video: sound alone does not make a camera well. A live stream
    /// that ends is an error, of kind `ended`.
    pub fn read(&mut self) -> Result<Option<Packet>, SourceError> {
        match self {
            Self::Input(input) => input.read(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.read().map(Some),
        }
    }

    /// Whether packets are held back until they are due: when they came says nothing of
    /// whether they are read too slowly.
    pub fn is_paced(&self) -> bool {
        match self {
            Self::Input(input) => input.is_paced(),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => false,
        }
    }

    /// Passes over what an earlier session of the same source gave out already.
    pub fn resume(&mut self, seen: Seen) {
        match self {
            Self::Input(input) => input.resume(seen),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => {}
        }
    }

    /// What was given out, for [`Self::resume`]; `None` where nothing can come twice.
    pub fn into_seen(self) -> Option<Seen> {
        match self {
            Self::Input(input) => input.into_seen(),
            #[cfg(feature = "microphone")]
            Self::Microphone(_) => None,
        }
    }

    /// How often sound was lost because it was not read in time, since the last call.
    pub fn take_overruns(&mut self) -> u64 {
        match self {
            Self::Input(_) => 0,
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.take_overruns(),
        }
    }
}
