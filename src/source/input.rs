//! One open source.

use std::sync::{Arc, Once};
use std::time::{Duration, Instant, SystemTime};

use ffmpeg_next as ffmpeg;

use super::error::{Doing, SourceError, SourceFault};
use super::ffi::{self, Hooks, OpenFailure, Opened, Request};
use super::follow::Listening;
use super::interleave::Interleave;
use super::pace::{FarBehind, Pace, Seen};
use super::policy::Policy;
use super::probe::TrackDescription;
use super::request::{options, target};
use super::watch::Watch;
use super::{Location, SourceSettings, Wanted, tracks};
use crate::data::{AudioTrack, Clock, Packet, Track, VideoTrack};
use crate::supervise::Stop;
use crate::telemetry::redact;

/// How long a camera that has no picture yet is left alone.
const CAMERA_PAUSE: Duration = Duration::from_millis(5);

/// A sender's clock is believed if it is no further than this from ours. Cameras that
/// send local time as UTC, or that began at 1970, are not.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3600);

/// The most that a segment of a live playlist has of one track before the other.
const LONGEST_SEGMENT: Duration = Duration::from_secs(12);
/// The same of a file that is read from its beginning to its end, as the network gives it.
const LONGEST_FRAGMENT: Duration = Duration::from_secs(60);

const CUT_SHORT: ffmpeg::Error = ffmpeg::Error::Other { errno: ffmpeg::error::EIO };

/// Packets in a row that the demuxer may find damaged before the source is given up.
const MOST_INVALID: u32 = 1000;

/// An open source. Closes when dropped.
pub struct Source {
    opened: Opened,
    location: Location,
    /// Without credentials.
    shown: String,
    stall_timeout: Duration,
    /// How long the leading track has been silent, while there was sound beside it.
    used_up: Duration,
    /// When the packet before came.
    came: Option<(Instant, SystemTime)>,
    live: bool,
    /// Each with its index in the input. One of the two is there.
    video: Option<(usize, VideoTrack)>,
    audio: Option<(usize, AudioTrack)>,
    pace: Option<Pace>,
    /// Where a container may have much of one track before the same of the other.
    order: Option<Interleave<ffmpeg::Packet>>,
    /// How reading ended, while there is something to give that was read before.
    ended: Option<Result<(), SourceError>>,
    /// What the session before gave out, while the playlist still gives that again.
    before: Option<Seen>,
    /// What was given out, where it may come again.
    seen: Option<Seen>,
}

/// Sets FFmpeg up once: its devices, and its messages into `tracing`.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        ffmpeg::init().expect("FFmpeg's set-up has no way to fail");
        ffi::capture_log();
        ffmpeg::format::network::init();
    });
}

