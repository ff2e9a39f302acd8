//! What can go wrong with a decoder.

use ffmpeg_next as ffmpeg;

use crate::data::{Fault, Remedy};

/// A fault that ends decoding. Damaged packets of clips are none: they are skipped and counted.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error(
        "decoding {codec}: this build of FFmpeg has no decoder for it: set the camera to H.264, \
         or install a full build of FFmpeg's libraries"
    )]
    NoDecoder { codec: &'static str },
    #[error(
        "decoding sound ({codec}): this build of FFmpeg has no decoder for it: set the camera to AAC \
         or G.711, or install a full build of FFmpeg's libraries"
    )]
    NoSoundDecoder { codec: &'static str },
    #[error("starting the decoder for {codec}: {cause}: the stream's description may be damaged")]
    Start { codec: &'static str, live: bool, cause: ffmpeg::Error },
    #[error(
        "scaling a {width}x{height} picture of format {format}: FFmpeg cannot ({cause}): set the \
         camera to another resolution or codec"
    )]
    Scale { width: u32, height: u32, format: String, live: bool, cause: ffmpeg::Error },
    #[error("decoding a picture ({codec}): it is damaged or cut short: replace it")]
    Damaged { codec: &'static str },
}

impl DecodeError {
    /// Every kind that [`Fault::kind`] gives.
    pub const KINDS: [&'static str; 4] = ["no_decoder", "decoder", "scale", "damaged"];
}

impl Fault for DecodeError {
    fn remedy(&self) -> Remedy {
        match self {
            // A camera may be set otherwise meanwhile; a file stays as it is.
            Self::Start { live: true, .. } | Self::Scale { live: true, .. } => Remedy::Restart,
            Self::Damaged { .. } => Remedy::Skip,
            _ => Remedy::GiveUp,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::NoDecoder { .. } | Self::NoSoundDecoder { .. } => "no_decoder",
            Self::Start { .. } => "decoder",
            Self::Scale { .. } => "scale",
            Self::Damaged { .. } => "damaged",
        }
    }
}
