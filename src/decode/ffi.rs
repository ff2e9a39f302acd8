//! The calls into FFmpeg that its Rust wrapper has no safe form of: scaling with a stated
//! colour matrix, range and source rectangle, and sharing a packet's bytes.

#![expect(unsafe_code, reason = "raw FFmpeg calls, each with its reason beside it")]

use std::ffi::c_int;
use std::ptr;

use ffmpeg::codec::packet::{Mut, Ref};
use ffmpeg::ffi;
use ffmpeg::frame::Video;
use ffmpeg_next as ffmpeg;

use super::geometry::Area;

/// Colour of a decoded picture, as swscale wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    pub matrix: Matrix,
    /// 0 to 255 rather than 16 to 235.
    pub full_range: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matrix {
    Bt601,
    Bt709,
    Bt2020,
    Fcc,
    Smpte240m,
}

/// A swscale context from one format and size to RGB24 of another size.
pub(super) struct Sws {
    context: ptr::NonNull<ffi::SwsContext>,
    source: Area,
    /// The whole source picture, `(width, height)`.
    whole: (u32, u32),
    format: ffmpeg::format::Pixel,
    scaled: Video,
}

// SAFETY: a context has no ties to the thread that made it; `&mut` guards its use.
unsafe impl Send for Sws {}

impl Sws {
    /// From the `source` part of pictures like `frame` to RGB24 of `(width, height)`.
    pub fn new(
        frame: &Video,
        source: Area,
        (width, height): (usize, usize),
        flags: c_int,
        colour: Colour,
    ) -> Result<Self, ffmpeg::Error> {
        let side = |pixels: usize| c_int::try_from(pixels).map_err(|_| ffmpeg::Error::InvalidData);
        let (from_width, from_height) = (side(source.width)?, side(source.height)?);
        let (to_width, to_height) = (side(width)?, side(height)?);
        let format = frame.format();
        // SAFETY: plain numbers; no filters or parameters. The context is freed on drop.
        let context = unsafe {
            ffi::sws_getContext(
                from_width,
                from_height,
                format.into(),
                to_width,
                to_height,
                ffi::AVPixelFormat::AV_PIX_FMT_RGB24,
                flags,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            )
        };
        let context = ptr::NonNull::new(context).ok_or(ffmpeg::Error::InvalidData)?;
        let matrix = match colour.matrix {
            Matrix::Bt601 => ffi::SWS_CS_ITU601,
            Matrix::Bt709 => ffi::SWS_CS_ITU709,
            Matrix::Bt2020 => ffi::SWS_CS_BT2020,
            Matrix::Fcc => ffi::SWS_CS_FCC,
            Matrix::Smpte240m => ffi::SWS_CS_SMPTE240M,
        };
        // SAFETY: the tables are static. A format without a matrix (RGB) answers -1 and is
        // scaled without one, which is right.
        unsafe {
            let table = ffi::sws_getCoefficients(matrix);
            let full = c_int::from(colour.full_range);
            let one = 1 << 16;
            ffi::sws_setColorspaceDetails(context.as_ptr(), table, full, table, 1, 0, one, one);
        }
        Ok(Self {
            context,
            source,
            whole: (frame.width(), frame.height()),
            format,
            scaled: Video::new(ffmpeg::format::Pixel::RGB24, width as u32, height as u32),
        })
    }

    /// Scales one picture of the format and size that this was made for; gives its rows
    /// and how many bytes they are apart.
    pub fn run(&mut self, frame: &Video) -> Result<(&[u8], usize), ffmpeg::Error> {
        if (frame.width(), frame.height()) != self.whole || frame.format() != self.format {
            return Err(ffmpeg::Error::InputChanged);
        }
        let cropped = cropped(frame, self.source)?;
        let source = cropped.as_ref().unwrap_or(frame);
        // SAFETY: the source has the format and at least the size that the context was
        // made for, the target its own buffer of the context's output size.
        let rows = unsafe {
            let (from, to) = (source.as_ptr(), self.scaled.as_mut_ptr());
            ffi::sws_scale(
                self.context.as_ptr(),
                (*from).data.as_ptr().cast::<*const u8>(),
                (*from).linesize.as_ptr(),
                0,
                self.source.height as c_int,
                (*to).data.as_ptr(),
                (*to).linesize.as_ptr(),
            )
        };
        if rows < 0 {
            return Err(ffmpeg::Error::from(rows));
        }
        let stride = self.scaled.stride(0);
        Ok((self.scaled.data(0), stride))
    }
}

impl Drop for Sws {
    fn drop(&mut self) {
        // SAFETY: ours, and freed once.
        unsafe { ffi::sws_freeContext(self.context.as_ptr()) };
    }
}

/// A view of part of a picture that shares its bytes; `None` for all of it.
fn cropped(frame: &Video, area: Area) -> Result<Option<Video>, ffmpeg::Error> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    if (area.width, area.height) == (width, height) {
        return Ok(None);
    }
    let mut view = Video::empty();
    // SAFETY: `view` is an empty frame of its own; it takes a reference to the buffers, and
    // FFmpeg itself checks that the crop lies within the picture.
    let answer = unsafe {
        let to = view.as_mut_ptr();
        let answer = ffi::av_frame_ref(to, frame.as_ptr());
        if answer < 0 {
            answer
        } else {
            (*to).crop_left = area.x;
            (*to).crop_top = area.y;
            (*to).crop_right = width - area.x - area.width;
            (*to).crop_bottom = height - area.y - area.height;
            ffi::av_frame_apply_cropping(to, ffi::AV_FRAME_CROP_UNALIGNED as c_int)
        }
    };
    if answer < 0 { Err(ffmpeg::Error::from(answer)) } else { Ok(Some(view)) }
}

/// The 256 colours of a picture with a palette, each a native-endian 0xAARRGGBB.
pub(super) fn palette(frame: &Video) -> Option<Box<[u8; 1024]>> {
    if frame.format() != ffmpeg::format::Pixel::PAL8 {
        return None;
    }
    // SAFETY: the second plane of this format is null or its palette, of 1024 bytes.
    unsafe { (*frame.as_ptr()).data[1].cast::<[u8; 1024]>().as_ref() }.copied().map(Box::new)
}

/// A second handle of a packet; its bytes are shared, not copied.
pub(super) fn share(packet: &ffmpeg::Packet) -> ffmpeg::Packet {
    let mut shared = ffmpeg::Packet::empty();
    // SAFETY: `shared` is empty and its own. Where memory is short it stays empty, and the
    // decoder passes over an empty packet.
    unsafe { ffi::av_packet_ref(shared.as_mut_ptr(), packet.as_ptr()) };
    shared
}

/// Refuses damaged pictures instead of showing them in part.
pub(super) fn refuse_damage(context: &mut ffmpeg::codec::Context) {
    let wanted =
        ffi::AV_EF_CRCCHECK | ffi::AV_EF_BITSTREAM | ffi::AV_EF_BUFFER | ffi::AV_EF_EXPLODE;
    // SAFETY: sets one field of a context that is not open yet.
    unsafe { (*context.as_mut_ptr()).err_recognition |= wanted as c_int };
}

/// Lets damaged pictures come out: the model is to see them.
pub(super) fn show_damage(context: &mut ffmpeg::codec::Context) {
    // SAFETY: sets one flag of a context that is not open yet.
    unsafe { (*context.as_mut_ptr()).flags |= ffi::AV_CODEC_FLAG_OUTPUT_CORRUPT as c_int };
}
