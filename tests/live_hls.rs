//! Live HLS: FFmpeg writes a rolling playlist in real time, Python serves it.
//!
//! ```text
//! ffmpeg ─► folder ─► http.server ─► percept
//! ```

#[path = "common/http.rs"]
mod http;
#[path = "common/playlist.rs"]
mod playlist;
mod program;

use std::time::{Duration, Instant};

use percept::data::Track;
use percept::source::{self, Location, SourceSettings, Wanted};
use percept::supervise::Stop;
use playlist::{Encoder, WebServer};
use program::{Percept, write};
use serde_json::Value;

fn settings(url: &str) -> SourceSettings {
    SourceSettings::new(Location::parse(url).unwrap())
}

/// What `percept run` is given: a short patience, and a look every half second.
fn start(folder: &std::path::Path, url: &str) -> Percept {
    let machine = write(
        folder,
        "percept.toml",
        "[reconnect]\nfirst = \"100ms\"\nmost = \"300ms\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nlevel = \"debug\"\n",
    );
    let pipeline = write(
        folder,
        "p.toml",
        format!(
            "[[streams]]\nname = \"hls\"\nsource = \"{url}\"\nhop = \"500ms\"\n\
             stall_timeout = \"1s\"\n"
        ),
    );
    Percept::start(&["run", &pipeline, "--config", &machine])
}

fn is_state<'a>(state: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["state"] == state
}

#[test]
fn segments_are_watched_without_bursts_stalls_or_drops_and_not_twice_after_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let mut encoder = Encoder::start(&site, 2);
    let server = WebServer::start(&site);
    let mut run = start(folder.path(), &server.url("live.m3u8"));
    // Several segments; between two of them more time than stall_timeout passes.
    for _ in 0..14 {
        run.wait_for("a window", |event| event["kind"] == "window");
    }
    assert!(!run.seen.iter().any(is_state("lost")), "{:#?}", run.seen);
    let page = http::get(run.address(), "/metrics").unwrap().body;
    let dropped: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("percept_windows_dropped_total{") && !line.ends_with(" 0"))
        .collect();
    assert!(dropped.is_empty(), "{dropped:?}\n{}", run.log());

    // The encoder dies, its playlist stays: what is in it was seen.
    encoder.kill();
    run.wait_for("the loss", is_state("lost"));
    let mark = run.log().len();
    run.wait_for_log_after(mark, "waiting before the next try");
    let mark = run.log().len();
    run.wait_for_log_after(mark, "waiting before the next try");
    encoder.restart();
    run.wait_for("the return", is_state("connected"));
    let again = run.seen.iter().rposition(is_state("connected")).unwrap();
    let lost = run.seen.iter().position(is_state("lost")).unwrap();
    let between = &run.seen[lost + 1..again];
    assert!(!between.iter().any(|event| event["kind"] == "window"), "{between:#?}");
    assert_eq!(run.seen.iter().filter(|event| is_state("lost")(event)).count(), 1);
    run.wait_for("a window after the return", |event| event["kind"] == "window");
    run.signal("-TERM");
    let ended = run.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    for wrong in ["cannot keep up", "comes faster than"] {
        assert!(!ended.stderr.contains(wrong), "{}", ended.stderr);
    }
}

#[test]
fn a_reconnect_begins_at_the_live_edge_with_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let _encoder = Encoder::start(folder.path(), 2);
    let server = WebServer::start(folder.path());
    let settings = settings(&server.url("live.m3u8"));
    let stop = Stop::new();
    let mut first = source::open(&settings, &stop).unwrap();
    let mut last = 0;
    for _ in 0..15 {
        last = first.read().unwrap().unwrap().inner.pts().unwrap();
    }
    let tick = f64::from(first.video().unwrap().time_base);
    let seen = first.into_seen().unwrap();
    let mut again = source::open(&settings, &stop).unwrap();
    again.resume(seen);
    let next = again.read().unwrap().unwrap().inner.pts().unwrap();
    // At ten frames a second; a segment that is past is not asked for again.
    let gap = (next - last) as f64 * tick;
    assert!((0.05..6.0).contains(&gap), "{gap} s on");
}

/// A segment has all of its pictures first: they must not be looked at long before their sound.
#[test]
fn pictures_and_sound_of_fragments_come_in_the_order_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let _encoder = Encoder::start_fragments(&site, 4);
    let server = WebServer::start(&site);
    let settings = SourceSettings { wanted: Wanted::Both, ..settings(&server.url("live.m3u8")) };
    let mut source = source::open(&settings, &Stop::new()).unwrap();
    let ticks = [source.video().unwrap().time_base, source.audio().unwrap().time_base];
    let (mut newest, mut counts) = (0.0_f64, [0, 0]);
    while counts[0] < 90 {
        let packet = source.read().unwrap().unwrap();
        let track = usize::from(packet.track == Track::Audio);
        let at = packet.inner.dts().unwrap() as f64 * f64::from(ticks[track]);
        assert!(newest - at < 0.2, "at {at} s after {newest} s, {:?}", packet.track);
        newest = newest.max(at);
        counts[track] += 1;
    }
    assert!(counts[1] > 100, "{counts:?}");
}

/// Pictures are not held back for sound that has not begun.
#[test]
fn a_track_of_sound_that_is_named_and_never_comes_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let _encoder = Encoder::start_without_the_sound_it_names(&site, 2);
    let server = WebServer::start(&site);
    let settings = SourceSettings { wanted: Wanted::Both, ..settings(&server.url("live.m3u8")) };
    let mut source = source::open(&settings, &Stop::new()).unwrap();
    assert!(source.audio().is_some());
    let tick = f64::from(source.video().unwrap().time_base);
    let (began, mut times) = (Instant::now(), Vec::new());
    let mut first = None;
    while times.len() < 50 {
        let packet = source.read().unwrap().unwrap();
        first.get_or_insert_with(|| began.elapsed());
        times.push(packet.inner.pts().unwrap() as f64 * tick);
    }
    // Else twelve seconds of media are held first, of which the playlist has at most ten.
    assert!(first.unwrap() < Duration::from_secs(4), "{first:?}");
    let steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (0.05..0.15).contains(step)), "{times:?}");
}
