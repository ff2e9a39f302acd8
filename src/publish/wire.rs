//! Events as JSON: version 1 of `docs/event.schema.json`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde::ser::SerializeMap as _;

use crate::data::{Clock, Event, EventKind, MediaTime, StreamState};

/// Version of the form.
pub const VERSION: u32 = 1;

/// The first moment that four-digit years cannot say: 10000-01-01T00:00:00Z.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);

/// The event as one line, without the line feed.
pub fn to_json(event: &Event) -> String {
    serde_json::to_string(&Wire::new(event)).expect("strings and finite numbers are always JSON")
}

/// Fields in the order that they are written.
#[derive(Serialize)]
struct Wire<'a> {
    v: u32,
    kind: &'static str,
    id: &'a str,
    seq: u64,
    stream: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<Scores<'a>>,
    media_start: f64,
    media_end: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_at: Option<String>,
    clock: Clock,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StreamState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'static str>,
}

impl<'a> Wire<'a> {
    fn new(event: &'a Event) -> Self {
        let captured_at = event.captured_at.and_then(rfc3339);
        let mut wire = Self {
            v: VERSION,
            kind: "window",
            id: &event.id,
            seq: event.seq,
            stream: event.stream.as_str(),
            model: &event.model,
            file: None,
            label: None,
            score: None,
            scores: None,
            media_start: seconds(event.media_start),
            media_end: seconds(event.media_end),
            // A clock that says nothing is none.
            clock: if captured_at.is_some() { event.clock } else { Clock::None },
            captured_at: captured_at.filter(|_| event.clock != Clock::None),
            active: None,
            reason: None,
            state: None,
            topic: None,
        };
        match &event.kind {
            EventKind::Window { scores, active, file } => {
                wire.file = file.as_deref();
                wire.scores = Some(Scores(scores));
                wire.active = Some(active.iter().map(|label| &**label).collect());
            }
            EventKind::Started { label, score, topic } => {
                wire.kind = "started";
                wire.of_label(label, *score, *topic);
            }
            EventKind::Ended { label, score, topic, reason } => {
                wire.kind = "ended";
                wire.of_label(label, *score, *topic);
                wire.reason = Some(reason);
            }
            EventKind::Stream { state, reason } => {
                wire.kind = "stream";
                (wire.state, wire.reason) = (Some(*state), reason.as_deref());
            }
        }
        wire
    }

    fn of_label(&mut self, label: &'a str, score: f32, topic: Option<&'static str>) {
        self.label = Some(label);
        self.score = Some(rounded(score));
        self.topic = topic;
    }
}

/// A map from label to score that keeps its order.
struct Scores<'a>(&'a [(Arc<str>, f32)]);

impl Serialize for Scores<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, score) in self.0 {
            map.serialize_entry(&**label, &rounded(*score))?;
        }
        map.end()
    }
}

/// To 4 decimals.
fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1e4).round() / 1e4
}

/// To microseconds.
fn seconds(time: MediaTime) -> f64 {
    (time.as_nanos() as f64 / 1e3).round() / 1e6
}

/// UTC with milliseconds; `None` outside the years 1970 to 9999, which a camera's clock may say.
fn rfc3339(time: SystemTime) -> Option<String> {
    let since_1970 = time.duration_since(UNIX_EPOCH).ok()?;
    (since_1970 < YEAR_10000).then(|| humantime::format_rfc3339_millis(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::StreamId;

    fn event(captured_at: Option<SystemTime>, clock: Clock) -> Event {
        Event {
            id: "01ARYZ6S410000000000000000".into(),
            seq: 7,
            stream: StreamId::new("door").unwrap(),
            model: "health 1.0.0".into(),
            media_start: MediaTime::from_nanos(1_234_567_890),
            media_end: MediaTime::from_nanos(9_000_000_499),
            captured_at,
            clock,
            arrived: None,
            kind: EventKind::Window {
                scores: vec![("dark".into(), 0.123_456), ("a \"b\"".into(), 1.0)],
                active: vec![],
                file: None,
            },
        }
    }

    #[test]
    fn a_line_has_its_fields_in_order_and_rounded() {
        let at = UNIX_EPOCH + Duration::from_millis(1_764_000_000_042);
        let json = to_json(&event(Some(at), Clock::Rtcp));
        assert_eq!(
            json,
            r#"{"v":1,"kind":"window","id":"01ARYZ6S410000000000000000","seq":7,"stream":"door","model":"health 1.0.0","scores":{"dark":0.1235,"a \"b\"":1.0},"media_start":1.234568,"media_end":9.0,"captured_at":"2025-11-24T16:00:00.042Z","clock":"rtcp","active":[]}"#
        );
    }

    #[test]
    fn a_wall_time_and_a_clock_go_together() {
        let json = to_json(&event(None, Clock::None));
        assert!(json.contains(r#""clock":"none""#) && !json.contains("captured_at"), "{json}");
        for impossible in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + YEAR_10000] {
            let json = to_json(&event(Some(impossible), Clock::Rtcp));
            assert!(json.contains(r#""clock":"none""#) && !json.contains("captured_at"), "{json}");
        }
    }
}
