//! A microphone as a source of packets.

use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{RecvTimeoutError, bounded};
use ffmpeg_next as ffmpeg;

use super::calls::{self, Doing as Under};
use super::capture::{Call, Capture};
use super::find::{find, is_there};
use crate::data::{AudioTrack, Clock, Packet, Track};
use crate::source::error::{Doing, SourceError, SourceFault};
use crate::source::probe::{AudioDescription, TrackDescription};
use crate::source::{SourceSettings, ffi};
use crate::supervise::Stop;

/// How long a look for a device may take before anything starts.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked whether there is sound.
const PAUSE: Duration = Duration::from_millis(10);
/// Samples that are missing for so long, by the machine's clock, were lost below.
const HOLE: f64 = 0.1;
/// Seconds over which the device's clock is compared with the machine's.
const OBSERVED: f64 = 10.0;

/// An open microphone. Its packets are f32 samples, their times counted in samples.
pub struct Microphone {
    capture: Capture,
    track: AudioTrack,
    /// `mic:` and a name.
    shown: String,
    stall_timeout: Duration,
    stop: Stop,
    overruns: u64,
    clock: DeviceClock,
}

/// Counts a device's samples, and notices by the machine's clock where some are missing.
///
/// Both times of a call have to say so: what a device says of a sample's age may settle only
/// after it has begun (PulseAudio takes 0.1 s off in the first second), and a busy machine is called late.
struct DeviceClock {
    rate: f64,
    /// The number of the next sample.
    next: i64,
    /// Of the first call: when its first sample was taken, and when the library called.
    start: Option<[Instant; 2]>,
    /// Samples by which the machine's clock is ahead of the count by either time, smoothed: another
    /// start, and slow drift.
    ahead: [f64; 2],
}

impl Microphone {
    /// Opens the device of this name, the default for an empty one. Blocks for at most
    /// `stall_timeout`, or until `stop`; where the last call for this device has not come back, until
    /// it has.
    pub fn open(name: &str, settings: &SourceSettings, stop: &Stop) -> Result<Self, SourceError> {
        let shown = settings.location.redacted();
        let wanted = name.to_owned();
        let begin = move || find(&wanted).and_then(|device| Capture::start(wanted, &device));
        let opened = apart(name, begin, settings.stall_timeout, stop);
        let capture = opened.map_err(|fault| SourceError {
            doing: Doing::Opening,
            location: shown.clone(),
            live: true,
            fault,
        })?;
        let (rate, channels) = (capture.rate, capture.channels);
        let track = AudioTrack {
            parameters: ffi::pcm(rate, channels),
            time_base: ffmpeg::Rational::new(1, i32::try_from(rate).unwrap_or(i32::MAX)),
            live: true,
        };
        let clock = DeviceClock { rate: f64::from(rate), next: 0, start: None, ahead: [0.0; 2] };
        let stop = stop.clone();
        let stall_timeout = settings.stall_timeout;
        Ok(Self { capture, track, shown, stall_timeout, stop, overruns: 0, clock })
    }

    pub fn audio(&self) -> &AudioTrack {
        &self.track
    }

    pub fn description(&self) -> TrackDescription {
        let audio = AudioDescription {
            codec: "microphone".into(),
            sample_rate_hz: self.capture.rate,
            channels: self.capture.channels.into(),
        };
        TrackDescription {
            container: "microphone".into(),
            video: None,
            live: true,
            duration_seconds: None,
            heard: Some(audio.clone()),
            audio: vec![audio],
        }
    }

    /// How often sound was lost since the last call.
    pub fn take_overruns(&mut self) -> u64 {
        std::mem::take(&mut self.overruns)
    }

    /// The next sound. Blocks for at most `stall_timeout`, or until it is told to stop.
    pub fn read(&mut self) -> Result<Packet, SourceError> {
        let deadline = Instant::now() + self.stall_timeout;
        let mut samples = Vec::new();
        loop {
            match self.capture.next(&mut samples) {
                Ok(Some(call)) if !samples.is_empty() => return Ok(self.packet(call, &samples)),
                Ok(Some(_)) => {}
                Ok(None) if Instant::now() >= deadline => {
                    return Err(self.fail(SourceFault::Stalled { quiet: self.stall_timeout }));
                }
                Ok(None) => {
                    if self.stop.wait(PAUSE) {
                        return Err(self.fail(SourceFault::Stopped));
                    }
                }
                Err(fault) => return Err(self.fail(fault)),
            }
        }
    }

    fn packet(&mut self, call: Call, samples: &[f32]) -> Packet {
        let (pts, hole) = self.clock.count(&call);
        // A long one is a hole too.
        self.overruns += self.capture.take_overruns().max(u64::from(hole));
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut packet = ffmpeg::Packet::copy(&bytes);
        packet.set_pts(Some(pts));
        packet.set_dts(Some(pts));
        packet.set_duration(call.samples as i64);
        packet.set_flags(ffmpeg::packet::Flags::KEY);
        let arrived = Instant::now();
        let captured_at =
            SystemTime::now().checked_sub(arrived.saturating_duration_since(call.captured));
        Packet {
            track: Track::Audio,
            inner: packet,
            arrived,
            captured_at: captured_at.or_else(|| Some(SystemTime::now())),
            clock: Clock::Arrival,
        }
    }

    fn fail(&self, fault: SourceFault) -> SourceError {
        SourceError { doing: Doing::Reading, location: self.shown.clone(), live: true, fault }
    }
}

