//! Files over HTTP, from a server that gives them whole or not at all.

#![cfg(feature = "ffmpeg")]

mod media;
#[path = "common/playlist.rs"]
mod playlist;
mod program;

use std::path::Path;

use media::Clip;
use percept::data::{Fault, Remedy};
use percept::source::{Location, SourceSettings, open};
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
