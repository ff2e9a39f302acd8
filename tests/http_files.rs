//! Files over HTTP, from a server that gives them whole or not at all.

#![cfg(feature = "ffmpeg")]

mod media;
#[path = "common/playlist.rs"]
mod playlist;
mod program;

use std::path::Path;

use media::Clip;
use percept::data::{Fault, Remedy, Track};
use percept::source::{Location, SourceSettings, Wanted, open};
use percept::supervise::Stop;
use playlist::WebServer;
use program::percept;

#[test]
fn a_file_without_a_known_duration_ends_where_its_bytes_do() {
    let clips = Clip::new();
    let path = clips.made("clip.ts", "testsrc2=d=9", "-c:v libx264 -g 25 -pix_fmt yuv420p");
    let server = WebServer::start(Path::new(&path).parent().unwrap());
    let run = percept(&["run", &server.url("clip.ts"), "--listen", "off"]);
    assert_eq!(run.code(), Some(0), "{}", run.stderr);
    let states: Vec<_> = run.of_kind("stream").iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["connected", "finished"]);
    assert!(!run.of_kind("window").is_empty());
}

#[test]
fn a_single_picture_is_no_camera() {
    let clips = Clip::new();
    let path = clips.made("photo.jpg", "testsrc2", "-frames:v 1 -update 1");
    let server = WebServer::start(Path::new(&path).parent().unwrap());
    let location = Location::parse(&server.url("photo.jpg")).unwrap();
    let Err(error) = open(&SourceSettings::new(location), &Stop::new()) else { panic!("opened") };
    assert_eq!(error.remedy(), Remedy::GiveUp);
    assert!(error.to_string().contains("single picture"), "{error}");
}

/// Without parts of a file (HTTP Range) it can only be read from its beginning to its end, and a
/// fragment of MP4 has twelve seconds of pictures before their sound.
#[test]
fn pictures_and_sound_of_long_fragments_come_in_the_order_of_their_times() {
    let clips = Clip::new();
    let path = clips.made(
        "frag.mp4",
        "testsrc2=size=64x48:rate=10:d=30[out0];sine=frequency=440:sample_rate=16000:d=30[out1]",
        "-c:v libx264 -g 10 -pix_fmt yuv420p -c:a aac -movflags empty_moov+default_base_moof \
         -frag_duration 12000000 -min_frag_duration 12000000",
    );
    let server = WebServer::start(Path::new(&path).parent().unwrap());
    let location = Location::parse(&server.url("frag.mp4")).unwrap();
    let settings = SourceSettings { wanted: Wanted::Both, ..SourceSettings::new(location) };
    let mut source = open(&settings, &Stop::new()).unwrap();
    assert!(!source.is_live());
    let ticks = [source.video().unwrap().time_base, source.audio().unwrap().time_base];
    let (mut newest, mut counts) = (0.0_f64, [0, 0]);
    while let Some(packet) = source.read().unwrap() {
        let track = usize::from(packet.track == Track::Audio);
        let at = packet.inner.dts().unwrap() as f64 * f64::from(ticks[track]);
        assert!(newest - at < 0.2, "at {at} s after {newest} s, {:?}", packet.track);
        newest = newest.max(at);
        counts[track] += 1;
    }
    assert_eq!(counts[0], 300);
    assert!(counts[1] >= 468, "{counts:?}");
}
