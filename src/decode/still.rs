//! A single picture's decoder.

use std::sync::Arc;

use ffmpeg_next as ffmpeg;

use super::error::DecodeError;
use super::ffi;
use super::scale::Scaler;
use super::settings::DecodeSettings;
use crate::data::{Packet, VideoTrack};

/// Decodes the first picture of a track and brings it to the model's size.
///
/// A damaged picture is an error, where [`super::Decoder`] shows what there is of it: half a
/// picture is no answer to what is in it.
pub struct StillDecoder {
    inner: ffmpeg::decoder::Video,
    scaler: Scaler,
    codec: &'static str,
}

impl StillDecoder {
    /// # Errors
    /// If FFmpeg has no decoder for the codec, or it refuses the track's parameters.
    pub fn new(track: &VideoTrack, settings: &DecodeSettings) -> Result<Self, DecodeError> {
        let codec = track.parameters.id().name();
        let start = |cause| match cause {
            ffmpeg::Error::DecoderNotFound => DecodeError::NoDecoder { codec },
            cause => DecodeError::Start { codec, live: false, cause },
        };
        let mut context =
            ffmpeg::codec::Context::from_parameters(track.parameters.clone()).map_err(start)?;
        // To its TIFF decoder, an unknown tag is damage as well.
        if track.parameters.id() != ffmpeg::codec::Id::TIFF {
            ffi::refuse_damage(&mut context);
        }
        let inner = context.decoder().video().map_err(start)?;
        Ok(Self { inner, scaler: Scaler::new(settings, track, true), codec })
    }

    /// Takes a packet, or `None` at the end; gives `[height, width, 3]` u8 RGB, upright, once
    /// there is a picture.
    ///
    /// # Errors
    /// The picture is damaged, or cannot be scaled.
    pub fn push(&mut self, packet: Option<&Packet>) -> Result<Option<Arc<Vec<u8>>>, DecodeError> {
        let damaged = |_| DecodeError::Damaged { codec: self.codec };
        match packet {
            Some(packet) => self.inner.send_packet(&packet.inner),
            None => self.inner.send_eof(),
        }
        .map_err(damaged)?;
        let mut frame = ffmpeg::frame::Video::empty();
        match self.inner.receive_frame(&mut frame) {
            Ok(()) if frame.is_corrupt() || frame.has_decode_errors() => {
                Err(DecodeError::Damaged { codec: self.codec })
            }
            Ok(()) => self.scaler.run(&frame).map(Some),
            Err(ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }) => Ok(None),
            Err(cause) => Err(damaged(cause)),
        }
    }
}
