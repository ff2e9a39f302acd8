//! The calls into FFmpeg that its Rust wrapper has no safe form of: opening with an
//! interrupt callback, a forced demuxer and a check of every URL; and the log callback.

#![expect(unsafe_code, reason = "raw FFmpeg calls, each with its reason beside it")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ffmpeg::ffi;
use ffmpeg::media::Type;
use ffmpeg_next as ffmpeg;

use super::follow::{self, open_url};
use super::log;
use super::policy::{Policy, REFUSED_DEMUXERS, Refusal};
use super::settings::Tls;
use super::watch::Watch;

/// What to open, and under which rules.
pub(super) struct Request<'a> {
    /// As FFmpeg wants it; a file's name need not be UTF-8.
    pub url: &'a [u8],
    /// A demuxer's name, for devices and graphs.
    pub demuxer: Option<&'a str>,
    pub options: &'a BTreeMap<String, String>,
    /// Reads return at once with `EAGAIN` where there is nothing: for V4L2, whose
    /// blocking read asks no interrupt callback.
    pub nonblocking: bool,
    pub refuse_scripts: bool,
}

/// Why opening failed.
pub(super) enum OpenFailure {
    Answer(ffmpeg::Error),
    NoDemuxer,
    UnknownOption(String),
}

/// Shared with FFmpeg's callbacks; outlives the input.
pub(super) struct Hooks {
    pub watch: Arc<Watch>,
    pub policy: Policy,
    /// The first URL that was refused.
    refused: Mutex<Option<Refusal>>,
    /// FFmpeg's own way to open a URL.
    pub open: OnceLock<OpenUrl>,
    /// Longest segment that a playlist announced, in milliseconds; 0: none did.
    pub segment: AtomicU64,
    pub tls: TlsOptions,
}

/// What FFmpeg's TLS is told, as it wants it.
pub(super) struct TlsOptions {
    pub verify: bool,
    pub ca_file: Option<CString>,
}

/// A playlist may be silent for as many of its segments.
const SEGMENTS: u32 = 3;

pub(super) type OpenUrl = unsafe extern "C" fn(
    *mut ffi::AVFormatContext,
    *mut *mut ffi::AVIOContext,
    *const c_char,
    c_int,
    *mut *mut ffi::AVDictionary,
) -> c_int;

impl Hooks {
    pub fn new(watch: Arc<Watch>, policy: Policy, tls: &Tls) -> Arc<Self> {
        // A path that was opened before holds no NUL.
        let path = |path: &PathBuf| CString::new(path.as_os_str().as_encoded_bytes()).ok();
        let tls = TlsOptions { verify: tls.verify, ca_file: tls.ca_file.as_ref().and_then(path) };
        Arc::new(Self {
            watch,
            policy,
            refused: Mutex::new(None),
            open: OnceLock::new(),
            segment: AtomicU64::new(0),
            tls,
        })
    }

    /// `stall_timeout`, or as long as three segments last.
    pub fn patience(&self, stall_timeout: Duration) -> Duration {
        let segment = Duration::from_millis(self.segment.load(Ordering::Relaxed));
        stall_timeout.max(SEGMENTS * segment)
    }

    /// What was refused since the last call.
    pub fn take_refusal(&self) -> Option<Refusal> {
        self.refused.lock().expect("no holder of this lock panics").take()
    }

    pub fn refuse(&self, refusal: Refusal) -> c_int {
        self.refused.lock().expect("no holder of this lock panics").get_or_insert(refusal);
        ffi::AVERROR(ffmpeg::error::EPERM)
    }
}

/// An open input and the hooks that its callbacks use. Fields drop in this order.
pub(super) struct Opened {
    pub input: ffmpeg::format::context::Input,
    pub hooks: Arc<Hooks>,
}

