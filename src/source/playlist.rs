//! What is read in a playlist beside what FFmpeg does.

/// Longer ones are no announcement but an error.
const LONGEST: f64 = 3600.0;

/// Seconds that a segment of an HLS playlist lasts at most (RFC 8216, section 4.3.3.1),
/// where `begin`, with which a resource begins, is one that says so.
pub(super) fn target_duration(begin: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(begin);
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next()?.trim_end() != "#EXTM3U" {
        return None;
    }
    let seconds = lines.find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"))?;
    seconds.trim().parse().ok().filter(|seconds| (0.0..=LONGEST).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_says_how_long_its_segments_are() {
        let live = b"#EXTM3U\r\n#EXT-X-VERSION:3\r\n#EXT-X-TARGETDURATION:10\r\n#EXTINF:9.9,\r\n";
        assert_eq!(target_duration(live), Some(10.0));
        for other in [
            &b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n"[..],
            b"#EXTM3U\n#EXT-X-TARGETDURATION:-1\n",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1e300\n",
            b"\x00\x00\x00\x18ftyp#EXT-X-TARGETDURATION:10\n",
            b"",
        ] {
            assert_eq!(target_duration(other), None);
        }
    }
}
