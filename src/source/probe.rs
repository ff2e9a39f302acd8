//! What is in a stream, for `percept probe`.

use std::time::Duration;

use ffmpeg_next as ffmpeg;

use super::error::SourceError;
use super::{SourceSettings, ffi, open};
use crate::data::VideoTrack;
use crate::supervise::Stop;

/// Media time that is read to see how far apart key frames are, at most.
const LOOK: f64 = 10.0;
/// Key frames after which their spacing is known well enough.
const KEYS: usize = 4;

/// The video track and what lies beside it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TrackDescription {
    /// FFmpeg's name of the container or protocol.
    pub container: String,
    pub codec: String,
    /// Pixels as coded, before rotation; 0 where the stream has not said.
    pub width: u32,
    pub height: u32,
    pub pixel_format: Option<String>,
    /// Frames a second as the container says.
    pub frame_rate: Option<f64>,
    /// Degrees clockwise by which the picture is turned before it is looked at.
    pub rotation: u16,
    pub live: bool,
    pub duration_seconds: Option<f64>,
    pub audio: Vec<AudioDescription>,
}

/// An audio track. Not listened to yet.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AudioDescription {
    pub codec: String,
    pub sample_rate_hz: u32,
    pub channels: u32,
}

/// [`TrackDescription`], and what a few seconds of reading show.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Probe {
    /// Without credentials.
    pub location: String,
    #[serde(flatten)]
    pub track: TrackDescription,
    /// Greatest distance of neighbouring key frames seen, in seconds; `None` where fewer
    /// than two came.
    pub key_frame_interval_seconds: Option<f64>,
    /// Video packets read for that.
    pub packets: usize,
}

impl std::fmt::Display for TrackDescription {
    /// Such as `h264 1920x1080, 25 fps`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}x{}", self.codec, self.width, self.height)?;
        match self.frame_rate {
            Some(rate) => write!(f, ", {} fps", (rate * 100.0).round() / 100.0),
            None => Ok(()),
        }
    }
}

impl TrackDescription {
    pub(super) fn new(
        input: &ffmpeg::format::context::Input,
        stream: usize,
        track: &VideoTrack,
        duration: Option<Duration>,
    ) -> Self {
        let parameters = &track.parameters;
        let (width, height, pixel_format) = ffi::picture(parameters);
        let rate = track.frame_rate;
        let audio = input
            .streams()
            .filter(|other| other.index() != stream)
            .map(|other| other.parameters())
            .filter(|parameters| parameters.medium() == ffmpeg::media::Type::Audio)
            .map(|parameters| {
                let (sample_rate_hz, channels) = ffi::sound(&parameters);
                AudioDescription { codec: parameters.id().name().into(), sample_rate_hz, channels }
            })
            .collect();
        Self {
            container: input.format().name().to_owned(),
            codec: parameters.id().name().to_owned(),
            width,
            height,
            pixel_format,
            frame_rate: (rate.numerator() > 0 && rate.denominator() > 0).then(|| f64::from(rate)),
            rotation: u16::from((4 - track.quarter_turns) % 4) * 90,
            live: track.live,
            duration_seconds: duration.map(|duration| duration.as_secs_f64()),
            audio,
        }
    }
}

/// Opens a source and reads up to ten seconds of it.
pub fn probe(settings: &SourceSettings, stop: &Stop) -> Result<Probe, SourceError> {
    let mut source = open(settings, stop)?;
    let tick = f64::from(source.track().time_base);
    let mut keys = Vec::new();
    let mut packets = 0;
    let mut first = None;
    while let Some(packet) = source.read()? {
        packets += 1;
        let Some(pts) = packet.inner.pts() else { continue };
        let seconds = pts as f64 * tick;
        if packet.inner.is_key() {
            keys.push(seconds);
        }
        if keys.len() >= KEYS || seconds - *first.get_or_insert(seconds) >= LOOK {
            break;
        }
    }
    Ok(Probe {
        location: settings.location.redacted(),
        track: source.description(),
        key_frame_interval_seconds: keys
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max_by(f64::total_cmp),
        packets,
    })
}
