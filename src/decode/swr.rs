//! The calls into FFmpeg's resampler that its Rust wrapper has no safe form of: output as
//! large as it takes, layouts as the frames have them, and a downmix that cannot clip.

#![expect(unsafe_code, reason = "raw FFmpeg calls, each with its reason beside it")]

use std::ffi::{c_int, c_void};
use std::ptr;

use ffmpeg::ffi;
use ffmpeg::frame::Audio;
use ffmpeg_next as ffmpeg;

use super::SoundSettings;
use super::downmix::{Downmix, number};

/// A resampler from frames of one format, layout and rate to interleaved f32.
pub(super) struct Swr {
    context: ptr::NonNull<ffi::SwrContext>,
    /// What the frames have: format, rate, channel layout.
    format: c_int,
    rate: c_int,
    layout: Layout,
    out_channels: usize,
    /// Where swr cannot mix the channels, or would let two of them cancel, they are mixed here.
    unmixed: Option<Downmix>,
    scratch: Vec<f32>,
}

// SAFETY: a context has no ties to the thread that made it; `&mut` guards its use.
unsafe impl Send for Swr {}

impl Swr {
    /// For frames such as `frame`.
    pub fn new(frame: &Audio, to: SoundSettings) -> Result<Self, ffmpeg::Error> {
        let layout = Layout::of_frame(frame);
        let wanted = Layout::usual(c_int::from(to.channels));
        // SAFETY: plain fields of a decoded frame.
        let (format, rate) = unsafe { ((*frame.as_ptr()).format, (*frame.as_ptr()).sample_rate) };
        let rate_out = c_int::try_from(to.rate).map_err(|_| ffmpeg::Error::InvalidData)?;
        let count = layout.0.nb_channels;
        let mixed = match (count, to.channels) {
            (2, 1) => None,
            _ => open(&layout, format, rate, &wanted, rate_out).ok(),
        };
        let (context, unmixed) = match mixed {
            Some(context) => (context, None),
            // Two into one, channels that nobody named, or too many of them.
            None => {
                let plain = Layout::unnamed(count);
                let context = open(&plain, format, rate, &plain, rate_out)?;
                (context, Some(Downmix::new(usize::try_from(count).unwrap_or(1), to.rate)))
            }
        };
        Ok(Self {
            context,
            format,
            rate,
            layout,
            out_channels: usize::from(to.channels),
            unmixed,
            scratch: Vec::new(),
        })
    }

    /// Whether it was made for frames such as this one.
    pub fn suits(&self, frame: &Audio) -> bool {
        let layout = Layout::of_frame(frame);
        // SAFETY: plain fields of a decoded frame; two initialised layouts.
        unsafe {
            let frame = frame.as_ptr();
            (*frame).format == self.format
                && (*frame).sample_rate == self.rate
                && ffi::av_channel_layout_compare(&raw const layout.0, &raw const self.layout.0)
                    == 0
        }
    }

    /// Nanoseconds of sound that went in and have not come out.
    pub fn delay(&self) -> i64 {
        // SAFETY: an initialised context.
        unsafe { ffi::swr_get_delay(self.context.as_ptr(), 1_000_000_000) }
    }

    /// Appends what comes of a frame; of `None`, what is still inside.
    pub fn run(&mut self, frame: Option<&Audio>, out: &mut Vec<f32>) -> Result<(), ffmpeg::Error> {
        let channels = self.unmixed.as_ref().map_or(self.out_channels, Downmix::channels);
        // SAFETY: the frame's own planes and length, of the format that the context was made
        // for (the caller asked `suits`); the output has the room that it is said to have.
        let written = unsafe {
            let (planes, samples) = match frame {
                Some(frame) => {
                    let frame = frame.as_ptr();
                    ((*frame).extended_data.cast::<*const u8>(), (*frame).nb_samples)
                }
                None => (ptr::null_mut(), 0),
            };
            let most = ffi::swr_get_out_samples(self.context.as_ptr(), samples).max(0);
            self.scratch.resize(most as usize * channels, 0.0);
            let mut plane = self.scratch.as_mut_ptr().cast::<u8>();
            ffi::swr_convert(self.context.as_ptr(), &raw mut plane, most, planes, samples)
        };
        let written = usize::try_from(written).map_err(|_| ffmpeg::Error::from(written))?;
        let samples = &self.scratch[..written * channels];
        match &mut self.unmixed {
            None => out.extend(samples.iter().copied().map(number)),
            Some(downmix) => downmix.mix(samples, self.out_channels, out),
        }
        Ok(())
    }
}

