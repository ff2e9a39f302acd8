//! The limit of open files: many systems begin a program with 1,024, which a few hundred
//! cameras use up, and let it raise that.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// RTSP over UDP has a connection, and two sockets each for picture and sound.
const A_STREAM: u64 = 5;

/// What the program holds open by itself, whoever asks for metrics, and files under way.
const OWN: u64 = 64;

/// Raises the limit as far as it goes, and gives it; `None`: there is none.
pub fn raise() -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: now.maximum, ..now }) {
        Ok(()) => now.maximum,
        Err(_) => now.current,
    }
}

/// Warns where `limit` may not do for so many live streams.
pub fn warn_if_low(limit: Option<u64>, live_streams: usize) {
    let wanted = OWN + A_STREAM * live_streams as u64;
    if let Some(limit) = limit
        && limit < wanted
    {
        tracing::warn!(
            limit,
            wanted,
            streams = live_streams,
            "the limit of open files may be too low for so many streams: raise it with \
             `ulimit -Hn`, or with LimitNOFILE in the service's unit"
        );
    }
}
