//! Packets of all tracks in, windows out: what is between a source and the model.

use super::wants::Wants;
use crate::data::{AudioChunk, Packet, Stamp, Track, VideoFrame, Window};
use crate::decode::{ActiveMode, DecodeError, Decoder, SoundDecoder, Timeline};
use crate::source::Source;
use crate::telemetry::metrics::StreamMetrics;
use crate::window::Windower;

/// The decoders of one connection.
pub struct Decoders {
    pictures: Option<Decoder>,
    sound: Option<SoundDecoder>,
    frames: Vec<VideoFrame>,
    chunks: Vec<AudioChunk>,
}

impl Decoders {
    /// For the tracks that `source` has of what is wanted.
    ///
    /// # Errors
    /// The track that leads, the pictures where there are any, cannot be decoded. Sound that
    /// cannot goes missing, and the log says so.
    pub fn new(
        source: &Source,
        wants: &Wants,
        metrics: &StreamMetrics,
    ) -> Result<Self, DecodeError> {
        let pictures = match (source.video(), &wants.pictures) {
            (Some(track), Some((settings, _))) => Some(Decoder::new(track, settings, metrics)?),
            _ => None,
        };
        let leads = pictures.is_none();
        let sound = match (source.audio(), wants.sound_settings()) {
            (Some(track), Some(settings)) => {
                match SoundDecoder::new(track, leads, settings, metrics) {
                    Ok(decoder) => Some(decoder),
                    Err(error) if leads => return Err(error),
                    Err(error) => {
                        metrics.audio.errors.inc();
                        tracing::warn!(error = super::describe(&error), "watching without sound");
                        None
                    }
                }
            }
            _ => None,
        };
        Ok(Self { pictures, sound, frames: Vec::new(), chunks: Vec::new() })
    }

    pub fn has_pictures(&self) -> bool {
        self.pictures.is_some()
    }

    pub fn has_sound(&self) -> bool {
        self.sound.is_some()
    }

    /// What is decoded of the pictures right now.
    pub fn mode(&self) -> Option<ActiveMode> {
        self.pictures.as_ref().map(Decoder::mode)
    }

    /// Takes a packet and appends the windows that it completes; `seen` is told of what leads.
    ///
    /// # Errors
    /// As [`Decoder::push`].
    pub fn push(
        &mut self,
        packet: &Packet,
        timeline: &mut Timeline,
        windower: &mut Windower,
        windows: &mut Vec<Window>,
        seen: impl FnMut(&Stamp),
    ) -> Result<(), DecodeError> {
        match (packet.track, &mut self.pictures, &mut self.sound) {
            (Track::Video, Some(decoder), _) => decoder.push(packet, timeline, &mut self.frames)?,
            (Track::Audio, _, Some(decoder)) => decoder.push(packet, timeline, &mut self.chunks),
            _ => {}
        }
        self.assemble(timeline, windower, windows, seen);
        Ok(())
    }

    /// The connection has ended: appends what was still inside.
    ///
    /// # Errors
    /// As [`Decoder::finish`]; what else there was has been appended.
    pub fn finish(
        &mut self,
        timeline: &mut Timeline,
        windower: &mut Windower,
        windows: &mut Vec<Window>,
        seen: impl FnMut(&Stamp),
    ) -> Result<(), DecodeError> {
        let finished = match &mut self.pictures {
            Some(decoder) => decoder.finish(timeline, &mut self.frames),
            None => Ok(()),
        };
        if let Some(decoder) = &mut self.sound {
            decoder.finish(timeline, &mut self.chunks);
        }
        self.assemble(timeline, windower, windows, seen);
        windower.finish(windows);
        finished
    }

    fn assemble(
        &mut self,
        timeline: &Timeline,
        windower: &mut Windower,
        windows: &mut Vec<Window>,
        mut seen: impl FnMut(&Stamp),
    ) {
        for frame in self.frames.drain(..) {
            seen(&frame.stamp);
            windower.push(frame, windows);
        }
        for chunk in self.chunks.drain(..) {
            if self.pictures.is_none() {
                seen(&chunk.stamp);
            }
            windower.hear(&chunk, windows);
        }
        if let Some(latest) = timeline.latest() {
            windower.passed(latest, windows);
        }
    }
}