impl Drop for Swr {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: ours, and freed once.
        unsafe { ffi::swr_free(&raw mut context) };
    }
}

fn open(
    from: &Layout,
    format: c_int,
    rate: c_int,
    to: &Layout,
    rate_out: c_int,
) -> Result<ptr::NonNull<ffi::SwrContext>, ffmpeg::Error> {
    if !(0..ffi::AVSampleFormat::AV_SAMPLE_FMT_NB as c_int).contains(&format) || rate <= 0 {
        return Err(ffmpeg::Error::InvalidData);
    }
    let mut context = ptr::null_mut();
    // SAFETY: the format is within the enum's range; both layouts are initialised and copied.
    // What could not be initialised is freed.
    unsafe {
        let answer = ffi::swr_alloc_set_opts2(
            &raw mut context,
            // FFmpeg 5.1 takes them as mutable and only reads them.
            (&raw const to.0).cast_mut().cast(),
            ffi::AVSampleFormat::AV_SAMPLE_FMT_FLT,
            rate_out,
            (&raw const from.0).cast_mut().cast(),
            std::mem::transmute::<c_int, ffi::AVSampleFormat>(format),
            rate,
            0,
            ptr::null_mut(),
        );
        let Some(found) = ptr::NonNull::new(context) else {
            return Err(ffmpeg::Error::from(answer.min(-1)));
        };
        // Without it a downmix to floats may go beyond full scale.
        let name = c"rematrix_maxval";
        let option = ffi::av_opt_set_double(context.cast::<c_void>(), name.as_ptr(), 1.0, 0);
        let answer = if answer < 0 {
            answer
        } else if option < 0 {
            option
        } else {
            ffi::swr_init(context)
        };
        if answer < 0 {
            ffi::swr_free(&raw mut context);
            return Err(ffmpeg::Error::from(answer));
        }
        Ok(found)
    }
}

/// A channel layout of its own.
struct Layout(ffi::AVChannelLayout);

impl Layout {
    /// A frame's, or the usual one of as many channels where it names none.
    fn of_frame(frame: &Audio) -> Self {
        let mut layout = Self::empty();
        // SAFETY: the frame's layout is valid; the copy is freed on drop.
        unsafe {
            let own = &raw const (*frame.as_ptr()).ch_layout;
            if (*own).order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
                return Self::usual((*own).nb_channels);
            }
            ffi::av_channel_layout_copy(&raw mut layout.0, own);
        }
        layout
    }

    /// Mono, stereo, 5.1 and so on.
    fn usual(channels: c_int) -> Self {
        let mut layout = Self::empty();
        // SAFETY: writes a layout of its own.
        unsafe { ffi::av_channel_layout_default(&raw mut layout.0, channels.max(1)) };
        layout
    }

    fn unnamed(channels: c_int) -> Self {
        let mut layout = Self::empty();
        layout.0.order = ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC;
        layout.0.nb_channels = channels.max(1);
        layout
    }

    fn empty() -> Self {
        // SAFETY: FFmpeg documents an all-zero layout as the empty one.
        Self(unsafe { std::mem::zeroed() })
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: ours; frees what a custom layout holds.
        unsafe { ffi::av_channel_layout_uninit(&raw mut self.0) };
    }
}
