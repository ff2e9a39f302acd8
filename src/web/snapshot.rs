//! What is known at one moment, as plain data.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::data::{MediaTime, StreamId};
use crate::telemetry::redact;

/// The whole process at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The model has run its largest batch once.
    pub model_warm: bool,
    pub streams: Vec<StreamSnapshot>,
}

/// One stream, as `/api/streams` shows it. Texts are masked and times are RFC 3339, UTC.
#[derive(Debug, Clone, Serialize)]
pub struct StreamSnapshot {
    pub stream: StreamId,
    /// Kind of source, such as `rtsp` or `file`; never its address.
    pub source: &'static str,
    pub state: State,
    /// When `state` began.
    #[serde(serialize_with = "time")]
    pub since: SystemTime,
    /// Of the microphone that is paired with it; `None` where none is.
    pub microphone: Option<State>,
    /// The latest fault, its microphone's too, also after it was overcome.
    pub last_error: Option<LastError>,
    pub reconnects: u64,
    /// Execution provider that runs the model, such as `cpu`.
    pub provider: &'static str,
    /// `name version` of the model.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Which frames are decoded at present, `all` or `key_frames`; `None` before the first.
    pub decode: Option<&'static str>,
    pub frames_decoded: u64,
    /// Windows shown to the model.
    pub windows: u64,
    /// `None` until there was one.
    pub last_window: Option<LastWindow>,
    pub active: Vec<ActiveLabel>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never up yet.
    Connecting,
    Up,
    /// Was up, or could not be opened: tried again after a wait, or given up. See `last_error`.
    Lost,
    /// A file was read to its end.
    Finished,
}

#[derive(Debug, Clone, Serialize)]
pub struct LastError {
    /// A fixed word, as in `percept_stream_errors_total`.
    pub kind: &'static str,
    #[serde(serialize_with = "masked")]
    pub text: String,
    #[serde(serialize_with = "time")]
    pub at: SystemTime,
}

#[derive(Debug, Clone, Serialize)]
pub struct LastWindow {
    /// Wall time of the window's end; `None` for files.
    #[serde(serialize_with = "optional_time")]
    pub captured_at: Option<SystemTime>,
    /// Seconds since the stream's first frame.
    #[serde(serialize_with = "seconds")]
    pub media_end: MediaTime,
    /// Calibrated, each in `[0, 1]`, in the model's order of labels.
    #[serde(serialize_with = "map")]
    pub scores: Vec<(Arc<str>, f32)>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ActiveLabel {
    #[serde(serialize_with = "text")]
    pub label: Arc<str>,
    /// Wall time of the event's start; `None` for files.
    #[serde(serialize_with = "optional_time")]
    pub since: Option<SystemTime>,
    /// Seconds since the stream's first frame.
    #[serde(serialize_with = "seconds")]
    pub media_start: MediaTime,
}

impl Snapshot {
    /// What keeps the process from being ready, one sentence each; none if it is.
    ///
    /// `share` is that of the streams that must be up. Finished streams are not counted: what
    /// a file had to give, it gave.
    pub(super) fn missing(&self, share: f64) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.model_warm {
            missing.push("the model is not warm yet".to_owned());
        }
        let counted = self.streams.iter().filter(|stream| stream.state != State::Finished);
        let (mut total, mut up) = (0_u32, 0_u32);
        for stream in counted {
            total += 1;
            up += u32::from(stream.state == State::Up);
        }
        // 0.07 of 100 comes out a hair above 7, which is 7 and not 8.
        let needed = (share * f64::from(total) - 1e-9).ceil() as u32;
        if up < needed {
            missing.push(format!("{up} of {total} streams are up, {needed} are needed"));
        }
        missing
    }
}

fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn optional_time<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => time(at, serializer),
        None => serializer.serialize_none(),
    }
}

fn seconds<S: Serializer>(time: &MediaTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_seconds())
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn masked<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&redact::mask(text))
}

