//! Compressed packets, as FFmpeg's demuxer gives them.

use std::time::{Instant, SystemTime};

use ffmpeg_next as ffmpeg;

use super::Clock;

/// Which of a source's tracks a packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    Video,
    Audio,
}

/// One compressed packet, and when it came.
pub struct Packet {
    pub track: Track,
    /// PTS and DTS in ticks of the track's time base; either may be missing.
    pub inner: ffmpeg::Packet,
    pub arrived: Instant,
    /// Wall time of capture as well as it is known; `None` for files.
    pub captured_at: Option<SystemTime>,
    pub clock: Clock,
}

/// What a decoder must know of the video track.
pub struct VideoTrack {
    pub parameters: ffmpeg::codec::Parameters,
    /// Seconds a tick, as a fraction.
    pub time_base: ffmpeg::Rational,
    /// Frames a second as the container says; 0/0 when it does not.
    pub frame_rate: ffmpeg::Rational,
    /// Counter-clockwise quarter turns that show the picture upright: 0 to 3.
    pub quarter_turns: u8,
    /// Whether left and right are then changed over; of pictures only.
    pub mirrored: bool,
    pub live: bool,
}

/// What a decoder must know of the audio track.
pub struct AudioTrack {
    pub parameters: ffmpeg::codec::Parameters,
    /// Seconds a tick, as a fraction.
    pub time_base: ffmpeg::Rational,
    pub live: bool,
}
