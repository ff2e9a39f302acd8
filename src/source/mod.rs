//! Cameras, RTSP, HTTP, files and filter graphs as compressed packets, through FFmpeg; and
//! microphones, through the system's sound library.
//!
//! Every blocking call can be broken off: it ends when [`crate::supervise::Stop`] is told,
//! or when no video packet came for `stall_timeout`. The one exception is the look-up of a
//! host name, which the system's resolver bounds.
//!
//! Does not decode, does not retry, and does not follow a playlist or a redirect to other
//! hosts or to files unless told that it may; what it asks of another host never has the
//! headers that are meant for the source's own. Three limits: a redirect that first happens
//! when a seekable file is sought in is not followed at all; one of RTSP may open a
//! connection to the other host, on which nothing is sent; and an FFmpeg without the option
//! `max_redirects` (Debian's 5.1 has it), or on a machine other than x86-64, follows HTTP's
//! redirects itself, which then are judged after the other host was asked. The graph of a `lavfi:` source may itself name files (`movie=…`): who
//! writes it decides.

#[cfg(feature = "ffmpeg")]
mod any;
mod cloud;
#[cfg(feature = "ffmpeg")]
mod devices;
#[cfg(feature = "ffmpeg")]
mod error;
#[cfg(feature = "ffmpeg")]
mod ffi;
mod folder;
#[cfg(feature = "ffmpeg")]
mod follow;
#[cfg(feature = "ffmpeg")]
mod input;
#[cfg(feature = "ffmpeg")]
mod interleave;
mod location;
#[cfg(feature = "ffmpeg")]
mod log;
#[cfg(feature = "microphone")]
mod microphone;
#[cfg(feature = "ffmpeg")]
mod pace;
#[cfg(feature = "ffmpeg")]
mod picture;
#[cfg(feature = "ffmpeg")]
mod playlist;
#[cfg(feature = "ffmpeg")]
mod policy;
#[cfg(feature = "ffmpeg")]
mod probe;
#[cfg(feature = "ffmpeg")]
mod request;
mod settings;
#[cfg(feature = "ffmpeg")]
mod tracks;
#[cfg(feature = "ffmpeg")]
mod watch;

#[cfg(feature = "ffmpeg")]
pub use any::{Source, open};
pub use cloud::{CloudError, is_cloud, read_cloud};
#[cfg(feature = "ffmpeg")]
pub use devices::{CameraDevice, devices};
#[cfg(feature = "ffmpeg")]
pub use error::{Doing, SourceError, SourceFault};
pub use folder::{Found, Takes, expand, is_picture, is_single};
#[cfg(feature = "ffmpeg")]
pub use input::{check_options, init};
pub use location::{Location, LocationError};
#[cfg(feature = "microphone")]
pub use microphone::{MicrophoneDevice, check_microphone, microphones};
#[cfg(feature = "ffmpeg")]
pub use pace::Seen;
#[cfg(feature = "ffmpeg")]
pub use policy::Refusal;
#[cfg(feature = "ffmpeg")]
pub use probe::{Probe, TrackDescription, probe};
pub use settings::{SourceSettings, Tls, Transport, Wanted};