fn map<S: Serializer>(scores: &[(Arc<str>, f32)], serializer: S) -> Result<S::Ok, S::Error> {
    // Four digits, as in the events.
    let rounded = |score: f32| (f64::from(score) * 1e4).round() / 1e4;
    serializer.collect_map(scores.iter().map(|(label, score)| (&**label, rounded(*score))))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    /// 2026-01-02T03:04:05.678Z.
    const AT: Duration = Duration::from_millis(1_767_323_045_678);

    pub(in crate::web) fn stream(name: &str, state: State) -> StreamSnapshot {
        let at = SystemTime::UNIX_EPOCH + AT;
        StreamSnapshot {
            stream: StreamId::new(name).unwrap(),
            source: "rtsp",
            state,
            since: at,
            microphone: Some(State::Lost),
            last_error: Some(LastError {
                kind: "timeout",
                text: "reading rtsp://admin:geheim-99@cam/1: nothing for 10s".to_owned(),
                at,
            }),
            reconnects: 2,
            provider: "cpu",
            model: "stream-health 1".into(),
            decode: Some("key_frames"),
            frames_decoded: 30,
            windows: 15,
            last_window: Some(LastWindow {
                captured_at: Some(at),
                media_end: MediaTime::from_nanos(30_500_000_000),
                scores: vec![("dark".into(), 0.25), ("covered".into(), 0.970_04)],
            }),
            active: vec![ActiveLabel {
                label: "covered".into(),
                since: None,
                media_start: MediaTime::from_nanos(26_000_000_000),
            }],
        }
    }

    #[test]
    fn a_stream_is_shown_whole_and_without_credentials() {
        let shown = serde_json::to_value(stream("door", State::Up)).unwrap();
        let at = "2026-01-02T03:04:05.678Z";
        let want = serde_json::json!({
            "stream": "door", "source": "rtsp", "state": "up", "since": at, "microphone": "lost",
            "last_error": {
                "kind": "timeout", "text": "reading rtsp://***@cam/1: nothing for 10s", "at": at,
            },
            "reconnects": 2, "provider": "cpu", "model": "stream-health 1",
            "decode": "key_frames", "frames_decoded": 30, "windows": 15,
            "last_window": {
                "captured_at": at, "media_end": 30.5, "scores": { "dark": 0.25, "covered": 0.97 },
            },
            "active": [{ "label": "covered", "since": null, "media_start": 26.0 }],
        });
        assert_eq!(shown, want);
    }

    #[test]
    fn ready_needs_a_warm_model_and_the_share_of_streams_that_are_not_finished() {
        use State::{Connecting, Finished, Lost, Up};
        let missing = |warm, share, states: &[State]| {
            let streams = states.iter().map(|state| stream("s", *state)).collect();
            Snapshot { model_warm: warm, streams }.missing(share)
        };
        assert_eq!(missing(true, 0.5, &[Up]), [""; 0]);
        assert_eq!(missing(true, 0.5, &[Connecting]), ["0 of 1 streams are up, 1 are needed"]);
        assert_eq!(missing(true, 0.5, &[Up, Lost]), [""; 0]);
        assert_eq!(missing(true, 0.5, &[Up, Lost, Lost]), ["1 of 3 streams are up, 2 are needed"]);
        assert_eq!(missing(true, 1.0, &[Up, Finished]), [""; 0]);
        assert_eq!(missing(true, 1.0, &[Finished]), [""; 0]);
        assert_eq!(missing(true, 0.0, &[Lost]), [""; 0]);
        let hundred: Vec<_> = (0..100).map(|i| if i < 7 { Up } else { Lost }).collect();
        assert_eq!(missing(true, 0.07, &hundred), [""; 0]);
        assert_eq!(missing(true, 0.5, &[]), [""; 0]);
        assert_eq!(missing(false, 0.5, &[Up]), ["the model is not warm yet"]);
        assert_eq!(missing(false, 0.5, &[Lost]).len(), 2);
    }
}
