//! What is in a stream, for `percept probe`.

use std::time::Duration;

use ffmpeg_next as ffmpeg;

use super::any::open;
use super::error::SourceError;
use super::{SourceSettings, Wanted, ffi};
use crate::data::{Track, VideoTrack};
use crate::supervise::Stop;

/// Media time that is read to see how far apart key frames are, at most.
const LOOK: f64 = 10.0;
/// Key frames after which their spacing is known well enough.
const KEYS: usize = 4;

/// What is in a source.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TrackDescription {
    /// FFmpeg's name of the container or protocol.
    pub container: String,
    /// The track that would be watched.
    #[serde(flatten)]
    pub video: Option<VideoDescription>,
    pub live: bool,
    pub duration_seconds: Option<f64>,
    /// All audio tracks, listened to or not.
    pub audio: Vec<AudioDescription>,
    /// The one that is listened to.
    #[serde(skip)]
    pub heard: Option<AudioDescription>,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct VideoDescription {
    pub codec: String,
    /// Pixels as coded, before rotation; 0 where the stream has not said.
    pub width: u32,
    pub height: u32,
    pub pixel_format: Option<String>,
    /// Frames a second as the container says.
    pub frame_rate: Option<f64>,
    /// Degrees clockwise by which the picture is turned before it is looked at.
    pub rotation: u16,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AudioDescription {
    pub codec: String,
    /// 0 where the stream has not said, for its sound begins later.
    pub sample_rate_hz: u32,
    /// 0 where the stream has not said.
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

/// Faster than any camera: what FFmpeg guesses from the clock where a stream has not said its rate.
const MOST_FPS: f64 = 2000.0;

impl std::fmt::Display for VideoDescription {
    /// Such as `h264 1920x1080, 25 fps`, as far as the stream has said.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.codec)?;
        if self.width > 0 && self.height > 0 {
            write!(f, " {}x{}", self.width, self.height)?;
        }
        match self.frame_rate.filter(|&rate| rate <= MOST_FPS) {
            Some(rate) => write!(f, ", {} fps", (rate * 100.0).round() / 100.0),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for AudioDescription {
    /// Such as `aac, 48000 Hz, 2 ch`, as far as the stream has said.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.codec)?;
        if self.sample_rate_hz == 0 {
            return Ok(());
        }
        write!(f, ", {} Hz, {} ch", self.sample_rate_hz, self.channels)
    }
}

impl std::fmt::Display for TrackDescription {
    /// What is taken of it, such as `h264 1920x1080, 25 fps, with aac, 48000 Hz, 2 ch`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.video, self.heard.as_ref()) {
            (Some(video), Some(heard)) => write!(f, "{video}, with {heard}"),
            (Some(video), None) => video.fmt(f),
            (None, Some(audio)) => audio.fmt(f),
            (None, None) => f.write_str("nothing"),
        }
    }
}

impl TrackDescription {
    pub(super) fn new(
        input: &ffmpeg::format::context::Input,
        video: Option<&(usize, VideoTrack)>,
        audio: Option<usize>,
        live: bool,
        duration: Option<Duration>,
    ) -> Self {
        let tracks: Vec<_> = input
            .streams()
            .filter(|stream| stream.parameters().medium() == ffmpeg::media::Type::Audio)
            .map(|stream| (stream.index(), AudioDescription::new(&stream.parameters())))
            .collect();
        let heard = tracks.iter().find(|(index, _)| Some(*index) == audio);
        Self {
            container: input.format().name().to_owned(),
            video: video.map(|(_, track)| VideoDescription::new(track)),
            live,
            duration_seconds: duration.map(|duration| duration.as_secs_f64()),
            heard: heard.map(|(_, track)| track.clone()),
            audio: tracks.into_iter().map(|(_, track)| track).collect(),
        }
    }
}

impl AudioDescription {
    fn new(parameters: &ffmpeg::codec::Parameters) -> Self {
        let (sample_rate_hz, channels) = ffi::sound(parameters);
        Self { codec: parameters.id().name().into(), sample_rate_hz, channels }
    }
}

impl VideoDescription {
    fn new(track: &VideoTrack) -> Self {
        let (width, height, pixel_format) = ffi::picture(&track.parameters);
        let rate = track.frame_rate;
        Self {
            codec: track.parameters.id().name().to_owned(),
            width,
            height,
            pixel_format,
            frame_rate: (rate.numerator() > 0 && rate.denominator() > 0).then(|| f64::from(rate)),
            rotation: u16::from((4 - track.quarter_turns) % 4) * 90,
        }
    }
}

/// Opens a source, whatever is in it, and reads up to ten seconds of it.
pub fn probe(settings: &SourceSettings, stop: &Stop) -> Result<Probe, SourceError> {
    let settings = SourceSettings { wanted: Wanted::Both, ..settings.clone() };
    let mut source = open(&settings, stop)?;
    let tick = source.video().map(|track| f64::from(track.time_base));
    let mut keys = Vec::new();
    let mut packets = 0;
    let mut first = None;
    // Of sound alone its description says all.
    while let Some(tick) = tick
        && let Some(packet) = source.read()?
    {
        if packet.track == Track::Audio {
            continue;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_the_picture_and_the_sound_that_is_listened_to() {
        let video = VideoDescription {
            codec: "h264".into(),
            width: 1920,
            height: 1080,
            pixel_format: None,
            frame_rate: Some(25.0),
            rotation: 0,
        };
        let track = |codec: &str, channels| AudioDescription {
            codec: codec.into(),
            sample_rate_hz: 48_000,
            channels,
        };
        let (film, comment) = (track("aac", 2), track("opus", 1));
        let with = |video: Option<&VideoDescription>, heard: Option<&AudioDescription>| {
            TrackDescription {
                container: "mpegts".into(),
                video: video.cloned(),
                live: true,
                duration_seconds: None,
                audio: vec![comment.clone(), film.clone()],
                heard: heard.cloned(),
            }
            .to_string()
        };
        let (picture, sound) = ("h264 1920x1080, 25 fps", "aac, 48000 Hz, 2 ch");
        assert_eq!(with(Some(&video), None), picture);
        assert_eq!(with(Some(&video), Some(&film)), format!("{picture}, with {sound}"));
        assert_eq!(with(None, Some(&film)), sound);
        assert_eq!(with(None, None), "nothing");
    }
}
