//! Decoded pictures as RGB of their own size, upright.
//!
//! What is RGB or grey already is copied, not computed: alpha is dropped, and of 16 bits the
//! upper 8 are kept, as Pillow does. Colours of JPEG and WebP are made as libjpeg and
//! libwebp make them, all others by swscale with full chroma.

use ffmpeg::format::Pixel;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;

use super::bicubic::View;
use super::ffi::{self, Colour, Matrix, Sws};
use super::geometry::{Area, place};
use super::ycc::{self, Form, Plane, Subsampling};

const CHANNELS: usize = 3;

/// Keeps its buffers, and the scaler where one is needed, for pictures of one kind.
#[derive(Default)]
pub(super) struct FullSize {
    sws: Option<Sws>,
    coded: Vec<u8>,
    upright: Vec<u8>,
}

impl FullSize {
    /// All of a picture; `turns` are quarter turns and mirroring as in
    /// [`super::geometry::Coded`], `still` says that it is no frame of a clip.
    pub fn run(
        &mut self,
        frame: &Video,
        colour: Colour,
        turns: (u8, bool),
        still: bool,
    ) -> Result<View<'_>, ffmpeg::Error> {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        self.coded.resize(width * height * CHANNELS, 0);
        if let Some(packed) = Packed::of(frame, colour) {
            packed.copy(frame, &mut self.coded);
        } else if let Some((form, sub)) = planes(frame, colour, still) {
            let plane = |index: usize| {
                let chroma = index > 0;
                let across = if chroma { sub.across } else { 1 };
                Plane {
                    samples: frame.data(index),
                    stride: frame.stride(index),
                    width: width.div_ceil(across),
                    height: frame.plane_height(index) as usize,
                }
            };
            ycc::to_rgb(plane(0), [plane(1), plane(2)], (form, sub), &mut self.coded);
        } else {
            self.by_swscale(frame, colour)?;
        }
        if turns == (0, false) {
            let pixels = &self.coded;
            return Ok(View { pixels, stride: width * CHANNELS, width, height });
        }
        let stride = width * CHANNELS;
        let (width, height) = if turns.0 % 2 == 1 { (height, width) } else { (width, height) };
        self.upright.resize(self.coded.len(), 0);
        let all = Area { x: 0, y: 0, width, height };
        place(&self.coded, stride, turns, &mut self.upright, width, all);
        Ok(View { pixels: &self.upright, stride: width * CHANNELS, width, height })
    }

    fn by_swscale(&mut self, frame: &Video, colour: Colour) -> Result<(), ffmpeg::Error> {
        use ffmpeg::software::scaling::Flags;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let sws = match &mut self.sws {
            Some(sws) => sws,
            none => {
                let all = Area { x: 0, y: 0, width, height };
                let flags = Flags::BILINEAR
                    | Flags::FULL_CHR_H_INT
                    | Flags::FULL_CHR_H_INP
                    | Flags::ACCURATE_RND;
                none.insert(Sws::new(frame, all, (width, height), flags.bits(), colour)?)
            }
        };
        let (rows, stride) = sws.run(frame)?;
        let row_bytes = width * CHANNELS;
        for (out, row) in self.coded.chunks_exact_mut(row_bytes).zip(rows.chunks(stride)) {
            out.copy_from_slice(&row[..row_bytes]);
        }
        Ok(())
    }
}

/// Where the colours of formats lie that need no arithmetic.
enum Packed {
    /// Bytes from one pixel to the next, and where in them red, green and blue are.
    Bytes(usize, [usize; CHANNELS]),
    /// Planes of red, green and blue.
    Planes([usize; CHANNELS]),
    Palette(Box<[u8; 1024]>),
    /// A bit a pixel, the highest first; whether 1 is white.
    Bits(bool),
}

