//! What FFmpeg is told to open, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use ffmpeg_next as ffmpeg;

use super::error::SourceFault;
use super::{Location, SourceSettings, policy};

/// What FFmpeg is told to open, and through which demuxer where it cannot find out.
pub(super) fn target(location: &Location) -> Result<(Vec<u8>, Option<&'static str>), SourceFault> {
    Ok(match location {
        Location::Rtsp(url) | Location::Http(url) => (url.to_string().into(), None),
        Location::File(path) => {
            let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => SourceFault::NotFound,
                std::io::ErrorKind::PermissionDenied => SourceFault::Permission,
                _ => SourceFault::Io { cause: ffmpeg::Error::Unknown },
            })?;
            if metadata.is_file() && metadata.len() == 0 {
                return Err(SourceFault::Empty);
            }
            // The scheme keeps a name such as `concat:a` from being one.
            ([b"file:", path.as_os_str().as_encoded_bytes()].concat(), None)
        }
        Location::Camera(path) => (path.as_os_str().as_encoded_bytes().into(), Some("v4l2")),
        Location::Lavfi(graph) => (graph.clone().into(), Some("lavfi")),
        Location::Microphone(_) => {
            return Err(SourceFault::Unsupported { what: "a microphone" });
        }
        Location::Folder(_) | Location::Pictures(_) => {
            return Err(SourceFault::Folder);
        }
    })
}

/// Everything that FFmpeg is told beside the URL; the user's own options first.
pub(super) fn options(settings: &SourceSettings) -> Result<BTreeMap<String, String>, SourceFault> {
    const RESERVED: [(&str, &str); 6] = [
        ("rtsp_transport", "transport"),
        ("timeout", "stall_timeout"),
        ("stimeout", "stall_timeout"),
        ("protocol_whitelist", "allow_hosts or allow_files"),
        ("protocol_blacklist", "allow_hosts or allow_files"),
        ("format_whitelist", "a location of another kind"),
    ];
    for (name, instead) in RESERVED {
        if settings.options.contains_key(name) {
            return Err(SourceFault::ReservedOption { name: name.into(), instead });
        }
    }
    let mut options = settings.options.clone();
    if let Some(protocols) = policy::protocols(settings) {
        options.insert("protocol_whitelist".into(), protocols);
    }
    match settings.location {
        Location::Rtsp(_) => {
            options.insert("rtsp_transport".into(), settings.transport.as_str().into());
            // Behind our own deadline, which knows of packets and not only of sockets.
            let timeout = settings.stall_timeout + Duration::from_secs(2);
            options.insert("timeout".into(), timeout.as_micros().to_string());
            // A camera's own description says enough: do not wait for its frame rate.
            options.entry("analyzeduration".into()).or_insert_with(|| "1000000".into());
        }
        Location::Http(_) => {
            // A reused connection would be redirected without asking `Policy`.
            options.entry("http_persistent".into()).or_insert_with(|| "0".into());
            // A camera is watched at the live edge, not from three segments before it.
            options.entry("live_start_index".into()).or_insert_with(|| "-1".into());
        }
        Location::File(_) => {
            // A `%d` in a picture's name is no row of pictures.
            options.entry("pattern_type".into()).or_insert_with(|| "none".into());
        }
        _ => {}
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_have_a_setting_are_refused() {
        let mut settings = SourceSettings::new(Location::parse("rtsp://cam/").unwrap());
        assert_eq!(options(&settings).unwrap()["timeout"], "12000000");
        settings.options.insert("protocol_whitelist".into(), "file".into());
        assert!(matches!(options(&settings), Err(SourceFault::ReservedOption { .. })));
    }
}