/// Opens a source and finds the tracks that are wanted. Blocks until then, for at most twice
/// `stall_timeout`, or until `stop`.
///
/// A [`Location::Folder`] has to be expanded first; here it is an error.
pub fn open(settings: &SourceSettings, stop: &Stop) -> Result<Source, SourceError> {
    init();
    let location = &settings.location;
    location.hide();
    for name in ["headers", "cookies", "http_proxy", "auth"] {
        if let Some(value) = settings.options.get(name) {
            redact::register(value);
        }
    }
    let shown = location.redacted();
    let fail = |live: bool, fault: SourceFault| SourceError {
        doing: Doing::Opening,
        location: shown.clone(),
        live,
        fault,
    };
    // Trying a graph again gives the same answer.
    let live = location.is_live() && !matches!(location, Location::Lavfi(_));
    let (url, demuxer) = target(location).map_err(|fault| fail(live, fault))?;
    let options = options(settings).map_err(|fault| fail(live, fault))?;
    let watch = Arc::new(Watch::new(stop.clone(), settings.stall_timeout));
    let policy = Policy::new(settings, &String::from_utf8_lossy(&url));
    let hooks = Hooks::new(watch.clone(), policy, &settings.tls);
    let fault = |answer: ffmpeg::Error| {
        if let Some(refusal) = hooks.take_refusal() {
            SourceFault::Disallowed(refusal)
        } else if let Some(why) = watch.interruption() {
            SourceFault::from_interruption(why, settings.stall_timeout)
        } else {
            SourceFault::from_answer(location, answer)
        }
    };
    let request = Request {
        url: &url,
        demuxer,
        options: &options,
        nonblocking: matches!(location, Location::Camera(_)),
        refuse_scripts: matches!(location, Location::File(_) | Location::Http(_)),
    };
    let mut opened = ffi::open(&request, &hooks).map_err(|failure| {
        let fault = match failure {
            OpenFailure::Answer(answer) => fault(answer),
            OpenFailure::NoDemuxer => SourceFault::Unsupported { what: demuxer.unwrap_or("it") },
            OpenFailure::UnknownOption(name) => SourceFault::UnknownOption { name },
        };
        fail(live, fault)
    })?;
    if matches!(location, Location::Rtsp(_)) {
        hooks
            .policy
            .judge_host(&ffi::final_url(&opened.input))
            .map_err(|refusal| fail(live, SourceFault::Disallowed(refusal)))?;
    }
    if live && tracks::has_no_times(&opened.input) && !ffi::has_length(&opened.input) {
        ffi::stamp_by_the_clock(&mut opened.input);
    }
    // Of a playlist it may take the next segment to know what is in it.
    let patience = hooks.patience(settings.stall_timeout);
    watch.extend(patience);
    let found = {
        let _listening = Listening::new(&hooks);
        ffi::find_streams(&mut opened.input)
    };
    if let Some(why) = watch.interruption() {
        let refused = hooks.take_refusal().map(SourceFault::Disallowed);
        let fault = refused.unwrap_or_else(|| SourceFault::from_interruption(why, patience));
        return Err(fail(live, fault));
    }
    found.map_err(|answer| fail(live, fault(answer)))?;
    let wanted = settings.wanted;
    let video = wanted.pictures().then(|| tracks::best_video(&opened.input)).flatten();
    // Of a file that has nothing else it may be waited for, too.
    let later = video.is_some() || matches!(location, Location::File(_));
    let audio = wanted.sound().then(|| ffi::best_audio(&opened.input, video, later)).flatten();
    if video.is_none() && audio.is_none() {
        let found = tracks::contents(&opened.input);
        let fault = match (hooks.take_refusal(), wanted) {
            (Some(refusal), _) => SourceFault::Disallowed(refusal),
            (None, Wanted::Sound) => SourceFault::NoSound { found },
            (None, Wanted::Both) if tracks::has_sound(&opened.input) => {
                SourceFault::Unreadable { found }
            }
            (None, _) => SourceFault::NoVideo { found },
        };
        return Err(fail(live, fault));
    }
    for other in 0..opened.input.nb_streams() as usize {
        if Some(other) != video && Some(other) != audio {
            ffi::discard(&mut opened.input, other);
        }
    }
    let http = matches!(location, Location::Http(_));
    if http && tracks::is_still(&opened.input) && ffi::has_length(&opened.input) {
        return Err(fail(live, SourceFault::PictureFromAfar));
    }
    let finite = http && tracks::is_finite(&opened.input);
    let live = location.is_live() && !finite;
    let picture = match location {
        Location::File(path) if tracks::is_still(&opened.input) => Some(&**path),
        _ => None,
    };
    let video =
        video.map(|stream| (stream, tracks::video_track(&opened.input, stream, live, picture)));
    let sounds = audio.is_some_and(|stream| !ffi::begins_later(&opened.input, stream));
    let audio = audio.map(|stream| (stream, tracks::audio_track(&opened.input, stream, live)));
    let segments = live && tracks::is_playlist(&opened.input);
    let pace = match location {
        Location::Lavfi(_) => Some(Pace::graph()),
        _ => segments.then(Pace::segments),
    };
    let both = video.is_some() && audio.is_some();
    let order = match (segments, finite) {
        (true, _) => Some(LONGEST_SEGMENT),
        (_, true) => Some(LONGEST_FRAGMENT),
        _ => None,
    };
    let order =
        order.filter(|_| both).map(|longest| Interleave::new(longest.as_secs_f64(), sounds));
    Ok(Source {
        opened,
        location: location.clone(),
        shown,
        stall_timeout: settings.stall_timeout,
        used_up: Duration::ZERO,
        came: None,
        live,
        video,
        audio,
        pace,
        order,
        ended: None,
        before: None,
        seen: segments.then(Seen::default),
    })
}

