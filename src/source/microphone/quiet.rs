//! What the sound libraries would print on standard error, turned into log lines.
//!
//! ALSA complains there of every device that it tries and that does not open, which is an
//! ordinary answer; so do JACK's libraries, which ALSA loads as one of its devices. What
//! matters comes back as an error value, and is told of there.

#![expect(unsafe_code, reason = "handlers for C libraries, each with its reason beside it")]

use std::ffi::{CStr, c_char, c_int};
use std::sync::Once;

/// Takes the libraries' messages from now on: for `debug`.
pub(super) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(target_os = "linux")]
        alsa();
        jack();
    });
}

#[cfg(target_os = "linux")]
fn alsa() {
    type Plain = unsafe extern "C" fn(*const c_char, c_int, *const c_char, c_int, *const c_char);
    type Variadic =
        unsafe extern "C" fn(*const c_char, c_int, *const c_char, c_int, *const c_char, ...);
    // SAFETY: by the C calling conventions of Linux the caller passes what follows the
    // named arguments so that a function that does not look at it need not know of it. The
    // handler lives as long as the program and may be called by any thread.
    unsafe {
        let handler = std::mem::transmute::<Plain, Variadic>(alsa_says);
        alsa_sys::snd_lib_error_set_handler(Some(handler));
    }
}

/// `form` is a form of `printf`: what it is to be filled with is not had here.
#[cfg(target_os = "linux")]
unsafe extern "C" fn alsa_says(
    _file: *const c_char,
    _line: c_int,
    function: *const c_char,
    _error: c_int,
    form: *const c_char,
) {
    // SAFETY: both are null or NUL-terminated for as long as the call lasts.
    let (function, form) = unsafe { (text(function), text(form)) };
    tracing::debug!(target: "alsa", function, form = form.trim(), "the sound library complains");
}

fn jack() {
    type Set = unsafe extern "C" fn(Option<unsafe extern "C" fn(*const c_char)>);
    // SAFETY: a library of the system's without an entry point that could do harm, which is
    // kept for ever: ALSA loads it anyway. The functions are as its documentation has them.
    unsafe {
        let Ok(library) = libloading::Library::new("libjack.so.0") else { return };
        for name in ["jack_set_error_function", "jack_set_info_function"] {
            if let Ok(set) = library.get::<Set>(name) {
                set(Some(jack_says));
            }
        }
        std::mem::forget(library);
    }
}

unsafe extern "C" fn jack_says(message: *const c_char) {
    // SAFETY: null or NUL-terminated for as long as the call lasts.
    let message = unsafe { text(message) };
    tracing::debug!(target: "jack", said = message.trim(), "the sound library complains");
}

/// # Safety
/// `chars` is null or NUL-terminated.
unsafe fn text(chars: *const c_char) -> String {
    if chars.is_null() {
        return String::new();
    }
    // SAFETY: not null, and NUL-terminated by the caller's promise.
    unsafe { CStr::from_ptr(chars) }.to_string_lossy().into_owned()
}
