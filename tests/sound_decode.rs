//! Sound of every kind comes out as f32 at the wanted rate, in its place.

mod media;

use std::time::Duration;

use media::{Clip, amplitude, listen, onset};
use percept::data::{Fault, Track};
use percept::source::{Location, SourceSettings, Wanted};
use percept::supervise::Stop;

/// Two seconds, of which the second half is a tone of half the full scale.
fn tone(layout: &str, rate: u32) -> String {
    let one = "if(gte(t,1),0.5*sin(2*PI*1000*t),0)";
    let count = match layout {
        "mono" => 1,
        "stereo" => 2,
        "5.1" => 6,
        other => panic!("{other}"),
    };
    let all = vec![one; count].join("|");
    format!("aevalsrc='{all}':s={rate}:c={layout}:d=2")
}

#[test]
fn every_codec_layout_and_rate_is_heard_at_the_model_s_rate_and_in_its_place() {
    let clip = Clip::new();
    // Name, layout, rate, encoder, milliseconds by which the tone may be off.
    let cases = [
        ("aac.m4a", "stereo", 48_000, "-c:a aac -b:a 192k", 3.0),
        ("aac-44100.mp4", "mono", 44_100, "-c:a aac -b:a 128k", 3.0),
        ("opus.webm", "stereo", 48_000, "-c:a libopus -b:a 128k", 4.0),
        ("opus.ogg", "mono", 48_000, "-c:a libopus -b:a 96k", 4.0),
        ("music.mp3", "stereo", 44_100, "-c:a libmp3lame -b:a 192k", 4.0),
        ("alaw.wav", "mono", 8_000, "-c:a pcm_alaw", 1.0),
        ("mulaw.mkv", "mono", 8_000, "-c:a pcm_mulaw", 2.0),
        ("g722.wav", "mono", 16_000, "-c:a g722", 4.0),
        ("low.wav", "mono", 8_000, "-c:a pcm_s16le", 1.0),
        ("high.flac", "stereo", 96_000, "-c:a flac", 1.0),
        ("surround.m4a", "5.1", 48_000, "-c:a aac -b:a 384k", 3.0),
        ("surround.ac3", "5.1", 48_000, "-c:a ac3 -b:a 448k", 8.0),
        ("u8.wav", "mono", 22_050, "-c:a pcm_u8", 1.0),
        ("s24.wav", "stereo", 48_000, "-c:a pcm_s24le", 1.0),
        ("s32.wav", "stereo", 48_000, "-c:a pcm_s32le", 1.0),
        ("f32.wav", "stereo", 48_000, "-c:a pcm_f32le", 1.0),
        ("f64.wav", "mono", 11_025, "-c:a pcm_f64le", 1.0),
    ];
    for (name, layout, rate, encoder, off) in cases {
        let path = clip.made(name, &tone(layout, rate), encoder);
        for wanted in [16_000, 48_000] {
            let heard = listen(&path, wanted, 1);
            assert_eq!(heard.metrics.audio.errors.get(), 0, "{name}");
            let mut at = heard.chunks[0].stamp.media;
            for chunk in &heard.chunks {
                assert_eq!((chunk.rate, chunk.channels), (wanted, 1));
                let apart = chunk.stamp.media.as_nanos() - at.as_nanos();
                assert!(apart.abs() < 2_000_000, "{name} at {wanted}: {apart} ns apart");
                at = chunk.end();
            }
            let samples: Vec<f32> =
                heard.chunks.iter().flat_map(|chunk| &chunk.samples).copied().collect();
            let seconds = samples.len() as f64 / f64::from(wanted);
            assert!((seconds - 2.0).abs() < 0.06, "{name} at {wanted}: {seconds} s");
            let begins = onset(&samples, 0.1).unwrap() as f64 / f64::from(wanted);
            let wrong = (begins - 1.0) * 1000.0;
            assert!(wrong.abs() < off, "{name} at {wanted}: the tone is {wrong} ms late");
            let middle = wanted as usize * 5 / 4..wanted as usize * 7 / 4;
            let loud = amplitude(&samples[middle], wanted, 1000.0);
            assert!((loud - 0.5).abs() < 0.03, "{name} at {wanted}: {loud}");
        }
    }
}

#[test]
fn channels_are_kept_apart_where_the_model_wants_them() {
    let clip = Clip::new();
    let graph = "aevalsrc='0.5*sin(2*PI*1000*t)|0.25*sin(2*PI*3000*t)':s=44100:c=stereo:d=1";
    let heard = listen(&clip.made("two.flac", graph, "-c:a flac"), 16_000, 2);
    let samples: Vec<f32> =
        heard.chunks.iter().flat_map(|chunk| &chunk.samples).copied().skip(2000).collect();
    let channel = |n: usize| samples.iter().skip(n).step_by(2).copied().collect::<Vec<_>>();
    for (n, frequency, loud) in [(0, 1000.0, 0.5), (0, 3000.0, 0.0), (1, 3000.0, 0.25)] {
        let got = amplitude(&channel(n), 16_000, frequency);
        assert!((got - loud).abs() < 0.01, "channel {n} at {frequency} Hz: {got}");
    }
}

