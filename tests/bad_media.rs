//! Sources that cannot be watched say what is wrong and what to try; nothing hangs.

#![cfg(feature = "ffmpeg")]

mod media;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use media::Clip;
use percept::data::{Clock, Fault, Remedy};
use percept::source::{Location, SourceError, SourceFault, SourceSettings, open, probe};
use percept::supervise::Stop;

fn settings(location: &str) -> SourceSettings {
    SourceSettings::new(Location::parse(location).unwrap())
}

fn refused(settings: &SourceSettings) -> SourceError {
    match open(settings, &Stop::new()) {
        Ok(_) => panic!("{:?} was opened", settings.location),
        Err(error) => error,
    }
}

/// Checks kind, remedy and a part of the message.
fn check(error: &SourceError, kind: &str, remedy: Remedy, says: &str) {
    let message = error.to_string();
    assert_eq!((error.kind(), error.remedy()), (kind, remedy), "{message}");
    assert!(message.contains(says), "{message:?} does not say {says:?}");
}

/// A server on a port of its own that answers each connection in a thread of its own.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(connection));
        }
    });
    address
}

/// An HTTP server that gives for each path a status line with further headers, and a body.
fn http(answers: Vec<(&'static str, &'static str, Vec<u8>)>) -> SocketAddr {
    serve(move |mut connection| {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (head, body) = answers
            .iter()
            .find(|(known, ..)| *known == path)
            .map_or(("404 Not Found", &[][..]), |(_, head, body)| (*head, body));
        let length = body.len();
        let _ = write!(connection, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\n");
        let _ = connection.write_all(b"Connection: close\r\n\r\n");
        let _ = connection.write_all(body);
    })
}

const PLAYLIST: &str = "200 OK\r\nContent-Type: application/vnd.apple.mpegurl";

fn playlist(segment: &str) -> Vec<u8> {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{segment}\n#EXT-X-ENDLIST\n")
        .into_bytes()
}

/// A playlist of playlists.
fn master(list: &str) -> Vec<u8> {
    format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n{list}\n").into_bytes()
}

/// A playlist whose segment, `1.ts`, is to be deciphered with the key at `key`.
fn encrypted(key: &str) -> Vec<u8> {
    let list = String::from_utf8(playlist("1.ts")).unwrap();
    let key = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{key}\"\n#EXTINF");
    list.replace("#EXTINF", &key).into_bytes()
}

fn segment(clip: &Clip) -> Vec<u8> {
    let encoder = "-c:v libx264 -g 25 -pix_fmt yuv420p";
    let path = clip.made("segment.ts", "testsrc2=size=160x120:rate=25:duration=2", encoder);
    std::fs::read(path).unwrap()
}

#[test]
fn files_that_are_no_video_say_so() {
    let clip = Clip::new();
    let text = clip.path("text.mp4");
    std::fs::write(&text, "Not a film.\n".repeat(400)).unwrap();
    check(&refused(&settings(&text)), "invalid", Remedy::GiveUp, "text.mp4");
    let empty = clip.path("empty.mp4");
    std::fs::write(&empty, b"").unwrap();
    check(&refused(&settings(&empty)), "invalid", Remedy::GiveUp, "empty");
    let whole = clip.made("whole.mp4", "testsrc2=size=64x64:duration=2", "-c:v libx264");
    let bytes = std::fs::read(whole).unwrap();
    let headless = clip.path("headless.mp4");
    std::fs::write(&headless, &bytes[..bytes.len() / 2]).unwrap();
    check(&refused(&settings(&headless)), "invalid", Remedy::GiveUp, "headless.mp4");
    let sound = clip.made("sound.mp4", "sine=duration=1", "-c:a aac");
    check(&refused(&settings(&sound)), "no_video", Remedy::GiveUp, "only audio");
    let gone = clip.made("gone.mkv", "testsrc2=size=64x64:duration=1", "-c:v libx264");
    let location = settings(&gone);
    std::fs::remove_file(&gone).unwrap();
    check(&refused(&location), "not_found", Remedy::GiveUp, "check the path");
    check(&refused(&settings(&clip.path(""))), "unsupported", Remedy::GiveUp, "is a folder");
}

