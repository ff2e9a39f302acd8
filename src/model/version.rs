//! The version of the ONNX Runtime library that was loaded, which `ort` does not tell.
#![allow(
    unsafe_code,
    reason = "one foreign function of a library that ort has already loaded and checked"
)]

use std::ffi::CStr;
use std::path::Path;

use ort::sys::OrtApiBase;

/// Such as `1.31.1`; `None` if the library does not say.
///
/// `path` must be what [`ort::init_from`] has loaded: then this only takes another handle to it.
pub fn of(path: &Path) -> Option<String> {
    // SAFETY: the library is loaded already, so no initialiser of it runs here. `OrtGetApiBase` is ONNX
    // Runtime's one fixed entry point; ort has called it with the same signature. What it points to, the
    // version string too, lives as long as the library, which ort never unloads.
    unsafe {
        let library = libloading::Library::new(path).ok()?;
        let base =
            library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase").ok()?();
        let version = (base.as_ref()?.GetVersionString)();
        if version.is_null() {
            return None;
        }
        CStr::from_ptr(version).to_str().ok().map(str::to_owned)
    }
}