#[test]
fn more_channels_than_anybody_named_are_averaged() {
    let clip = Clip::new();
    let one = "0.5*sin(2*PI*1000*t)";
    let graph = format!("aevalsrc='{}':s=48000:d=1,asetnsamples=1024", [one; 12].join("|"));
    let heard = listen(&clip.made("twelve.wav", &graph, "-c:a pcm_s16le"), 16_000, 1);
    let samples: Vec<f32> = heard.chunks.iter().flat_map(|c| &c.samples).copied().collect();
    let got = amplitude(&samples[1000..15_000], 16_000, 1000.0);
    assert!((got - 0.5).abs() < 0.01, "{got}");
}

#[test]
fn a_channel_that_is_turned_round_does_not_silence_the_other() {
    let clip = Clip::new();
    let graph = "aevalsrc='0.5*sin(2*PI*1000*t)|-0.49*sin(2*PI*1000*t)':s=48000:c=stereo:d=1";
    for (name, encoder) in [("turned.wav", "-c:a pcm_s16le"), ("turned.m4a", "-c:a aac -b:a 192k")]
    {
        let heard = listen(&clip.made(name, graph, encoder), 16_000, 1);
        let samples: Vec<f32> = heard.chunks.iter().flat_map(|c| &c.samples).copied().collect();
        let got = amplitude(&samples[1000..15_000], 16_000, 1000.0);
        assert!((got - 0.5).abs() < 0.02, "{name}: {got}");
    }
}

#[test]
fn sound_may_change_its_rate_and_layout_on_the_way() {
    let clip = Clip::new();
    let first = clip.made("a.aac", &tone("stereo", 48_000), "-c:a aac -b:a 192k");
    let second = clip.made("b.aac", &tone("mono", 22_050), "-c:a aac -b:a 64k");
    let both = clip.path("both.aac");
    let bytes = [std::fs::read(first).unwrap(), std::fs::read(second).unwrap()].concat();
    std::fs::write(&both, bytes).unwrap();
    let heard = listen(&both, 16_000, 1);
    let samples: Vec<f32> = heard.chunks.iter().flat_map(|c| &c.samples).copied().collect();
    let seconds = samples.len() as f64 / 16_000.0;
    assert!((seconds - 4.0).abs() < 0.2, "{seconds} s");
    for from in [1.3, 3.4] {
        let from = (from * 16_000.0) as usize;
        let got = amplitude(&samples[from..from + 8000], 16_000, 1000.0);
        assert!((got - 0.5).abs() < 0.03, "{got}");
    }
}

/// FFmpeg counts the times within a PES packet by the rate with which the track began.
#[test]
fn sound_that_changes_its_rate_in_a_transport_stream_stays_in_its_place() {
    let clip = Clip::new();
    let tone = |rate: u32| format!("sine=frequency=1000:sample_rate={rate}:duration=4");
    let first = clip.made("a.ts", &tone(48_000), "-c:a aac -b:a 64k");
    let second = clip.made("b.ts", &tone(16_000), "-c:a aac -b:a 64k -output_ts_offset 4");
    let both = clip.path("both.ts");
    let bytes = [std::fs::read(first).unwrap(), std::fs::read(second).unwrap()].concat();
    std::fs::write(&both, bytes).unwrap();
    let heard = listen(&both, 16_000, 1);
    let end = heard.chunks.last().unwrap().end().as_seconds();
    assert!((end - 8.0).abs() < 0.5, "{end} s");
    for pair in heard.chunks.windows(2) {
        let (before, at) = (pair[0].end().as_seconds(), pair[1].stamp.media.as_seconds());
        // Where the two were joined, the encoder's own delay lies.
        let joined = (before - 4.0).abs() < 0.5;
        assert!(joined || (at - before).abs() < 0.015, "{at} comes after {before}");
    }
}

#[test]
fn damage_is_counted_and_leaves_a_hole_in_the_times_and_no_more() {
    let clip = Clip::new();
    let path = clip.made("whole.mkv", &tone("mono", 48_000), "-c:a flac");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() * 3 / 4;
    for byte in &mut bytes[middle..middle + 600] {
        *byte = !*byte;
    }
    let damaged = clip.path("damaged.mkv");
    std::fs::write(&damaged, bytes).unwrap();
    let heard = listen(&damaged, 48_000, 1);
    let end = heard.chunks.last().unwrap().end().as_seconds();
    assert!((end - 2.0).abs() < 0.1, "{end} s");
    let long: usize = heard.chunks.iter().map(|chunk| chunk.len()).sum();
    let missing = end - long as f64 / 48_000.0;
    assert!(heard.metrics.audio.errors.get() > 0 || missing > 0.05, "{missing} s");
}

#[test]
fn pictures_that_stop_are_a_stall_though_the_sound_goes_on() {
    let graph = "lavfi:testsrc2=size=64x64:rate=10:duration=0.5[out0];sine=frequency=500[out1]";
    let settings = SourceSettings {
        wanted: Wanted::Both,
        stall_timeout: Duration::from_secs(1),
        ..SourceSettings::new(Location::parse(graph).unwrap())
    };
    let mut source = percept::source::open(&settings, &Stop::new()).unwrap();
    let mut heard_since = 0;
    let error = loop {
        match source.read() {
            Ok(Some(packet)) if packet.track == Track::Audio => heard_since += 1,
            Ok(Some(_)) => heard_since = 0,
            Ok(None) => panic!("the sound has no end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), "timeout", "{error}");
    assert!(heard_since > 10, "{heard_since}");
}