#[test]
fn a_name_that_is_no_text_is_a_name_all_the_same() {
    use std::os::unix::ffi::OsStrExt as _;
    let clip = Clip::new();
    let film = clip.made("film.mp4", "testsrc2=size=64x64:duration=1", "-c:v libx264");
    let name =
        std::path::Path::new(&film).with_file_name(std::ffi::OsStr::from_bytes(b"\xfcber.mp4"));
    std::fs::rename(&film, &name).unwrap();
    let settings = SourceSettings::new(Location::File(name));
    let mut source = open(&settings, &Stop::new()).unwrap();
    assert!(source.read().unwrap().is_some());
}

#[test]
fn music_with_a_cover_is_no_video() {
    let clip = Clip::new();
    let cover = clip.made("cover.png", "testsrc2=size=64x64:duration=0.04", "-frames:v 1");
    let sound = clip.made("sound.mp3", "sine=duration=1", "-c:a libmp3lame");
    let path = clip.path("song.mp3");
    clip.ffmpeg(&[
        "-i",
        &sound,
        "-i",
        &cover,
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v",
        "attached_pic",
        &path,
    ]);
    check(&refused(&settings(&path)), "no_video", Remedy::GiveUp, "cover picture");
}

#[test]
fn a_script_that_leads_to_other_files_is_refused() {
    let clip = Clip::new();
    clip.made("a.mp4", "testsrc2=size=64x64:duration=1", "-c:v libx264");
    let script = clip.path("script.txt");
    std::fs::write(&script, "ffconcat version 1.0\nfile a.mp4\n").unwrap();
    check(&refused(&settings(&script)), "invalid", Remedy::GiveUp, "script.txt");
}

#[test]
fn an_option_that_ffmpeg_does_not_know_is_named() {
    let clip = Clip::new();
    let path = clip.made("a.mp4", "testsrc2=size=64x64:duration=1", "-c:v libx264");
    let mut settings = settings(&path);
    settings.options.insert("analyzedurration".into(), "1".into());
    check(&refused(&settings), "option", Remedy::GiveUp, "\"analyzedurration\"");
    settings.options = [("analyzeduration".to_owned(), "1000000".to_owned())].into();
    assert!(open(&settings, &Stop::new()).is_ok());
    settings.options = [("protocol_whitelist".to_owned(), "file".to_owned())].into();
    check(&refused(&settings), "option", Remedy::GiveUp, "allow_hosts");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    for scheme in ["rtsp", "http"] {
        let address = serve(|mut connection| {
            // Takes whatever comes and never answers, until the other side goes.
            let _ = connection.read_to_end(&mut Vec::new());
        });
        let mut settings = settings(&format!("{scheme}://user:hunter2@{address}/stream"));
        settings.stall_timeout = Duration::from_millis(300);
        let error = refused(&settings);
        check(&error, "timeout", Remedy::Restart, "stall_timeout");
        assert!(
            !error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2")
        );
    }
}

#[test]
fn a_stop_breaks_off_at_once() {
    for scheme in ["rtsp", "http"] {
        let stop = Stop::new();
        let address = serve({
            let stop = stop.clone();
            move |mut connection| {
                // The request is there, so the other side waits for an answer.
                let mut first = [0];
                let _ = connection.read_exact(&mut first);
                stop.stop();
                let _ = connection.read_to_end(&mut Vec::new());
            }
        });
        let mut settings = settings(&format!("{scheme}://{address}/stream"));
        // Without the stop this test would not end.
        settings.stall_timeout = Duration::from_secs(24 * 3600);
        let error = match open(&settings, &stop) {
            Ok(_) => panic!("opened"),
            Err(error) => error,
        };
        check(&error, "stopped", Remedy::GiveUp, "stopped on request");
    }
}

#[test]
fn a_stream_that_falls_silent_is_given_up() {
    let clip = Clip::new();
    let bytes = segment(&clip);
    let address = serve(move |mut connection| {
        let mut request = [0; 1];
        let _ = connection.read_exact(&mut request);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n");
        let _ = connection.write_all(&bytes);
        let _ = connection.read_to_end(&mut Vec::new());
    });
    let mut settings = settings(&format!("http://{address}/live.ts"));
    settings.stall_timeout = Duration::from_secs(3);
    let mut source = open(&settings, &Stop::new()).unwrap();
    assert!(source.is_live());
    let mut packets = 0;
    let error = loop {
        match source.read() {
            Ok(Some(packet)) => {
                packets += 1;
                assert_eq!(packet.clock, Clock::Arrival);
                assert!(packet.captured_at.is_some());
            }
            Ok(None) => panic!("a live stream has no end"),
            Err(error) => break error,
        }
    };
    assert!(packets > 40, "{packets}");
    check(&error, "timeout", Remedy::Restart, "reading");
}

