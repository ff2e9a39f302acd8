//! What an open input holds: which of its tracks are taken, and what is known of them.

use std::path::Path;

use ffmpeg_next as ffmpeg;

use super::{ffi, picture};
use crate::data::{AudioTrack, VideoTrack};

/// The video track to watch; cover pictures of music are none.
pub fn best_video(input: &ffmpeg::format::context::Input) -> Option<usize> {
    let best = input.streams().best(ffmpeg::media::Type::Video).filter(|stream| !is_cover(stream));
    best.or_else(|| {
        input.streams().find(|stream| {
            stream.parameters().medium() == ffmpeg::media::Type::Video && !is_cover(stream)
        })
    })
    .map(|stream| stream.index())
}

pub fn is_cover(stream: &ffmpeg::Stream<'_>) -> bool {
    stream.disposition().contains(ffmpeg::format::stream::Disposition::ATTACHED_PIC)
}

/// What an input without the wanted tracks holds, in words.
pub fn contents(input: &ffmpeg::format::context::Input) -> String {
    let media: Vec<String> = input
        .streams()
        .map(|stream| match stream.parameters().medium() {
            ffmpeg::media::Type::Video if is_cover(&stream) => "a cover picture".into(),
            other => format!("{other:?}").to_lowercase(),
        })
        .collect();
    if media.is_empty() { "it has no tracks".into() } else { format!("only {}", media.join(", ")) }
}

/// Whether it says that it has sound, be it readable or not.
pub fn has_sound(input: &ffmpeg::format::context::Input) -> bool {
    input.streams().any(|stream| stream.parameters().medium() == ffmpeg::media::Type::Audio)
}

/// Whether an HTTP resource has an end: a file, or a playlist that is complete.
pub fn is_finite(input: &ffmpeg::format::context::Input) -> bool {
    let whole = input.duration() > 0 && !ffi::is_unseekable(input);
    // A playlist's length is its own, not that of what it lists.
    whole || (!is_playlist(input) && ffi::has_length(input))
}

/// Whether FFmpeg makes up the times, 25 frames a second: pictures one after another over HTTP
/// (Motion JPEG, `multipart/x-mixed-replace`), or a codec's bytes without a container.
pub fn has_no_times(input: &ffmpeg::format::context::Input) -> bool {
    matches!(input.format().name(), "mpjpeg" | "mjpeg" | "h264" | "hevc" | "m4v" | "mpegvideo")
}

pub fn is_playlist(input: &ffmpeg::format::context::Input) -> bool {
    matches!(input.format().name(), "hls" | "dash")
}

pub fn audio_track(
    input: &ffmpeg::format::context::Input,
    stream: usize,
    live: bool,
) -> AudioTrack {
    let stream = input.stream(stream).expect("the index came from this input");
    let time_base = stream.time_base();
    // A copy: the stream's own would keep the input open.
    AudioTrack { parameters: stream.parameters().clone(), time_base, live }
}

/// Whether it was opened by a demuxer of single pictures.
pub fn is_still(input: &ffmpeg::format::context::Input) -> bool {
    let format = input.format();
    format.name() == "image2" || format.name().ends_with("_pipe")
}

/// `picture` is the file that it was opened from, where that is a single picture.
pub fn video_track(
    input: &ffmpeg::format::context::Input,
    stream: usize,
    live: bool,
    picture: Option<&Path>,
) -> VideoTrack {
    let stream = input.stream(stream).expect("the index came from this input");
    let average = stream.avg_frame_rate();
    let known = average.numerator() > 0 && average.denominator() > 0;
    let turned = stream
        .side_data()
        .find(|side| side.kind() == ffmpeg::packet::side_data::Type::DisplayMatrix)
        .map_or(0, |side| quarter_turns(side.data()));
    let orientation = picture.map(picture::orientation).unwrap_or_default();
    VideoTrack {
        // A copy: the stream's own would keep the input open.
        parameters: stream.parameters().clone(),
        time_base: stream.time_base(),
        frame_rate: if known { average } else { stream.rate() },
        quarter_turns: (turned + orientation.quarter_turns) % 4,
        mirrored: orientation.mirrored,
        live,
    }
}

/// Counter-clockwise quarter turns of a display matrix: nine native-endian i32, the
/// upper left two by two of them in 16.16 fixed point. Mirroring is not applied.
fn quarter_turns(matrix: &[u8]) -> u8 {
    let Some(words) = matrix.first_chunk::<36>() else { return 0 };
    let (words, _) = words.as_chunks::<4>();
    let at = |i: usize| f64::from(i32::from_ne_bytes(words[i]));
    let (x, y) = (at(0).hypot(at(3)), at(1).hypot(at(4)));
    if x == 0.0 || y == 0.0 {
        return 0;
    }
    let turned = -(at(1) / y).atan2(at(0) / x).to_degrees();
    (turned / 90.0).round().rem_euclid(4.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As written by `av_display_rotation_set`, which turns clockwise for positive angles.
    fn matrix(cells: [i32; 4]) -> Vec<u8> {
        let [a, b, c, d] = cells;
        [a, b, 0, c, d, 0, 0, 0, 1 << 30].iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn display_matrices_are_counter_clockwise_quarter_turns() {
        const ONE: i32 = 1 << 16;
        assert_eq!(quarter_turns(&matrix([ONE, 0, 0, ONE])), 0);
        // A phone held upright: the picture is to be turned clockwise by 90 degrees.
        assert_eq!(quarter_turns(&matrix([0, ONE, -ONE, 0])), 3);
        assert_eq!(quarter_turns(&matrix([-ONE, 0, 0, -ONE])), 2);
        assert_eq!(quarter_turns(&matrix([0, -ONE, ONE, 0])), 1);
        assert_eq!(quarter_turns(&matrix([0, 0, 0, 0])), 0);
        assert_eq!(quarter_turns(&[0; 4]), 0);
    }
}