/// Whether its options may be set, as far as can be told without opening it.
pub fn check_options(settings: &SourceSettings) -> Result<(), SourceError> {
    options(settings).map(drop).map_err(|fault| SourceError {
        doing: Doing::Opening,
        location: settings.location.redacted(),
        live: settings.location.is_live(),
        fault,
    })
}

impl Source {
    pub fn video(&self) -> Option<&VideoTrack> {
        self.video.as_ref().map(|(_, track)| track)
    }

    /// The sound, where it is wanted.
    pub fn audio(&self) -> Option<&AudioTrack> {
        self.audio.as_ref().map(|(_, track)| track)
    }

    /// Whether it goes on for ever, as far as is known.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// How long it is, where that is known.
    pub fn duration(&self) -> Option<Duration> {
        let micros = self.opened.input.duration();
        u64::try_from(micros).ok().filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// Where the clock of something finite begins, in ticks and seconds a tick: the start of the
    /// first of its picture and sound tracks, watched or not.
    pub fn begins(&self) -> Option<(i64, (i32, i32))> {
        if self.live {
            return None;
        }
        let media = [ffmpeg::media::Type::Video, ffmpeg::media::Type::Audio];
        let starts = self.opened.input.streams().filter(|stream| {
            media.contains(&stream.parameters().medium()) && !tracks::is_cover(stream)
        });
        let starts = starts.map(|stream| (stream.start_time(), stream.time_base()));
        // What lies before 0 is an encoder's priming, which is not heard.
        let starts = starts
            .filter(|(start, _)| *start != ffmpeg::ffi::AV_NOPTS_VALUE)
            .map(|(start, tick)| (start.max(0), (tick.numerator(), tick.denominator())));
        let seconds = |(ticks, tick): &(i64, (i32, i32))| {
            *ticks as f64 * f64::from(tick.0) / f64::from(tick.1.max(1))
        };
        starts.min_by(|a, b| seconds(a).total_cmp(&seconds(b)))
    }

    /// Whether packets are held back until they are due: when they came says nothing of
    /// whether they are read too slowly.
    pub fn is_paced(&self) -> bool {
        self.pace.is_some()
    }

    /// Passes over what an earlier session of the same source gave out already.
    pub fn resume(&mut self, seen: Seen) {
        self.before = Some(seen);
    }

    /// What was given out, for [`Self::resume`]; `None` where nothing can come twice.
    pub fn into_seen(self) -> Option<Seen> {
        // While there is something to pass over, nothing was added to it.
        self.before.or(self.seen)
    }

    /// How long no video may come: a playlist is quiet for as long as a segment lasts, and
    /// may be read just before the next one is written.
    fn patience(&self) -> Duration {
        self.opened.hooks.patience(self.stall_timeout)
    }

    /// What is in it, for people.
    pub fn description(&self) -> TrackDescription {
        let audio = self.audio.as_ref().map(|(index, _)| *index);
        let (input, video) = (&self.opened.input, self.video.as_ref());
        TrackDescription::new(input, video, audio, self.live, self.duration())
    }

    /// The next packet of the tracks that are wanted; `None` at the end of a file or graph.
    ///
    /// Blocks for at most `stall_timeout` (three segments of a live playlist, where that is
    /// longer), and until it is due, without a packet of the video track, or of the audio
    /// track where there is no video: sound alone does not make a camera well. A live stream
    /// that ends is an error, of kind `ended`.
    pub fn read(&mut self) -> Result<Option<Packet>, SourceError> {
        let watch = self.opened.hooks.watch.clone();
        let began = Instant::now();
        watch.extend(self.patience().saturating_sub(self.used_up));
        let packet = self.next(&watch)?;
        self.used_up = match &packet {
            Some(packet) if packet.track == Track::Audio && self.video.is_some() => {
                self.used_up + began.elapsed()
            }
            _ => Duration::ZERO,
        };
        Ok(packet)
    }

    fn next(&mut self, watch: &Watch) -> Result<Option<Packet>, SourceError> {
        let asked = Instant::now();
        let Some((track, packet)) = self.in_order(watch)? else { return Ok(None) };
        self.release(asked, packet, track, watch).map(Some)
    }

    /// The next packet in the order of times, where the container may have another.
    fn in_order(&mut self, watch: &Watch) -> Result<Option<(Track, ffmpeg::Packet)>, SourceError> {
        loop {
            let Some(order) = &mut self.order else { return self.fetch(watch) };
            if let Some(next) = order.pop() {
                return Ok(Some(next));
            }
            if let Some(ended) = self.ended.take() {
                return ended.map(|()| None);
            }
            // What was read is given before an end or an error.
            self.ended = match self.fetch(watch) {
                Ok(Some((track, packet))) => {
                    // However long it waits for sound, the camera is well.
                    if track == Track::Video {
                        watch.extend(self.patience());
                    }
                    let seconds = self.seconds(&packet, track);
                    if let Some(order) = &mut self.order {
                        order.push(track, seconds, packet);
                    }
                    continue;
                }
                Ok(None) => Some(Ok(())),
                Err(error) => Some(Err(error)),
            };
            self.order.iter_mut().for_each(Interleave::close);
        }
    }

    /// The next packet as the container has it.
    fn fetch(&mut self, watch: &Watch) -> Result<Option<(Track, ffmpeg::Packet)>, SourceError> {
        let mut invalid = 0;
        let _listening = Listening::new(&self.opened.hooks);
        loop {
            if let Some(why) = watch.interruption() {
                let refused = self.opened.hooks.take_refusal().map(SourceFault::Disallowed);
                let fault = || SourceFault::from_interruption(why, self.patience());
                return Err(self.fail(refused.unwrap_or_else(fault)));
            }
            let mut packet = ffmpeg::Packet::empty();
            match packet.read(&mut self.opened.input) {
                Ok(()) => {
                    if let Some(track) = self.track_of(&packet)
                        && !self.was_seen(&packet)
                    {
                        return Ok(Some((track, packet)));
                    }
                }
                Err(ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }) => {
                    watch.wait_until(Instant::now() + CAMERA_PAUSE);
                }
                Err(answer) => {
                    if let Some(refusal) = self.opened.hooks.take_refusal() {
                        return Err(self.fail(SourceFault::Disallowed(refusal)));
                    }
                    if watch.interruption().is_some() {
                        continue;
                    }
                    match answer {
                        ffmpeg::Error::Eof if self.live && !self.is_graph() => {
                            return Err(self.fail(SourceFault::Ended));
                        }
                        // FFmpeg's answer where a server ends a body whose length it never said.
                        CUT_SHORT if self.live && matches!(self.location, Location::Http(_)) => {
                            return Err(self.fail(SourceFault::Ended));
                        }
                        ffmpeg::Error::Eof => return Ok(None),
                        ffmpeg::Error::InvalidData if invalid < MOST_INVALID => invalid += 1,
                        answer => {
                            let fault = if self.lacks_index(answer) {
                                SourceFault::IndexOutOfReach
                            } else {
                                SourceFault::from_answer(&self.location, answer)
                            };
                            return Err(self.fail(fault));
                        }
                    }
                }
            }
        }
    }