#[test]
fn a_live_stream_that_ends_is_tried_again() {
    let clip = Clip::new();
    let bytes = segment(&clip);
    let address = serve(move |mut connection| {
        let mut request = [0; 1];
        let _ = connection.read_exact(&mut request);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n");
        let _ = connection.write_all(&bytes);
    });
    let mut source = open(&settings(&format!("http://{address}/live.ts")), &Stop::new()).unwrap();
    let error = loop {
        match source.read() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a live stream has no end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.remedy(), Remedy::Restart, "{error}");
}

#[test]
fn answers_of_a_server_are_told_apart() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["rtsp", "http"] {
        let closed = settings(&format!("{scheme}://{nobody}/x"));
        check(&refused(&closed), "refused", Remedy::Restart, "port");
    }
    let address = http(vec![
        ("/secret", "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"", vec![]),
        ("/mine", "403 Forbidden", vec![]),
        ("/page", "200 OK\r\nContent-Type: text/html", b"<html>camera</html>".to_vec()),
    ]);
    let answer = |path: &str| refused(&settings(&format!("http://root:hunter2@{address}{path}")));
    check(&answer("/secret"), "unauthorized", Remedy::Restart, "wrong or missing user or password");
    check(&answer("/mine"), "unauthorized", Remedy::Restart, "forbidden");
    check(&answer("/none"), "not_found", Remedy::Restart, "check the path");
    check(&answer("/page"), "invalid", Remedy::Restart, "ffplay");
    let unknown = settings("http://no-such-host.invalid/x");
    check(&refused(&unknown), "unreachable", Remedy::Restart, "host name");
}

#[test]
fn a_finite_http_resource_is_a_file() {
    let clip = Clip::new();
    let path = clip.made(
        "a.mp4",
        "testsrc2=size=64x64:rate=25:duration=1",
        "-c:v libx264 -movflags +faststart",
    );
    let address = http(vec![
        ("/a.mp4", "200 OK\r\nContent-Type: video/mp4", std::fs::read(path).unwrap()),
        ("/vod.m3u8", PLAYLIST, playlist("1.ts")),
        ("/1.ts", "200 OK", segment(&clip)),
    ]);
    for (path, want) in [("a.mp4", 25), ("vod.m3u8", 50)] {
        let mut source =
            open(&settings(&format!("http://{address}/{path}")), &Stop::new()).unwrap();
        assert!(!source.is_live(), "{path}");
        let mut packets = 0;
        while let Some(packet) = source.read().unwrap() {
            assert_eq!((packet.clock, packet.captured_at), (Clock::None, None));
            packets += 1;
        }
        assert_eq!(packets, want, "{path}");
    }
}

#[test]
fn an_index_that_a_server_cannot_reach_is_said_to_be_so() {
    let clip = Clip::new();
    // Big enough that its end does not come with its beginning.
    let encoder = "-c:v libx264 -b:v 3M -minrate 3M -maxrate 3M -bufsize 3M -pix_fmt yuv420p";
    let film = clip.made("end.mp4", "testsrc2=size=640x360:rate=25:duration=10", encoder);
    // This server answers a request for a part with the whole.
    let address = http(vec![("/end.mp4", "200 OK", std::fs::read(film).unwrap())]);
    let settings = settings(&format!("http://{address}/end.mp4"));
    let error = match open(&settings, &Stop::new()) {
        Err(error) => error,
        Ok(mut source) => loop {
            match source.read() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it was read"),
                Err(error) => break error,
            }
        },
    };
    check(&error, "unsupported", Remedy::GiveUp, "faststart");
}

