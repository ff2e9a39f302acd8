//! `percept devices` and `percept probe`.

use super::args::ProbeArgs;
use super::exit::Failure;
use crate::source::{self, Location, Probe, SourceSettings};
use crate::supervise::Stop;

pub fn devices() -> Result<(), Failure> {
    let cameras = source::devices();
    if cameras.is_empty() {
        println!("no cameras (V4L2) on this machine");
    }
    for camera in cameras {
        println!("{}\t{}", camera.path.display(), camera.name);
    }
    #[cfg(feature = "microphone")]
    microphones();
    Ok(())
}

#[cfg(feature = "microphone")]
fn microphones() {
    let microphones = source::microphones();
    if microphones.is_empty() {
        println!("no microphones on this machine");
    }
    for source::MicrophoneDevice { name, description, rates, channels } in microphones {
        let from_to = |[least, most]: [u32; 2]| match least == most {
            true => least.to_string(),
            false => format!("{least} to {most}"),
        };
        let (rates, channels) = (from_to(rates), from_to(channels.map(u32::from)));
        println!("mic:{name}\t{description}, {rates} Hz, {channels} ch");
    }
}

pub fn probe(args: &ProbeArgs) -> Result<(), Failure> {
    let location =
        Location::parse_argument(&args.source).map_err(|error| Failure::refused_by(&error))?;
    location.hide();
    source::init();
    // Nothing runs yet that a failure could interrupt: it is wrong input.
    let probe = source::probe(&SourceSettings::new(location), &Stop::new())
        .map_err(|error| Failure::refused_by(&error))?;
    if args.json {
        let json = serde_json::to_string_pretty(&probe).expect("plain data becomes JSON");
        println!("{json}");
    } else {
        print!("{}", described(&probe));
    }
    Ok(())
}

fn described(probe: &Probe) -> String {
    let track = &probe.track;
    let mut lines = vec![probe.location.clone()];
    let mut line = |name: &str, value: String| lines.push(format!("  {name:<12}{value}"));
    line("container", track.container.clone());
    if let Some(video) = &track.video {
        line("video", video.to_string());
        if let Some(format) = &video.pixel_format {
            line("pixels", format.clone());
        }
        if video.rotation != 0 {
            line("rotation", format!("{} degrees clockwise", video.rotation));
        }
    }
    for audio in &track.audio {
        line("audio", audio.to_string());
    }
    match track.duration_seconds {
        Some(seconds) if !track.live => line("duration", format!("{seconds:.1} s")),
        _ if track.live => line("duration", "live".into()),
        _ => line("duration", "unknown".into()),
    }
    match probe.key_frame_interval_seconds {
        Some(seconds) => line("key frames", format!("at most {seconds:.2} s apart")),
        None if track.video.is_none() => {}
        None => line("key frames", format!("fewer than two in {} packets", probe.packets)),
    }
    lines.join("\n") + "\n"
}
