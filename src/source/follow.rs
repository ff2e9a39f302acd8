//! Opens what FFmpeg asks for, and follows redirects in its place: each is judged before
//! the other host hears of it, and a source's own headers stay with its own host.

#![expect(unsafe_code, reason = "raw FFmpeg calls, each with its reason beside it")]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ffmpeg::ffi;
use ffmpeg_next as ffmpeg;
use url::Url;

use super::ffi::{Hooks, text};
use super::playlist;
use super::policy::{Refusal, is_same_server};
use crate::telemetry::redact;

/// Whether FFmpeg's messages are had, which say where a redirect leads.
pub(super) const HEARS: bool = cfg!(all(target_arch = "x86_64", unix));

/// As many as FFmpeg follows.
const MOST_REDIRECTS: usize = 8;

/// Options that may hold secrets of the source's own host.
const PRIVATE: [&CStr; 3] = [c"headers", c"cookies", c"referer"];

/// How FFmpeg writes the lines that are listened for.
const HTTP_LINE: &CStr = c"header='%s'\n";
const RTSP_REDIRECT: &CStr = c"Status %d: Redirecting to %s\n";
/// Of FFmpeg with GnuTLS, as Debian builds it.
const CERTIFICATE: [&CStr; 3] = [
    c"Unable to verify peer certificate: %s\n",
    c"Peer certificate failed verification\n",
    c"The certificate's owner does not match hostname %s\n",
];

/// How messages begin that name a URL which a playlist leads to and which FFmpeg itself does not
/// open: for its name, with the option that would allow it, or (`None`) for whatever reason.
const BLOCKED: [(&str, &str, Option<&str>); 3] = [
    ("URL ", " is not in allowed_", Some("extension_picky = 0")),
    ("Filename extension of '", "' is not a common", Some("allowed_extensions = \"ALL\"")),
    ("Error when loading first segment '", "'", None),
];

thread_local! {
    /// Whose calls into FFmpeg are under way on this thread.
    static CURRENT: Cell<*const Hooks> = const { Cell::new(ptr::null()) };
    static ANSWER: RefCell<Answer> = const { RefCell::new(Answer { status: 0, location: None }) };
}

/// What an HTTP server said last on this thread.
struct Answer {
    status: u16,
    location: Option<String>,
}

/// While it lives, what servers say on this thread is heard.
pub(super) struct Listening(*const Hooks);

