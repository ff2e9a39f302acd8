//! Media as cameras and people really have it, made by the `ffmpeg` program on the way.

#![cfg(feature = "ffmpeg")]

mod media;

use std::time::Duration;

use media::{Clip, KEYS, Seen, grey_of, watch};
use percept::data::manifest::Resize;
use percept::decode::{ActiveMode, DecodeMode, Rect};
use percept::telemetry::metrics::SkipReason;

const MS: Duration = Duration::from_millis(1);

/// Media times in milliseconds, rounded.
fn times(seen: &Seen) -> Vec<i64> {
    let round = |frame: &percept::data::VideoFrame| {
        (frame.stamp.media.as_nanos() as f64 / 1e6).round() as i64
    };
    seen.frames.iter().map(round).collect()
}

fn close(a: &[u8], b: &[u8], most: u8) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= most)
}

/// Mean absolute difference of two frames' bytes.
fn apart(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn every_codec_gives_the_same_picture() {
    let clip = Clip::new();
    let codecs = [
        ("h264.mp4", "-c:v libx264 -pix_fmt yuv420p -crf 10"),
        ("hevc10.mp4", "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=error:crf=10"),
        ("vp9.webm", "-c:v libvpx-vp9 -b:v 4M -deadline realtime -cpu-used 8"),
        ("mjpeg.avi", "-c:v mjpeg -q:v 2"),
        ("mpeg2.ts", "-c:v mpeg2video -q:v 2"),
        ("h264.mkv", "-c:v libx264 -pix_fmt yuv422p -crf 10"),
        ("444.mkv", "-c:v libx264 -pix_fmt yuv444p -crf 10"),
    ];
    let source = "testsrc2=size=322x178:rate=25:duration=2";
    let pictures: Vec<_> = codecs
        .iter()
        .map(|(name, encoder)| {
            let seen = watch(&clip.made(name, source, encoder), |_| {});
            assert_eq!(
                times(&seen),
                [0, 500, 1000, 1500].map(|t| if t == 500 {
                    520
                } else if t == 1500 {
                    1520
                } else {
                    t
                }),
                "{name}"
            );
            (name, seen.frames[2].pixels.clone())
        })
        .collect();
    for (name, picture) in &pictures[1..] {
        let difference = apart(picture, &pictures[0].1);
        // Of full chroma FFmpeg's scaler takes every other sample, which shows on a test card.
        let most = if **name == "444.mkv" { 16.0 } else { 4.0 };
        assert!(difference < most, "{name} differs from {} by {difference}", pictures[0].0);
    }
}

/// The models were trained on what FFmpeg's own scaling gives. A scaler that keeps more of
/// the chroma looks better and moves their scores from 0.0 to 0.9.
#[test]
fn the_model_sees_exactly_what_ffmpeg_scales() {
    let clip = Clip::new();
    for (name, size) in [("sd.mp4", "768x576"), ("hd.mp4", "1280x720")] {
        let graph = format!("testsrc2=size={size}:rate=5:duration=2,noise=alls=20");
        let path = clip.made(name, &graph, "-c:v libx264 -pix_fmt yuv420p -crf 20");
        let scaled = clip.path("scaled.rgb");
        let matrix = if size.ends_with("720") { "bt709" } else { "bt601" };
        let filter = format!("scale=224:128:flags=area:in_color_matrix={matrix}");
        let raw = ["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", &scaled];
        clip.ffmpeg(&[&["-i", &path, "-vf", &filter], &raw[..]].concat());
        let seen = watch(&path, |settings| settings.size = [128, 224]);
        let want = std::fs::read(&scaled).unwrap();
        assert_eq!(want.len(), 128 * 224 * 3);
        let apart = apart(&seen.frames[0].pixels, &want);
        assert!(apart == 0.0, "{name}: {apart} levels apart on average");
    }
}

#[test]
fn variable_frame_rate_is_sampled_by_time() {
    let clip = Clip::new();
    // Frames at 0, 40, 160, 360, 640, 1000, 1440 … ms: n squared times 40.
    let path = clip.made(
        "vfr.mp4",
        "testsrc2=size=160x120:rate=25:duration=0.4",
        "-vf setpts=N*N*0.04/TB -fps_mode vfr -enc_time_base 1/1000 -c:v libx264 -bf 2",
    );
    let seen = watch(&path, |_| {});
    assert_eq!(times(&seen), [0, 640, 1000, 1960, 2560, 3240], "{:?}", times(&seen));
    assert_eq!(seen.metrics.discontinuities.get(), 0);
}

#[test]
fn rotated_pictures_are_shown_upright() {
    let clip = Clip::new();
    // White on the left half, as coded.
    let source = "color=black:size=64x48:rate=25:duration=1,drawbox=0:0:32:48:white:fill";
    let plain = clip.made("plain.mp4", source, "-c:v libx264 -pix_fmt yuv420p");
    for degrees in [0, 90, 180, 270] {
        let path = clip.path(&format!("turned{degrees}.mp4"));
        let tag = format!("rotate={degrees}");
        clip.ffmpeg(&["-i", &plain, "-c", "copy", "-metadata:s:v:0", &tag, &path]);
        // What the ffmpeg program shows, which turns by itself.
        let shown = clip.path(&format!("turned{degrees}.rgb"));
        let scale = "scale=32:32:flags=area,format=rgb24";
        clip.ffmpeg(&["-i", &path, "-frames:v", "1", "-vf", scale, "-f", "rawvideo", &shown]);
        let want = std::fs::read(shown).unwrap();
        let seen = watch(&path, |_| {});
        let difference = apart(&seen.frames[0].pixels, &want);
        assert!(difference < 2.0, "{degrees}: {difference}");
    }
    let sideways = clip.path("turned90.mp4");
    let pixels = &watch(&sideways, |_| {}).frames[0].pixels;
    assert!(pixels[..96].iter().all(|b| *b < 40) && pixels[31 * 96..].iter().all(|b| *b > 200));
}

#[test]
fn sizes_down_to_one_pixel_are_scaled() {
    let clip = Clip::new();
    for size in ["1x1", "2x2", "3x5", "37x23", "1023x3", "4096x16"] {
        let (width, height) = size.split_once('x').unwrap();
        let crop = format!("crop={width}:{height}:0:0:exact=1");
        let source =
            format!("color=0x4080c0:size=4096x32:rate=25:duration=0.2,format=rgb24,{crop}");
        let path = clip.made(&format!("{size}.mkv"), &source, "-c:v ffv1 -pix_fmt bgr0");
        let seen = watch(&path, |_| {});
        assert_eq!(seen.frames.len(), 1, "{size}");
        let pixels = &seen.frames[0].pixels;
        for pixel in pixels.chunks(3) {
            assert!(close(pixel, &[0x40, 0x80, 0xc0], 2), "{size}: {pixel:?}");
        }
    }
    for size in ["1:1", "3:5", "37:23"] {
        let source = format!(
            "color=gray:size=64x64:rate=25:duration=0.2,format=yuv420p,crop={size}:0:0:exact=1"
        );
        let path = clip.made(&format!("y{size}.mkv"), &source, "-c:v ffv1");
        let seen = watch(&path, |_| {});
        assert!(seen.frames[0].pixels.iter().all(|byte| byte.abs_diff(128) <= 2), "{size}");
    }
}

#[test]
fn limited_and_full_range_give_the_same_grey() {
    let clip = Clip::new();
    for grey in [0u8, 60, 128, 255] {
        let source =
            format!("color=0x{grey:02x}{grey:02x}{grey:02x}:size=64x48:rate=25:duration=0.2");
        for (name, encoder) in [
            (
                "limited.mp4",
                "-vf scale=out_range=tv,format=yuv420p -c:v libx264 -crf 1 -color_range tv",
            ),
            (
                "full.mp4",
                "-vf scale=out_range=pc,format=yuv420p -c:v libx264 -crf 1 -color_range pc",
            ),
            ("jpeg.avi", "-vf scale=out_range=pc,format=yuvj420p -c:v mjpeg -q:v 1"),
            ("ten.mkv", "-vf scale=out_range=tv,format=yuv420p10le -c:v ffv1 -color_range tv"),
            ("grey.mkv", "-vf format=gray -c:v ffv1"),
        ] {
            let seen = watch(&clip.made(name, &source, encoder), |_| {});
            let got = grey_of(&seen.frames[0]);
            assert!(got.abs_diff(grey) <= 2, "{name}: {grey} came out as {got}");
        }
    }
}

#[test]
fn the_colour_matrix_is_the_streams_own() {
    let clip = Clip::new();
    for (matrix, space) in [("bt709", "bt709"), ("bt601", "smpte170m"), ("bt2020", "bt2020nc")] {
        let filter = format!("scale=out_color_matrix={matrix},format=yuv444p");
        let encoder = format!("-vf {filter} -c:v libx264 -crf 1 -colorspace {space}");
        let path = clip.made(
            &format!("{matrix}.mkv"),
            "color=0xc02040:size=64x48:rate=25:duration=0.2",
            &encoder,
        );
        let seen = watch(&path, |_| {});
        let pixel = &seen.frames[0].pixels[..3];
        assert!(close(pixel, &[0xc0, 0x20, 0x40], 4), "{matrix}: {pixel:?}");
    }
}

#[test]
fn pixels_that_are_not_square_keep_their_shape_when_padded() {
    let clip = Clip::new();
    // 64x48 with pixels twice as wide as high: shown as 8:3, so 32x12 of 32x32.
    let path = clip.made(
        "wide.mp4",
        "color=white:size=64x48:rate=25:duration=0.2",
        "-vf setsar=2 -c:v libx264",
    );
    let seen = watch(&path, |settings| settings.resize = Resize::Pad);
    let rows: Vec<usize> =
        (0..32).filter(|y| seen.frames[0].pixels[(y * 32 + 16) * 3] > 200).collect();
    assert_eq!(rows, (10..22).collect::<Vec<_>>());
}

#[test]
fn crop_and_mask_are_honoured() {
    let clip = Clip::new();
    let path = clip.made(
        "halves.mp4",
        "color=black:size=64x48:rate=25:duration=0.2,drawbox=32:0:32:48:white:fill",
        "-c:v libx264 -crf 1",
    );
    let seen = watch(&path, |settings| {
        settings.crop = Some(Rect { x: 0.5, y: 0.0, width: 0.5, height: 1.0 });
        settings.masks = vec![Rect { x: 0.5, y: 0.0, width: 0.25, height: 0.5 }];
    });
    let at = |x: usize, y: usize| seen.frames[0].pixels[(y * 32 + x) * 3];
    assert!(at(16, 24) > 250, "the white half alone: {}", at(16, 24));
    assert_eq!((at(0, 0), at(15, 15)), (128, 128));
    assert!(at(17, 8) > 250 && at(8, 17) > 250);
}

#[test]
fn interlaced_video_is_one_picture_a_frame() {
    let clip = Clip::new();
    let path = clip.made(
        "interlaced.ts",
        "testsrc2=size=352x288:rate=50:duration=2",
        "-vf interlace -c:v mpeg2video -flags +ildct+ilme -q:v 3",
    );
    let seen = watch(&path, |_| {});
    assert_eq!(seen.frames.len(), 4);
    assert_eq!(seen.metrics.frames_decoded.get(), 50);
    let coded = clip.made(
        "paff.mp4",
        "testsrc2=size=352x288:rate=50:duration=2",
        "-vf interlace -c:v libx264 -x264-params interlaced=1",
    );
    assert_eq!(watch(&coded, |_| {}).frames.len(), 4);
}

#[test]
fn a_resolution_that_changes_on_the_way_is_followed() {
    let clip = Clip::new();
    let mut joined = Vec::new();
    for (size, grey) in [("320x240", "0x404040"), ("640x360", "0x808080"), ("96x96", "0xc0c0c0")] {
        let source = format!("color={grey}:size={size}:rate=25:duration=1");
        let part = clip.made(&format!("{size}.ts"), &source, "-c:v libx264 -pix_fmt yuv420p");
        joined.extend(std::fs::read(part).unwrap());
    }
    let path = clip.path("joined.ts");
    std::fs::write(&path, joined).unwrap();
    let seen = watch(&path, |_| {});
    let greys: Vec<u8> = seen.frames.iter().map(grey_of).collect();
    for want in [0x40, 0x80, 0xc0] {
        assert!(greys.iter().any(|got| got.abs_diff(want) <= 3), "{greys:x?}");
    }
    // Each part begins again at its first timestamp.
    assert_eq!(seen.metrics.discontinuities.get(), 2);
    let segments: Vec<u32> = seen.frames.iter().map(|frame| frame.stamp.segment).collect();
    assert_eq!((segments[0], *segments.last().unwrap()), (0, 2));
    assert!(seen.frames.is_sorted_by_key(|frame| frame.stamp.media));
}

#[test]
fn a_truncated_clip_gives_what_it_has() {
    let clip = Clip::new();
    let source = "testsrc2=size=320x240:rate=25:duration=10";
    let whole = clip.made("whole.ts", source, "-c:v libx264 -g 25 -pix_fmt yuv420p");
    let bytes = std::fs::read(whole).unwrap();
    let path = clip.path("half.ts");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let seen = watch(&path, |_| {});
    assert!((6..20).contains(&seen.frames.len()), "{}", seen.frames.len());

    let fragmented =
        clip.made("whole.mp4", source, "-c:v libx264 -g 25 -movflags +frag_keyframe+empty_moov");
    let bytes = std::fs::read(fragmented).unwrap();
    let path = clip.path("half.mp4");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let seen = watch(&path, |_| {});
    assert!((6..20).contains(&seen.frames.len()), "{}", seen.frames.len());
}

#[test]
fn damage_is_counted_and_shown() {
    let clip = Clip::new();
    let whole = clip.made(
        "whole.ts",
        "testsrc2=size=320x240:rate=25:duration=4",
        "-c:v libx264 -g 100 -pix_fmt yuv420p -b:v 1M",
    );
    let mut bytes = std::fs::read(whole).unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    let (from, to) = (bytes.len() / 4, bytes.len());
    for packet in bytes[from..to].chunks_exact_mut(188).skip(1) {
        if random.u8(0..6) == 0 {
            packet[20..180].iter_mut().for_each(|byte| *byte = random.u8(..));
        }
    }
    let path = clip.path("damaged.ts");
    std::fs::write(&path, bytes).unwrap();
    let seen = watch(&path, |settings| settings.mode = DecodeMode::All);
    assert!(seen.metrics.frames_corrupt.get() > 0);
    assert!(seen.frames.len() >= 4, "{}", seen.frames.len());
}

#[test]
fn key_frame_mode_decodes_one_frame_a_look() {
    let clip = Clip::new();
    let path = clip.made(
        "long.mp4",
        "testsrc2=size=320x240:rate=25:duration=30",
        "-c:v libx264 -g 50 -keyint_min 50 -sc_threshold 0 -bf 3 -pix_fmt yuv420p",
    );
    let settings = |mode| {
        move |settings: &mut percept::decode::DecodeSettings| {
            settings.mode = mode;
            settings.step = 2000 * MS;
            settings.interval = Some(KEYS);
        }
    };
    let keys = watch(&path, settings(DecodeMode::KeyFrames));
    assert_eq!(times(&keys), (0..15).map(|k| k * 2000).collect::<Vec<_>>());
    assert_eq!(keys.metrics.frames_decoded.get(), 15);
    assert_eq!(keys.metrics.frames_skipped(SkipReason::NotKeyFrame).get(), 735);
    assert!(keys.latest_by_packet, "a key frame comes out with its own packet");

    let all = watch(&path, settings(DecodeMode::All));
    assert_eq!(times(&all), times(&keys));
    assert_eq!(all.metrics.frames_decoded.get(), 750);
    for (key, any) in keys.frames.iter().zip(&all.frames) {
        assert!(close(&key.pixels, &any.pixels, 1), "at {:?}", key.stamp.media);
    }

    let auto = watch(&path, settings(DecodeMode::Auto));
    assert_eq!(times(&auto), times(&keys));
    assert_eq!(auto.mode, ActiveMode::KeyFrames);
    assert_eq!(auto.metrics.frames_decoded.get(), 15, "from the first frame on, one in fifty");
    for (key, any) in auto.frames.iter().zip(&all.frames) {
        assert!(close(&key.pixels, &any.pixels, 1), "at {:?}", key.stamp.media);
    }
}

#[test]
fn slow_video_with_b_frames_is_one_segment() {
    let clip = Clip::new();
    let path = clip.made(
        "slow.mp4",
        "testsrc2=size=160x120:rate=2:duration=40",
        "-c:v libx264 -bf 3 -b_strategy 0 -g 4 -keyint_min 4 -sc_threshold 0 -pix_fmt yuv420p",
    );
    let seen = watch(&path, |settings| {
        settings.step = 2000 * MS;
        settings.interval = Some(KEYS);
    });
    assert_eq!(times(&seen), (0..20).map(|k| k * 2000).collect::<Vec<_>>());
    assert!(seen.frames.iter().all(|frame| frame.stamp.segment == 0));
    assert_eq!(seen.metrics.discontinuities.get(), 0);
}

#[test]
fn auto_goes_back_to_all_when_key_frames_turn_rare() {
    let clip = Clip::new();
    let path = clip.made(
        "rare.mp4",
        "testsrc2=size=160x120:rate=25:duration=30",
        "-c:v libx264 -g 9999 -keyint_min 1 -sc_threshold 0 -bf 2 -pix_fmt yuv420p \
         -force_key_frames 2,4,6,8,20,22,24,26,28",
    );
    let rare = |mode| {
        watch(&path, |settings| {
            settings.mode = mode;
            settings.step = 2000 * MS;
            settings.interval = Some(KEYS);
        })
    };
    let (auto, all) = (rare(DecodeMode::Auto), rare(DecodeMode::All));
    assert_eq!(times(&auto), times(&all), "no look is missed on the way back");
    for (one, other) in auto.frames.iter().zip(&all.frames) {
        assert!(close(&one.pixels, &other.pixels, 1), "at {:?}", one.stamp.media);
    }
    assert_eq!(auto.mode, ActiveMode::KeyFrames, "and key frames are enough again at the end");
    let (some, every) = (auto.metrics.frames_decoded.get(), all.metrics.frames_decoded.get());
    assert_eq!(every, 750);
    // The key frames up to 8 s, all from 8 s to 26 s as none came for long, then those at
    // 26 and 28 s.
    assert_eq!(some, 5 + 450 + 2);
}

#[test]
fn an_intra_only_stream_is_subsampled() {
    let clip = Clip::new();
    let path =
        clip.made("intra.avi", "testsrc2=size=160x120:rate=25:duration=10", "-c:v mjpeg -q:v 3");
    let seen = watch(&path, |settings| settings.step = 2000 * MS);
    assert_eq!(times(&seen), [0, 2000, 4000, 6000, 8000]);
    assert_eq!(seen.mode, ActiveMode::KeyFrames);
    // Three until it is known, the first of them looked at; then four looks.
    assert_eq!(seen.metrics.frames_decoded.get(), 4 + 3);
}

#[test]
fn open_gops_and_refresh_without_key_frames_are_decoded() {
    let clip = Clip::new();
    for (name, parameters) in [
        ("open.mp4", "open-gop=1:keyint=50:min-keyint=50:bframes=3"),
        ("refresh.mp4", "intra-refresh=1:keyint=50"),
    ] {
        let encoder = format!("-c:v libx264 -sc_threshold 0 -x264-params {parameters}");
        let path = clip.made(name, "testsrc2=size=160x120:rate=25:duration=20", &encoder);
        let seen = watch(&path, |settings| {
            settings.step = 2000 * MS;
            settings.interval = Some(KEYS);
        });
        assert_eq!(seen.frames.len(), 10, "{name}: {:?}", times(&seen));
    }
}
