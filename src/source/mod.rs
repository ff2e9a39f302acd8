//! Cameras, RTSP, HTTP, files and filter graphs as compressed packets, through FFmpeg.
//!
//! Every blocking call can be broken off: it ends when [`crate::supervise::Stop`] is told,
//! or when no video packet came for `stall_timeout`. The one exception is the look-up of a
//! host name, which the system's resolver bounds.
//!
//! Does not decode, does not retry, and does not follow a playlist to other hosts or to
//! files unless told that it may. Two limits of the latter: a redirect of HTTP is judged
//! after the other host has been asked, so a foreign host may see the request but nothing
//! of its answer is used; and a redirect that first happens when a seekable file is sought
//! in is not seen. The graph of a `lavfi:` source may itself name files (`movie=…`): who
//! writes it decides.

mod cloud;
#[cfg(feature = "ffmpeg")]
mod devices;
#[cfg(feature = "ffmpeg")]
mod error;
#[cfg(feature = "ffmpeg")]
mod ffi;
mod folder;
#[cfg(feature = "ffmpeg")]
mod input;
mod location;
#[cfg(feature = "ffmpeg")]
mod log;
#[cfg(feature = "ffmpeg")]
mod policy;
#[cfg(feature = "ffmpeg")]
mod probe;
mod settings;
#[cfg(feature = "ffmpeg")]
mod watch;

pub use cloud::{CloudError, is_cloud, read_cloud};
#[cfg(feature = "ffmpeg")]
pub use devices::{CameraDevice, devices};
#[cfg(feature = "ffmpeg")]
pub use error::{Doing, SourceError, SourceFault};
pub use folder::{expand, is_picture, require_clips};
#[cfg(feature = "ffmpeg")]
pub use input::{Source, init, open};
pub use location::{Location, LocationError};
#[cfg(feature = "ffmpeg")]
pub use policy::Refusal;
#[cfg(feature = "ffmpeg")]
pub use probe::{Probe, TrackDescription, probe};
pub use settings::{SourceSettings, Transport};