/// Opens an input, without looking for its streams yet.
pub(super) fn open(request: &Request<'_>, hooks: &Arc<Hooks>) -> Result<Opened, OpenFailure> {
    let bad_text = || OpenFailure::Answer(ffmpeg::Error::Other { errno: ffmpeg::error::EINVAL });
    let url = CString::new(request.url).map_err(|_| bad_text())?;
    let mut format = ptr::null();
    if let Some(name) = request.demuxer {
        let name = CString::new(name).map_err(|_| bad_text())?;
        // SAFETY: a NUL-terminated name; the answer is static or null.
        format = unsafe { ffi::av_find_input_format(name.as_ptr()) };
        if format.is_null() {
            return Err(OpenFailure::NoDemuxer);
        }
    }
    let mut options = ffmpeg::Dictionary::new();
    for (name, value) in request.options {
        if name.contains('\0') || value.contains('\0') {
            return Err(bad_text());
        }
        options.set(name, value);
    }
    if request.refuse_scripts {
        options.set("format_whitelist", &demuxers_without(&REFUSED_DEMUXERS));
    }
    // SAFETY: the context is fresh, and ours until it is wrapped below. `Opened` keeps the
    // hooks and drops them after the input. On failure `avformat_open_input` frees the
    // context. The dictionary's pointer goes in and comes back, holding what was not taken.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            let errno = ffmpeg::error::ENOMEM;
            return Err(OpenFailure::Answer(ffmpeg::Error::Other { errno }));
        }
        if let Some(open) = (*context).io_open {
            hooks.open.get_or_init(|| open);
        }
        let opaque = Arc::as_ptr(hooks).cast_mut().cast::<c_void>();
        (*context).opaque = opaque;
        (*context).io_open = Some(open_url);
        (*context).interrupt_callback =
            ffi::AVIOInterruptCB { callback: Some(interrupted), opaque };
        if request.nonblocking {
            (*context).flags |= ffi::AVFMT_FLAG_NONBLOCK;
        }
        let _listening = follow::Listening::new(hooks);
        let mut left = options.disown();
        let answer = ffi::avformat_open_input(
            &raw mut context,
            url.as_ptr(),
            format as *mut _,
            &raw mut left,
        );
        let left = ffmpeg::Dictionary::own(left);
        if answer < 0 {
            return Err(OpenFailure::Answer(ffmpeg::Error::from(answer)));
        }
        let input = ffmpeg::format::context::Input::wrap(context);
        let unknown = left.iter().map(|(name, _)| name).find(|name| {
            // Ours, and meant for whichever demuxer takes them.
            !matches!(
                *name,
                "http_persistent" | "live_start_index" | "max_redirects" | "pattern_type"
            )
        });
        if let Some(name) = unknown {
            let name = name.to_owned();
            drop(input);
            return Err(OpenFailure::UnknownOption(name));
        }
        Ok(Opened { input, hooks: hooks.clone() })
    }
}

/// Reads as much as it takes to know the streams' codecs and sizes.
pub(super) fn find_streams(
    input: &mut ffmpeg::format::context::Input,
) -> Result<(), ffmpeg::Error> {
    // SAFETY: the context is open, and borrowed by nobody else.
    let answer = unsafe { ffi::avformat_find_stream_info(input.as_mut_ptr(), ptr::null_mut()) };
    if answer < 0 { Err(ffmpeg::Error::from(answer)) } else { Ok(()) }
}

/// Whether it cannot be sought in at all: a live playlist.
pub(super) fn is_unseekable(input: &ffmpeg::format::context::Input) -> bool {
    // SAFETY: reads one integer of an open context.
    unsafe { (*input.as_ptr()).ctx_flags & ffi::AVFMTCTX_UNSEEKABLE != 0 }
}

/// Whether the resource says how long it is: a live one cannot.
pub(super) fn has_length(input: &ffmpeg::format::context::Input) -> bool {
    // SAFETY: asks an open context's resource, where it has one, for a number.
    unsafe {
        let pb = (*input.as_ptr()).pb;
        !pb.is_null() && ffi::avio_size(pb) > 0
    }
}

/// Stamps what is read with this machine's clock, in place of times that a demuxer made up.
pub(super) fn stamp_by_the_clock(input: &mut ffmpeg::format::context::Input) {
    // SAFETY: sets one integer option of an open context.
    unsafe { (*input.as_mut_ptr()).use_wallclock_as_timestamps = 1 }
}

/// Whether the resource lets itself be read from any place.
pub(super) fn can_seek(input: &ffmpeg::format::context::Input) -> bool {
    // SAFETY: reads one integer of an open context's resource, where it has one.
    unsafe { (*input.as_ptr()).pb.as_ref().is_some_and(|pb| pb.seekable != 0) }
}

/// Where the input really is, after redirects of RTSP.
pub(super) fn final_url(input: &ffmpeg::format::context::Input) -> String {
    // SAFETY: the URL of an open context is null or NUL-terminated.
    unsafe { text((*input.as_ptr()).url) }
}