    fn track_of(&self, packet: &ffmpeg::Packet) -> Option<Track> {
        let stream = packet.stream();
        if self.video.as_ref().is_some_and(|(video, _)| *video == stream) {
            Some(Track::Video)
        } else {
            self.audio.as_ref().is_some_and(|(audio, _)| *audio == stream).then_some(Track::Audio)
        }
    }

    /// Stamps a packet with the time at which it came, a graph's when it is due. What FFmpeg
    /// still had when the wait for more was broken off came with the packet before.
    fn release(
        &mut self,
        asked: Instant,
        packet: ffmpeg::Packet,
        track: Track,
        watch: &Watch,
    ) -> Result<Packet, SourceError> {
        let seconds = self.seconds(&packet, track);
        if let (Some(pace), Some(seconds)) = (&mut self.pace, seconds) {
            match pace.due(asked, Instant::now(), seconds) {
                Ok(due) if !watch.wait_until(due) => {}
                Ok(_) => return Err(self.fail(SourceFault::Stopped)),
                Err(FarBehind) => return Err(self.fail(SourceFault::FarBehind)),
            }
        }
        let late = self.came.filter(|_| watch.interruption().is_some());
        let (arrived, now) = late.unwrap_or_else(|| (Instant::now(), SystemTime::now()));
        self.came = Some((arrived, now));
        let (captured_at, clock) = if self.live {
            match sender_time(&packet, now) {
                Some(sent) => (Some(sent), Clock::Rtcp),
                None => (Some(now), Clock::Arrival),
            }
        } else {
            (None, Clock::None)
        };
        Ok(Packet { track, inner: packet, arrived, captured_at, clock })
    }