#[test]
fn a_playlist_may_not_lead_elsewhere() {
    let clip = Clip::new();
    let bytes = segment(&clip);
    let local = clip.path("segment.ts");
    let foreign = http(vec![("/1.ts", "200 OK", bytes.clone())]);
    // The same machine by another name is another host.
    let elsewhere = format!("http://localhost:{}/1.ts", foreign.port());
    let redirect: &'static str =
        Box::leak(format!("302 Found\r\nLocation: {elsewhere}").into_boxed_str());
    let address = http(vec![
        ("/foreign.m3u8", PLAYLIST, playlist(&elsewhere)),
        ("/file.m3u8", PLAYLIST, playlist(&format!("file://{local}"))),
        ("/moved.m3u8", PLAYLIST, playlist("moved.ts")),
        ("/moved.ts", redirect, vec![]),
        ("/own.m3u8", PLAYLIST, playlist("1.ts")),
        ("/1.ts", "200 OK", bytes.clone()),
        // What FFmpeg itself does not open, some of it two playlists down.
        ("/passwd.m3u8", PLAYLIST, playlist("file:///etc/passwd")),
        ("/master.m3u8", PLAYLIST, master("passwd.m3u8")),
        ("/gopher.m3u8", PLAYLIST, playlist("gopher://127.0.0.1/1.ts")),
        ("/concat.m3u8", PLAYLIST, playlist("concat:/etc/passwd")),
        ("/key.m3u8", PLAYLIST, encrypted("file:///etc/passwd")),
        ("/name.m3u8", PLAYLIST, playlist("segment")),
        ("/segment", "200 OK", bytes),
    ]);
    let at = |path: &str| settings(&format!("http://{address}/{path}"));
    for path in ["foreign.m3u8", "moved.m3u8", "moved.ts"] {
        let mut settings = at(path);
        check(&refused(&settings), "disallowed", Remedy::GiveUp, "allow_hosts");
        settings.allow_hosts = vec!["localhost".into()];
        assert!(open(&settings, &Stop::new()).is_ok(), "{path}");
    }
    check(&refused(&at("file.m3u8")), "disallowed", Remedy::GiveUp, "allow_files");
    assert!(open(&at("own.m3u8"), &Stop::new()).is_ok());
    for (path, hint) in [
        ("passwd.m3u8", "allow_files"),
        ("master.m3u8", "allow_files"),
        ("key.m3u8", "allow_files"),
        ("gopher.m3u8", "scheme \"gopher\""),
        ("concat.m3u8", "scheme \"concat\""),
        ("name.m3u8", "extension_picky = 0"),
    ] {
        check(&refused(&at(path)), "disallowed", Remedy::GiveUp, hint);
    }
    let mut named = at("name.m3u8");
    named.options.insert("extension_picky".into(), "0".into());
    assert!(open(&named, &Stop::new()).is_ok());

    // A playlist on this machine.
    let list = clip.path("list.m3u8");
    std::fs::write(&list, playlist("segment.ts")).unwrap();
    let mut local = settings(&list);
    check(&refused(&local), "disallowed", Remedy::GiveUp, "allow_files");
    local.allow_files = true;
    assert!(open(&local, &Stop::new()).is_ok());
    std::fs::write(&list, playlist(&elsewhere)).unwrap();
    check(&refused(&local), "disallowed", Remedy::GiveUp, "allow_hosts");
}

#[test]
fn a_graph_runs_in_real_time_and_ends() {
    let graph = "lavfi:testsrc2=size=64x64:rate=25:duration=0.4";
    let mut source = open(&settings(graph), &Stop::new()).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = source.read().unwrap() {
        packets.push(packet);
    }
    assert_eq!(packets.len(), 10);
    let first = packets[0].arrived;
    for (k, packet) in packets.iter().enumerate() {
        let due = Duration::from_millis(40 * k as u64);
        assert!(packet.arrived - first + Duration::from_millis(1) >= due, "packet {k} came early");
        assert_eq!(packet.clock, Clock::Arrival);
    }
    check(&refused(&settings("lavfi:no_such_filter")), "invalid", Remedy::GiveUp, "lavfi");

    // A frame an hour: only a stop gets out of the wait.
    let stop = Stop::new();
    let mut slow = open(&settings("lavfi:testsrc2=size=64x64:rate=1/3600"), &stop).unwrap();
    assert!(slow.read().unwrap().is_some());
    stop.stop();
    let error = slow.read().err().unwrap();
    assert!(matches!(error.fault, SourceFault::Stopped), "{error}");
}

#[test]
fn a_probe_says_what_is_in_a_clip() {
    let clip = Clip::new();
    let path = clip.path("both.mp4");
    clip.ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x240:rate=25:duration=8",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=8",
        "-c:v",
        "libx264",
        "-g",
        "50",
        "-sc_threshold",
        "0",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        &path,
    ]);
    let found = probe(&settings(&path), &Stop::new()).unwrap();
    let video = found.track.video.as_ref().unwrap();
    assert_eq!((video.codec.as_str(), video.width, video.height), ("h264", 320, 240));
    assert_eq!(video.pixel_format.as_deref(), Some("yuv420p"));
    assert_eq!(video.frame_rate, Some(25.0));
    assert_eq!(found.key_frame_interval_seconds, Some(2.0));
    assert_eq!(found.track.audio[0].codec, "aac");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["codec"], "h264");
}