/// The best audio stream to go with a video stream: of its programme or of none, never of another
/// one. Of all, where there is no video. Where there is none, with `later` one that the container of
/// pictures names, and that has not begun.
pub(super) fn best_audio(
    input: &ffmpeg::format::context::Input,
    video: Option<usize>,
    later: bool,
) -> Option<usize> {
    let related = video.and_then(|video| c_int::try_from(video).ok()).unwrap_or(-1);
    // SAFETY: the context is open, and the decoder is not asked for.
    let best = unsafe {
        ffi::av_find_best_stream(
            input.as_ptr().cast_mut(),
            ffi::AVMediaType::AVMEDIA_TYPE_AUDIO,
            -1,
            related,
            ptr::null_mut(),
            0,
        )
    };
    let programmes = programmes(input);
    // FFmpeg looks everywhere where the video's programme has no sound.
    let goes_with_video = |audio: &usize| {
        let own: Vec<_> = programmes.iter().filter(|all| all.contains(audio)).collect();
        own.is_empty() || video.is_none_or(|video| own.iter().any(|all| all.contains(&video)))
    };
    let best = usize::try_from(best).ok().filter(goes_with_video);
    let later = later && input.streams().any(|stream| stream.parameters().medium() == Type::Video);
    best.or_else(|| {
        let all = (0..input.nb_streams() as usize).filter(|stream| begins_later(input, *stream));
        all.filter(|_| later).find(goes_with_video)
    })
}

/// Whether a stream is of sound that can be decoded and of which none had come when FFmpeg had read
/// enough: its decoder will find rate and channels in it.
pub(super) fn begins_later(input: &ffmpeg::format::context::Input, stream: usize) -> bool {
    input.stream(stream).is_some_and(|stream| {
        let parameters = stream.parameters();
        parameters.medium() == Type::Audio
            && sound(&parameters).0 == 0
            && ffmpeg::decoder::find(parameters.id()).is_some()
    })
}

/// The streams of each programme: of each channel of a broadcast, of each variant of a playlist.
fn programmes(input: &ffmpeg::format::context::Input) -> Vec<Vec<usize>> {
    // SAFETY: an open context has `nb_programs` pointers to programmes that live as long, each of
    // which has `nb_stream_indexes` numbers.
    unsafe {
        let input = &*input.as_ptr();
        let indexes = |at: usize| {
            let programme = &**input.programs.add(at);
            (0..programme.nb_stream_indexes as usize)
                .map(|at| *programme.stream_index.add(at) as usize)
                .collect()
        };
        (0..input.nb_programs as usize).map(indexes).collect()
    }
}

/// Tells the demuxer that a stream's packets are not wanted.
pub(super) fn discard(input: &mut ffmpeg::format::context::Input, stream: usize) {
    if let Some(stream) = input.stream_mut(stream) {
        // SAFETY: writes one field of a stream of an open context.
        unsafe { (*stream.as_ptr().cast_mut()).discard = ffi::AVDiscard::AVDISCARD_ALL };
    }
}

/// Width, height and pixel format's name, as far as the container or the probe knows.
pub(super) fn picture(parameters: &ffmpeg::codec::Parameters) -> (u32, u32, Option<String>) {
    // SAFETY: plain fields; for video `format` is a pixel format or -1, and
    // `av_get_pix_fmt_name` answers null for what it does not know. An AVPixelFormat is
    // only made of a number within its range.
    unsafe {
        let parameters = parameters.as_ptr();
        let format = (*parameters).format;
        let known = (0..ffi::AVPixelFormat::AV_PIX_FMT_NB as c_int).contains(&format);
        let name = known.then(|| {
            let format = std::mem::transmute::<c_int, ffi::AVPixelFormat>(format);
            text(ffi::av_get_pix_fmt_name(format))
        });
        let side = |pixels: c_int| u32::try_from(pixels).unwrap_or(0);
        (side((*parameters).width), side((*parameters).height), name)
    }
}

/// Sample rate and channels of an audio track.
pub(super) fn sound(parameters: &ffmpeg::codec::Parameters) -> (u32, u32) {
    // SAFETY: plain fields of the parameters.
    unsafe {
        let parameters = parameters.as_ptr();
        let count = |n: c_int| u32::try_from(n).unwrap_or(0);
        (count((*parameters).sample_rate), count((*parameters).ch_layout.nb_channels))
    }
}