impl Listening {
    pub fn new(hooks: &Hooks) -> Self {
        Self(CURRENT.replace(hooks))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Whether a message of FFmpeg's, by its form, is one that [`hear`] wants.
///
/// # Safety
/// `format` is NUL-terminated.
pub(super) unsafe fn wants(format: *const c_char) -> bool {
    // SAFETY: by the caller's promise.
    !CURRENT.get().is_null() && {
        let format = unsafe { CStr::from_ptr(format) };
        [HTTP_LINE, RTSP_REDIRECT].contains(&format)
            || CERTIFICATE.contains(&format)
            || format.to_str().is_ok_and(|format| blocked(format).is_some())
    }
}

/// The URL in a message of [`BLOCKED`], and the option.
fn blocked(message: &str) -> Option<(&str, Option<&'static str>)> {
    BLOCKED.into_iter().find_map(|(begin, end, option)| {
        let url = message.strip_prefix(begin)?;
        Some((&url[..url.rfind(end)?], option))
    })
}

/// Takes a message that is wanted, without FFmpeg's prefix.
pub(super) fn hear(message: &str) {
    let message = message.trim_end();
    if let Some((url, option)) = blocked(message) {
        // SAFETY: set by `Listening` to hooks that outlive the call that is under way.
        let Some(hooks) = (unsafe { CURRENT.get().as_ref() }) else { return };
        match option {
            Some(option) => _ = hooks.refuse(hooks.policy.judge_blocked(url, option)),
            None => {
                if let Err(refusal) = hooks.policy.judge(url) {
                    hooks.refuse(refusal);
                }
            }
        }
        return;
    }
    if let Some((_, target)) = message.split_once(": Redirecting to ") {
        // RTSP goes there next by itself. SAFETY: set by `Listening` to hooks that outlive
        // the call that is under way.
        let Some(hooks) = (unsafe { CURRENT.get().as_ref() }) else { return };
        if let Err(refusal) = hooks.policy.judge_redirect(target) {
            hooks.refuse(refusal);
            hooks.watch.break_off();
        }
        return;
    }
    if message.contains("certificate") && !message.starts_with("header='") {
        // SAFETY: as above.
        if let Some(hooks) = unsafe { CURRENT.get().as_ref() } {
            let of_another = message.contains("owner");
            hooks.refuse(Refusal::Certificate { of_another });
        }
        return;
    }
    let Some(line) = message.strip_prefix("header='").and_then(|line| line.strip_suffix('\''))
    else {
        return;
    };
    ANSWER.with_borrow_mut(|answer| {
        if line.starts_with("HTTP/") {
            answer.status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
            answer.location = None;
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("location")
        {
            answer.location = Some(value.trim().to_owned());
        }
    });
}

/// Where the server's last answer sent whoever asked `from`; `None`: nowhere.
fn redirected(from: &str) -> Option<Url> {
    let location = ANSWER.with_borrow_mut(|answer| {
        let location = answer.location.take();
        matches!(answer.status, 301..=303 | 307 | 308).then_some(location).flatten()
    })?;
    let from = Url::parse(from).ok()?;
    let mut target = from.join(&location).ok()?;
    if is_same_server(&from, &target) && target.username().is_empty() {
        // It is the same camera, with the same user. A URL with a host takes both.
        let _ = target.set_username(from.username());
        let _ = target.set_password(from.password());
    }
    Some(target)
}

/// FFmpeg opens a URL: the source itself, or what a playlist leads to.
pub(super) unsafe extern "C" fn open_url(
    context: *mut ffi::AVFormatContext,
    pb: *mut *mut ffi::AVIOContext,
    url: *const c_char,
    flags: c_int,
    options: *mut *mut ffi::AVDictionary,
) -> c_int {
    // SAFETY: the arguments are FFmpeg's own; `opaque` was set to the hooks, which outlive
    // the context. Each try has a copy of the options, and the last one's becomes FFmpeg's,
    // for it reads there what was not taken.
    unsafe {
        let hooks = &*(*context).opaque.cast::<Hooks>();
        let original = CStr::from_ptr(url);
        let url = text(url);
        if let Err(refusal) = hooks.policy.judge(&url) {
            return hooks.refuse(refusal);
        }
        let _listening = Listening::new(hooks);
        let prefix = ["crypto+", "crypto:"].into_iter().find(|prefix| url.starts_with(prefix));
        let prefix = prefix.unwrap_or_default();
        let mut target = url[prefix.len()..].to_owned();
        for followed in 0..=MOST_REDIRECTS {
            let mut own = ptr::null_mut();
            if !options.is_null() {
                ffi::av_dict_copy(&raw mut own, *options, 0);
            }
            prepare(hooks, &target, &mut own);
            ANSWER.with_borrow_mut(|answer| answer.status = 0);
            // A file's name need not be UTF-8: it is passed on as it came.
            let asked = if followed == 0 {
                Ok(original.to_owned())
            } else {
                CString::new(format!("{prefix}{target}"))
            };
            let Ok(asked) = asked else {
                ffi::av_dict_free(&raw mut own);
                return ffi::AVERROR(ffmpeg::error::EINVAL);
            };
            let answer = try_open(hooks, context, pb, &asked, flags, &mut own);
            let next = if answer < 0 { redirected(&target) } else { None };
            let Some(next) = next else {
                if options.is_null() {
                    ffi::av_dict_free(&raw mut own);
                } else {
                    ffi::av_dict_free(options);
                    *options = own;
                }
                return if answer < 0 { answer } else { opened(hooks, pb) };
            };
            ffi::av_dict_free(&raw mut own);
            if let Err(refusal) = hooks.policy.judge_redirect(next.as_str()) {
                return hooks.refuse(refusal);
            }
            next.password().into_iter().for_each(redact::register);
            target = next.into();
        }
        ffi::AVERROR(ffmpeg::error::ELOOP)
    }
}

/// Sets what FFmpeg is to know of `target`, and takes what it is not to know.
///
/// # Safety
/// `options` is a dictionary of its own, or null.
unsafe fn prepare(hooks: &Hooks, target: &str, options: &mut *mut ffi::AVDictionary) {
    let http = target.starts_with("http:") || target.starts_with("https:");
    if !http {
        return;
    }
    // SAFETY: names and values are NUL-terminated and copied.
    unsafe {
        if HEARS {
            ffi::av_dict_set(options, c"max_redirects".as_ptr(), c"0".as_ptr(), 0);
        }
        if target.starts_with("https:") {
            let verify = if hooks.tls.verify { c"1" } else { c"0" };
            ffi::av_dict_set(options, c"tls_verify".as_ptr(), verify.as_ptr(), 0);
            if let Some(path) = &hooks.tls.ca_file {
                ffi::av_dict_set(options, c"ca_file".as_ptr(), path.as_ptr(), 0);
            }
        }
        if !hooks.policy.is_own(target) {
            for name in PRIVATE {
                ffi::av_dict_set(options, name.as_ptr(), ptr::null(), 0);
            }
        }
    }
}

/// # Safety
/// The arguments are those of [`open_url`].
unsafe fn try_open(
    hooks: &Hooks,
    context: *mut ffi::AVFormatContext,
    pb: *mut *mut ffi::AVIOContext,
    url: &CStr,
    flags: c_int,
    options: &mut *mut ffi::AVDictionary,
) -> c_int {
    let Some(open) = hooks.open.get() else { return ffi::AVERROR(ffmpeg::error::ENOSYS) };
    // SAFETY: FFmpeg's own function, with its own arguments.
    unsafe { open(context, pb, url.as_ptr(), flags, options) }
}

/// Judges once more where an FFmpeg that follows redirects itself ended up, and sees whether it is a playlist.
///
/// # Safety
/// `pb` was just opened.
unsafe fn opened(hooks: &Hooks, pb: *mut *mut ffi::AVIOContext) -> c_int {
    // SAFETY: `pb` is open; its location is a string of ours once it was got.
    unsafe {
        let mut location: *mut u8 = ptr::null_mut();
        let found = ffi::av_opt_get(
            (*pb).cast::<c_void>(),
            c"location".as_ptr(),
            ffi::AV_OPT_SEARCH_CHILDREN,
            &raw mut location,
        );
        if found >= 0 && !location.is_null() {
            let verdict = hooks.policy.judge_host(&text(location.cast::<c_char>()));
            ffi::av_free(location.cast::<c_void>());
            if let Err(refusal) = verdict {
                ffi::avio_closep(pb);
                return hooks.refuse(refusal);
            }
        }
        if let Some(seconds) = playlist::target_duration(&peek(*pb)) {
            let millis = (seconds * 1000.0) as u64;
            // Only once: a playlist that is read again and again gives no video.
            if hooks.segment.fetch_max(millis, Ordering::Relaxed) < millis {
                hooks.watch.extend(hooks.patience(Duration::ZERO));
            }
        }
        0
    }
}

/// What a resource that was just opened begins with; it is read again by whoever opened it.
///
/// # Safety
/// `pb` is open and nothing was read from it.
unsafe fn peek(pb: *mut ffi::AVIOContext) -> Vec<u8> {
    let mut begin = vec![0; 1024];
    // SAFETY: `begin` has room for as much as is asked for. One partial read stays within
    // the context's buffer, so the way back needs no seek of the resource.
    unsafe {
        let read = ffi::avio_read_partial(pb, begin.as_mut_ptr(), begin.len() as c_int);
        ffi::avio_seek(pb, 0, ffi::SEEK_SET as c_int);
        begin.truncate(usize::try_from(read).unwrap_or(0));
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str], from: &str) -> Option<String> {
        lines.iter().for_each(|line| hear(&format!("header='{line}'\n")));
        redirected(from).map(String::from)
    }

    #[test]
    fn the_url_that_is_blocked_is_in_the_message() {
        for (message, url) in [
            ("URL file:///etc/passwd is not in allowed_segment_extensions", "file:///etc/passwd"),
            (
                "Filename extension of 'http://cam/it's' is not a common multimedia extension, \
                 blocked for security reasons.\nIf you wish to override this adjust",
                "http://cam/it's",
            ),
            ("Error when loading first segment 'gopher://h/x.ts'", "gopher://h/x.ts"),
        ] {
            assert_eq!(blocked(message).unwrap().0, url);
        }
        assert_eq!(blocked("URL of the camera"), None);
    }

    #[test]
    fn a_redirect_is_heard_with_its_target_and_nothing_else_is_one() {
        let from = "http://me:pass@cam/live/a.m3u8";
        let found = "HTTP/1.1 302 Found";
        assert_eq!(
            after(&[found, "LOCATION: b.m3u8"], from).unwrap(),
            "http://me:pass@cam/live/b.m3u8"
        );
        assert_eq!(
            after(&[found, "Location: https://cam/b"], from).unwrap(),
            "https://me:pass@cam/b"
        );
        assert_eq!(after(&[found, "Location: //cdn/b"], from).unwrap(), "http://cdn/b");
        let secure = "https://me:pass@cam/a";
        assert_eq!(after(&[found, "Location: http://cam/b"], secure).unwrap(), "http://cam/b");
        for lines in [
            &["HTTP/1.1 200 OK", "Location: /b"][..],
            &["HTTP/1.1 401 Unauthorized", "Location: /b"],
            &[found, "Location: /b", "HTTP/1.1 200 OK"],
            &[found, "Content-Location: /b"],
        ] {
            assert_eq!(after(lines, from), None, "{lines:?}");
        }
    }
}
