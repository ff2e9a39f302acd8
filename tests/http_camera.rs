//! A camera that sends JPEG pictures one after another over HTTP, as many small ones do.

#![cfg(feature = "ffmpeg")]

mod media;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use media::Clip;
use percept::data::{Fault, Track};
use percept::source::{Location, SourceSettings, open};
use percept::supervise::Stop;

const PICTURES: usize = 8;
const GAP: Duration = Duration::from_millis(400);

/// Sends the picture at its own pace to one client, then hangs up.
fn camera(picture: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.read(&mut [0; 2000]).unwrap();
        let head = "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=B\r\n\r\n";
        client.write_all(head.as_bytes()).unwrap();
        for _ in 0..PICTURES {
            let length = picture.len();
            let part =
                format!("--B\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n");
            client.write_all(&[part.as_bytes(), &picture, b"\r\n"].concat()).unwrap();
            std::thread::sleep(GAP);
        }
    });
    address
}

#[test]
fn its_pictures_have_the_times_at_which_they_come() {
    let clip = Clip::new();
    let path = clip.made("a.jpg", "testsrc2=size=64x48", "-frames:v 1 -update 1");
    let address = camera(std::fs::read(path).unwrap());
    let location = Location::parse(&format!("http://{address}/video")).unwrap();
    let mut source = open(&SourceSettings::new(location), &Stop::new()).unwrap();
    assert!(source.is_live());
    let tick = source.video().unwrap().time_base;
    let mut times = Vec::new();
    let ended = loop {
        match source.read() {
            Ok(Some(packet)) if packet.track == Track::Video => {
                times.push(packet.inner.pts().unwrap() as f64 * f64::from(tick));
            }
            Ok(Some(_)) => {}
            Ok(None) => panic!("a camera has no end"),
            Err(error) => break error,
        }
    };
    assert_eq!(ended.kind(), "ended", "{ended}");
    assert!(times.len() >= PICTURES - 1, "{times:?}");
    // The first may be held until the second comes. FFmpeg's own would be 40 ms apart.
    let least = GAP.as_secs_f64() / 2.0;
    assert!(times.windows(2).skip(1).all(|pair| pair[1] - pair[0] > least), "{times:?}");
}