impl Packed {
    fn of(frame: &Video, colour: Colour) -> Option<Self> {
        Some(match frame.format() {
            Pixel::RGB24 => Self::Bytes(3, [0, 1, 2]),
            Pixel::BGR24 => Self::Bytes(3, [2, 1, 0]),
            Pixel::RGBA | Pixel::RGBZ => Self::Bytes(4, [0, 1, 2]),
            Pixel::BGRA | Pixel::BGRZ => Self::Bytes(4, [2, 1, 0]),
            Pixel::ARGB | Pixel::ZRGB => Self::Bytes(4, [1, 2, 3]),
            Pixel::ABGR | Pixel::ZBGR => Self::Bytes(4, [3, 2, 1]),
            Pixel::RGB48BE => Self::Bytes(6, [0, 2, 4]),
            Pixel::RGB48LE => Self::Bytes(6, [1, 3, 5]),
            Pixel::RGBA64BE => Self::Bytes(8, [0, 2, 4]),
            Pixel::RGBA64LE => Self::Bytes(8, [1, 3, 5]),
            Pixel::GRAY8 if colour.full_range => Self::Bytes(1, [0; 3]),
            Pixel::YA8 if colour.full_range => Self::Bytes(2, [0; 3]),
            Pixel::GRAY16BE if colour.full_range => Self::Bytes(2, [0; 3]),
            Pixel::GRAY16LE if colour.full_range => Self::Bytes(2, [1; 3]),
            Pixel::YA16BE if colour.full_range => Self::Bytes(4, [0; 3]),
            Pixel::YA16LE if colour.full_range => Self::Bytes(4, [1; 3]),
            Pixel::GBRP | Pixel::GBRAP => Self::Planes([2, 0, 1]),
            Pixel::PAL8 => Self::Palette(ffi::palette(frame)?),
            Pixel::MonoBlack => Self::Bits(true),
            Pixel::MonoWhite => Self::Bits(false),
            _ => return None,
        })
    }

    /// Writes `[height, width, 3]`.
    fn copy(&self, frame: &Video, rgb: &mut [u8]) {
        let row = |plane: usize, y: usize| &frame.data(plane)[y * frame.stride(plane)..];
        let row_bytes = frame.width() as usize * CHANNELS;
        for (y, out) in rgb.chunks_exact_mut(row_bytes).enumerate() {
            let pixels = out.chunks_exact_mut(CHANNELS);
            match self {
                Self::Bytes(step, at) => {
                    for (pixel, coded) in pixels.zip(row(0, y).chunks_exact(*step)) {
                        pixel.copy_from_slice(&at.map(|at| coded[at]));
                    }
                }
                Self::Planes(planes) => {
                    let planes = planes.map(|plane| row(plane, y));
                    pixels
                        .enumerate()
                        .for_each(|(x, pixel)| pixel.copy_from_slice(&planes.map(|p| p[x])));
                }
                Self::Palette(palette) => {
                    for (pixel, index) in pixels.zip(row(0, y)) {
                        let entry = &palette[usize::from(*index) * 4..][..4];
                        let [_, red, green, blue] =
                            u32::from_ne_bytes(entry.try_into().expect("four bytes of a palette"))
                                .to_be_bytes();
                        pixel.copy_from_slice(&[red, green, blue]);
                    }
                }
                Self::Bits(one_is_white) => {
                    let coded = row(0, y);
                    for (x, pixel) in pixels.enumerate() {
                        let one = coded[x / 8] >> (7 - x % 8) & 1 == 1;
                        pixel.fill(if one == *one_is_white { 255 } else { 0 });
                    }
                }
            }
        }
    }
}

/// What a picture's planes are, if they are a JPEG's (full range, BT.601, chroma in the middle
/// between the pixels that share it) or a WebP's (the one kind of single picture that is of
/// limited range).
fn planes(frame: &Video, colour: Colour, still: bool) -> Option<(Form, Subsampling)> {
    use ffmpeg::chroma::Location;
    let jpeg = colour.full_range
        && colour.matrix == Matrix::Bt601
        && frame.chroma_location() == Location::Center;
    let (form, across, down) = match frame.format() {
        Pixel::YUVJ420P if jpeg => (Form::Jfif, 2, 2),
        Pixel::YUVJ422P if jpeg => (Form::Jfif, 2, 1),
        Pixel::YUVJ440P if jpeg => (Form::Jfif, 1, 2),
        Pixel::YUVJ444P if jpeg => (Form::Jfif, 1, 1),
        Pixel::YUV420P | Pixel::YUVA420P if still && !colour.full_range => (Form::Webp, 2, 2),
        _ => return None,
    };
    Some((form, Subsampling { across, down }))
}