    /// A packet's place in the order of its track, in seconds: packets come in decoding order, so it is
    /// DTS that grows.
    fn seconds(&self, packet: &ffmpeg::Packet, track: Track) -> Option<f64> {
        let time_base = match track {
            Track::Video => self.video().map(|track| track.time_base),
            Track::Audio => self.audio().map(|track| track.time_base),
        };
        let ticks = packet.dts().or(packet.pts());
        Some(ticks? as f64 * f64::from(time_base?))
    }

    /// Whether an MP4 over HTTP cannot be read because its index was, and the server does
    /// not let us go back to its pictures.
    fn lacks_index(&self, answer: ffmpeg::Error) -> bool {
        matches!(answer, ffmpeg::Error::Other { errno: ffmpeg::error::EIO })
            && matches!(self.location, Location::Http(_))
            && self.opened.input.format().name().starts_with("mov,")
            && !ffi::can_seek(&self.opened.input)
    }

    fn is_graph(&self) -> bool {
        matches!(self.location, Location::Lavfi(_))
    }

    /// Whether the session before gave this packet out; remembers it.
    fn was_seen(&mut self, packet: &ffmpeg::Packet) -> bool {
        let (Some(seen), Some(pts)) = (&mut self.seen, packet.pts()) else { return false };
        let packet = (pts, packet.size());
        seen.add(packet);
        let again = self.before.as_ref().is_some_and(|before| before.has(packet));
        if !again {
            // From here on all is new.
            self.before = None;
        }
        again
    }

    fn fail(&self, fault: SourceFault) -> SourceError {
        SourceError { doing: Doing::Reading, location: self.shown.clone(), live: self.live, fault }
    }
}

/// The sender's wall time of a packet, from RTCP by way of the `PRFT` side data: i64
/// microseconds since 1970. `None` where it is missing or too far from `now` to be true.
fn sender_time(packet: &ffmpeg::Packet, now: SystemTime) -> Option<SystemTime> {
    let side =
        packet.side_data().find(|side| side.kind() == ffmpeg::packet::side_data::Type::PRFT)?;
    let micros = i64::from_ne_bytes(*side.data().first_chunk::<8>()?);
    let sent = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).ok()?);
    let apart = match now.duration_since(sent) {
        Ok(behind) => behind,
        Err(ahead) => ahead.duration(),
    };
    (apart <= CLOCK_TOLERANCE).then_some(sent)
}