/// Whether there is such a microphone right now, for a look before anything starts: one that
/// is in use by another program is there. Blocks for a moment at most, and once a name.
pub fn check_microphone(name: &str, settings: &SourceSettings) -> Result<(), SourceError> {
    // A sound server that says nothing may yet come to itself.
    if calls::is_opening(name) {
        return Ok(());
    }
    let wanted = name.to_owned();
    match apart(name, move || is_there(&wanted), settings.stall_timeout.min(LOOK), &Stop::new()) {
        Ok(()) | Err(SourceFault::Stalled { .. } | SourceFault::MicrophoneHangs { .. }) => Ok(()),
        Err(fault) => Err(SourceError {
            doing: Doing::Opening,
            location: settings.location.redacted(),
            live: false,
            fault,
        }),
    }
}

/// Asks the sound library of a device on a thread of its own: it may never come back. As long as
/// it has not, it is not asked of that device again.
fn apart<T: Send + 'static>(
    device: &str,
    ask: impl FnOnce() -> Result<T, SourceFault> + Send + 'static,
    timeout: Duration,
    stop: &Stop,
) -> Result<T, SourceFault> {
    let deadline = Instant::now() + timeout;
    let (call, closing) = loop {
        match calls::opening(device) {
            Ok(opening) => break opening,
            Err(under) if Instant::now() >= deadline => {
                let closing = under == Under::Closing;
                return Err(SourceFault::MicrophoneHangs { closing });
            }
            Err(_) if stop.wait(PAUSE) => return Err(SourceFault::Stopped),
            Err(_) => {}
        }
    };
    if closing > 0 {
        tracing::warn!(
            device = %format_args!("mic:{device}"),
            closing,
            "the sound library has not come back yet from closing this microphone; where the sound \
             server was killed it never does, and after eight of them the microphone is opened no \
             more until Percept is started again: enable-shm = no in PulseAudio's client.conf \
             prevents it"
        );
    }
    let (done, answer) = bounded(1);
    let ask = move || {
        let answer = ask();
        drop(call);
        let _ = done.send(answer);
    };
    std::thread::Builder::new()
        .name("microphone open".into())
        .spawn(ask)
        .map_err(|error| SourceFault::Microphone { cause: error.to_string() })?;
    let deadline = Instant::now() + timeout;
    loop {
        match answer.recv_timeout(PAUSE) {
            Ok(answer) => return answer,
            Err(_) if stop.stopped() => return Err(SourceFault::Stopped),
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
            Err(_) => return Err(SourceFault::Stalled { quiet: timeout }),
        }
    }
}

impl DeviceClock {
    /// The number of a call's first sample, and whether samples are missing before it.
    fn count(&mut self, call: &Call) -> (i64, bool) {
        let times = [call.captured, call.called];
        let start = *self.start.get_or_insert(times);
        self.next += call.lost as i64;
        let missing: [f64; 2] = std::array::from_fn(|by| {
            let elapsed = times[by].saturating_duration_since(start[by]).as_secs_f64();
            elapsed * self.rate - self.next as f64 - self.ahead[by]
        });
        let mut hole = call.lost > 0;
        let least = missing[0].min(missing[1]);
        if least > HOLE * self.rate {
            self.next += least.round() as i64;
            hole = true;
        } else {
            let share = (call.samples as f64 / (OBSERVED * self.rate)).min(1.0);
            // Called in time: then a step of the other time is one of the age alone.
            let settled = missing[1] < HOLE / 2.0 * self.rate;
            self.ahead[0] += if settled { missing[0] } else { share * missing[0] };
            self.ahead[1] += share * missing[1];
        }
        let first = self.next;
        self.next += call.samples as i64;
        (first, hole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> DeviceClock {
        DeviceClock { rate: 1000.0, next: 0, start: None, ahead: [0.0; 2] }
    }

    /// A call of ten samples that were taken, and told, so many milliseconds after `start`.
    fn count(clock: &mut DeviceClock, start: Instant, ms: [f64; 2], lost: usize) -> (i64, bool) {
        let [captured, called] = ms.map(|ms| start + Duration::from_secs_f64(ms / 1000.0));
        clock.count(&Call { samples: 10, lost, captured, called })
    }

    #[test]
    fn samples_are_counted_and_holes_are_told_from_drift() {
        let start = Instant::now();
        let mut clock = clock();
        let mut count = |ms: f64, lost| count(&mut clock, start, [ms, ms], lost);
        // The device runs half a percent too slowly, and its calls come unevenly.
        let mut at = 0.0;
        for n in 0..10_000 {
            let jitter = f64::from(n % 7) * 4.0;
            assert_eq!(count(at + jitter, 0), (i64::from(n) * 10, false));
            at += 10.05;
        }
        assert_eq!(count(at, 5), (100_005, true), "found no room in the ring");
        // The device itself was away for a second.
        let (first, hole) = count(at + 10.0 + 1000.0, 0);
        assert!(hole && (first - 101_010).abs() < 60, "{first}");
        assert_eq!(count(at + 20.0 + 1000.0, 0), (first + 10, false));
    }

    #[test]
    fn neither_an_age_that_settles_nor_a_late_call_is_a_hole() {
        let (start, mut clock) = (Instant::now(), clock());
        for n in 0..200 {
            let at = f64::from(n) * 10.0;
            // Half a second after the beginning sound turns out to be younger by 0.11 s; later a
            // call comes 0.4 s late, and those after it at once.
            let captured = if n < 50 { at } else { at + 110.0 };
            let called = if (100..140).contains(&n) { at.max(1400.0) } else { at } + 200.0;
            assert_eq!(count(&mut clock, start, [captured, called], 0), (i64::from(n) * 10, false));
        }
    }
}