/// The description of f32 samples, little-endian and interleaved.
#[cfg(feature = "microphone")]
pub(super) fn pcm(rate: u32, channels: u16) -> ffmpeg::codec::Parameters {
    let mut parameters = ffmpeg::codec::Parameters::new();
    // SAFETY: plain fields of parameters of its own; the layout that they had is empty.
    unsafe {
        let own = parameters.as_mut_ptr();
        (*own).codec_type = ffi::AVMediaType::AVMEDIA_TYPE_AUDIO;
        (*own).codec_id = ffi::AVCodecID::AV_CODEC_ID_PCM_F32LE;
        (*own).format = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLT as c_int;
        (*own).sample_rate = c_int::try_from(rate).unwrap_or(c_int::MAX);
        (*own).bits_per_coded_sample = 32;
        ffi::av_channel_layout_default(&raw mut (*own).ch_layout, c_int::from(channels));
    }
    parameters
}

/// Sends FFmpeg's messages to [`log`]. Where its C argument list cannot be taken (other
/// machines than x86-64), FFmpeg is made quiet: its messages could hold credentials.
pub(super) fn capture_log() {
    #[cfg(all(target_arch = "x86_64", unix))]
    // SAFETY: the callback lives as long as the program and may be called by any thread.
    unsafe {
        ffi::av_log_set_callback(Some(take_message));
    }
    #[cfg(not(all(target_arch = "x86_64", unix)))]
    ffmpeg::log::set_level(ffmpeg::log::Level::Quiet);
}

/// All demuxers of this FFmpeg but some, as `format_whitelist` wants them.
fn demuxers_without(refused: &[&str]) -> String {
    let mut names = Vec::new();
    let mut state = ptr::null_mut();
    loop {
        // SAFETY: the iterator's own state; answers are static or null.
        let demuxer = unsafe { ffi::av_demuxer_iterate(&raw mut state) };
        if demuxer.is_null() {
            return names.join(",");
        }
        // SAFETY: a demuxer's name is a static string.
        let name = unsafe { text((*demuxer).name) };
        if !refused.contains(&name.as_str()) {
            names.push(name);
        }
    }
}

/// A copy of a C string; empty for null.
///
/// # Safety
/// `chars` is null or NUL-terminated.
pub(super) unsafe fn text(chars: *const c_char) -> String {
    if chars.is_null() {
        return String::new();
    }
    // SAFETY: not null, and NUL-terminated by the caller's promise.
    unsafe { CStr::from_ptr(chars) }.to_string_lossy().into_owned()
}

/// FFmpeg asks whether to give up a blocking call.
unsafe extern "C" fn interrupted(opaque: *mut c_void) -> c_int {
    // SAFETY: `open` set it to the hooks, which outlive the context.
    let hooks = unsafe { &*opaque.cast::<Hooks>() };
    c_int::from(hooks.watch.breaks_off())
}

#[cfg(all(target_arch = "x86_64", unix))]
unsafe extern "C" fn take_message(
    context: *mut c_void,
    level: c_int,
    format: *const c_char,
    arguments: *mut ffi::__va_list_tag,
) {
    // The upper bits tint the terminal.
    let level = level & 0xff;
    // SAFETY: FFmpeg's own format.
    let heard = unsafe { follow::wants(format) };
    if !heard && !log::wanted(level) {
        return;
    }
    thread_local! {
        static AT_LINE_START: std::cell::Cell<c_int> = const { std::cell::Cell::new(1) };
    }
    // An HTTP header has up to 4096 bytes.
    let mut line = [0 as c_char; 4400];
    let mut prefix = if heard { 0 } else { AT_LINE_START.get() };
    // SAFETY: FFmpeg's own arguments, passed on once; the line is NUL-terminated within
    // its length.
    let message = unsafe {
        ffi::av_log_format_line2(
            context,
            level,
            format,
            arguments,
            line.as_mut_ptr(),
            line.len() as c_int,
            &raw mut prefix,
        );
        text(line.as_ptr())
    };
    if heard {
        // Headers may hold session keys: they are for `follow` alone.
        return follow::hear(&message);
    }
    AT_LINE_START.set(prefix);
    log::piece(level, &message);
}
