//! Decoded pictures of any format, size and colour as RGB frames at the model's size.

use std::sync::Arc;

use ffmpeg::color::{Range, Space};
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;

use super::bicubic::{Bicubic, View};
use super::error::DecodeError;
use super::ffi::{Colour, Matrix, Sws};
use super::geometry::{Coded, Mapping, paint, place};
use super::pool::Pool;
use super::rgb::FullSize;
use super::settings::DecodeSettings;
use crate::data::VideoTrack;
use crate::data::manifest::{Filter, Resize};

/// What is painted over masked parts.
const MASK_GREY: u8 = 128;
/// Pictures of this many rows and more are BT.709 where they do not say.
const HD_ROWS: u32 = 720;

/// Keeps a scaler for as long as pictures stay of one kind.
pub struct Scaler {
    settings: DecodeSettings,
    /// Quarter turns and mirroring, as in [`Coded`].
    turns: (u8, bool),
    /// A single picture's pixels are square whatever it says, as for every other program.
    still: bool,
    live: bool,
    pool: Pool,
    current: Option<Current>,
}

struct Current {
    kind: Kind,
    mapping: Mapping,
    way: Way,
}

/// How the looked-at part comes to its size.
enum Way {
    /// swscale does all at once, from the picture as coded.
    Swscale(Sws),
    /// All of the picture as upright RGB first, then [`Bicubic`].
    Pillow(Box<(FullSize, Bicubic)>),
}

/// All that a scaler depends on.
#[derive(Clone, Copy, PartialEq)]
struct Kind {
    format: ffmpeg::format::Pixel,
    width: u32,
    height: u32,
    pixel_aspect: f64,
    colour: Colour,
}

impl Scaler {
    pub fn new(settings: &DecodeSettings, track: &VideoTrack, still: bool) -> Self {
        let [height, width] = settings.size;
        Self {
            settings: settings.clone(),
            turns: (track.quarter_turns, track.mirrored),
            still,
            live: track.live,
            pool: Pool::new(height * width * 3),
            current: None,
        }
    }

    /// `[height, width, 3]` RGB of one picture, upright.
    pub fn run(&mut self, frame: &Video) -> Result<Arc<Vec<u8>>, DecodeError> {
        let live = self.live;
        let fault = |cause| DecodeError::Scale {
            width: frame.width(),
            height: frame.height(),
            format: format!("{:?}", frame.format()).to_lowercase(),
            live,
            cause,
        };
        let kind = Kind::of(frame, self.still);
        let current = match &mut self.current {
            Some(current) if current.kind == kind => current,
            stale => {
                *stale = None;
                let made = build(&self.settings, self.turns, frame, kind);
                stale.insert(made.map_err(fault)?)
            }
        };
        let mapping = &current.mapping;
        let (scaled, stride, turns) = match &mut current.way {
            Way::Swscale(sws) => {
                let (scaled, stride) = sws.run(frame).map_err(fault)?;
                (scaled, stride, self.turns)
            }
            Way::Pillow(both) => {
                let (full, bicubic) = &mut **both;
                let all = full.run(frame, kind.colour, self.turns, self.still).map_err(fault)?;
                let source = mapping.source;
                let part = View {
                    pixels: &all.pixels[source.y * all.stride + source.x * 3..],
                    stride: all.stride,
                    width: source.width,
                    height: source.height,
                };
                (bicubic.run(part), mapping.target.width * 3, (0, false))
            }
        };
        let (columns, padded) = (self.settings.size[1], self.settings.resize == Resize::Pad);
        self.pool.fill(|pixels| {
            if padded {
                pixels.fill(0);
            }
            place(scaled, stride, turns, pixels, columns, mapping.target);
            for mask in &mapping.masks {
                paint(pixels, columns, *mask, MASK_GREY);
            }
            Ok(())
        })
    }
}

fn build(
    settings: &DecodeSettings,
    (quarter_turns, mirrored): (u8, bool),
    frame: &Video,
    kind: Kind,
) -> Result<Current, ffmpeg::Error> {
    use ffmpeg::software::scaling::Flags;
    let coded = Coded {
        width: kind.width as usize,
        height: kind.height as usize,
        pixel_aspect: kind.pixel_aspect,
        quarter_turns,
        mirrored,
    };
    if coded.width == 0 || coded.height == 0 {
        return Err(ffmpeg::Error::InvalidData);
    }
    let map = |coded| {
        let DecodeSettings { size, resize, crop_fraction, crop, ref masks, .. } = *settings;
        Mapping::new(coded, size, resize, crop_fraction, crop, masks)
    };
    let filter = match settings.filter {
        Filter::Area => Flags::AREA,
        Filter::Bilinear => Flags::BILINEAR,
        Filter::Bicubic => {
            let mapping = map(coded.upright());
            let (source, target) = (mapping.source, mapping.target);
            let bicubic =
                Bicubic::new((source.width, source.height), (target.width, target.height));
            let way = Way::Pillow(Box::new((FullSize::default(), bicubic)));
            return Ok(Current { kind, mapping, way });
        }
    };
    let mapping = map(coded);
    // No flag beside the filter: models are trained on what FFmpeg's own scaling gives (its
    // chroma at half the output's width), and full chroma looks like noise to them.
    let target = mapping.target;
    let size = if quarter_turns % 2 == 1 {
        (target.height, target.width)
    } else {
        (target.width, target.height)
    };
    let sws = Sws::new(frame, mapping.source, size, filter.bits(), kind.colour)?;
    Ok(Current { kind, mapping, way: Way::Swscale(sws) })
}

impl Kind {
    fn of(frame: &Video, still: bool) -> Self {
        let aspect = frame.aspect_ratio();
        let known = !still && aspect.numerator() > 0 && aspect.denominator() > 0;
        Self {
            format: frame.format(),
            width: frame.width(),
            height: frame.height(),
            pixel_aspect: if known { f64::from(aspect) } else { 1.0 },
            colour: colour(frame),
        }
    }
}

fn colour(frame: &Video) -> Colour {
    let matrix = match frame.color_space() {
        Space::BT709 => Matrix::Bt709,
        Space::BT470BG | Space::SMPTE170M => Matrix::Bt601,
        Space::BT2020NCL | Space::BT2020CL => Matrix::Bt2020,
        Space::FCC => Matrix::Fcc,
        Space::SMPTE240M => Matrix::Smpte240m,
        _ if frame.height() >= HD_ROWS => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    let name = frame.format().descriptor().map_or("", |descriptor| descriptor.name());
    // `yuvj…` are full by name, and grey is unless it says otherwise.
    let full = match frame.color_range() {
        Range::JPEG => true,
        Range::MPEG => name.starts_with("yuvj"),
        _ => name.starts_with("yuvj") || name.starts_with("gray"),
    };
    Colour { matrix, full_range: full }
}
