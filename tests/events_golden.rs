//! The published form of events: a golden file, and the schema that it and everything
//! else must keep to.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use percept::data::manifest::{Activation, Output};
use percept::data::{Clock, Event, MediaTime, Stamp, StreamId, WindowScores};
use percept::label::{Finish, Ids, LabelSettings, StreamLabels};
use percept::publish::wire;
use percept::telemetry::metrics::Metrics;
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("golden/events.jsonl");
const SCHEMA: &str = include_str!("../docs/event.schema.json");

/// 2025-11-24T16:00:00Z.
const BEGAN: Duration = Duration::from_secs(1_764_000_000);

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

struct Story {
    labels: StreamLabels,
    clock: Clock,
    began: Instant,
    /// Media time of the next look's end, in milliseconds.
    at: u64,
    segment: u32,
    events: Vec<Event>,
}

impl Story {
    fn new(stream: &str, clock: Clock, ids: &Arc<Ids>) -> Self {
        let output = Output {
            name: "logits".into(),
            activation: Activation::Sigmoid,
            labels: ["covered", "frozen", "shaking", "silent"].map(str::to_owned).into(),
            judges: None,
            calibration: None,
            thresholds: Default::default(),
        };
        let settings = LabelSettings { ignore: vec!["shaking".into()], ..Default::default() };
        let stream = StreamId::new(stream).unwrap();
        let metrics = Metrics::new().stream(&stream);
        let model = "stream-health 1.0.0".into();
        Self {
            labels: StreamLabels::new(stream, model, &output, &settings, metrics, ids.clone()),
            clock,
            began: Instant::now(),
            at: 6_000,
            segment: 0,
            events: Vec::new(),
        }
    }

    fn wall(&self, ms: u64) -> Option<SystemTime> {
        let time = UNIX_EPOCH + BEGAN + Duration::from_millis(ms);
        (self.clock != Clock::None).then_some(time)
    }

    fn stamp(&self, ms: u64) -> Stamp {
        Stamp {
            media: MediaTime::ZERO + Duration::from_millis(ms),
            captured_at: self.wall(ms),
            clock: self.clock,
            arrived: self.began + Duration::from_millis(ms),
            segment: self.segment,
        }
    }

    fn connected(&mut self) {
        self.labels.connected(self.wall(self.at), &mut self.events);
    }

    fn lost(&mut self, reason: &str) {
        self.labels.lost(reason, self.wall(self.at), &mut self.events);
        self.segment += 1;
        // The first window after it holds nothing from before.
        self.at += 6_000;
    }

    fn finish(&mut self, why: Finish) {
        self.labels.finish(why, self.wall(self.at), &mut self.events);
    }

    /// A look without sound, which `silent` judges.
    fn look(&mut self, [covered, frozen, shaking]: [f32; 3]) {
        self.look_and_hear([Some(covered), Some(frozen), Some(shaking), None]);
    }

    fn look_and_hear(&mut self, scores: [Option<f32>; 4]) {
        let scores = WindowScores {
            stream: StreamId::new("any").unwrap(),
            seq: 0,
            start: self.stamp(self.at - 6_000),
            end: self.stamp(self.at),
            scores: scores.into(),
        };
        self.labels.observe(&scores, &mut self.events);
        self.at += 2_000;
    }
}

/// Everything that can be said: a camera that is covered, lost, frozen and stopped, a file, and a
/// camera whose microphone falls silent and is then pulled out.
fn told() -> Vec<Event> {
    let ids = Arc::new(Ids::new(UNIX_EPOCH + BEGAN, 0xC0FF_EE00));
    let mut door = Story::new("door", Clock::Rtcp, &ids);
    door.connected();
    door.look([0.01234, 0.5, 1.0]);
    door.look([0.97, 0.1, 1.0]);
    door.look([0.98765, 0.1, 1.0]);
    for _ in 0..3 {
        door.look([0.02, 0.0, 1.0]);
    }
    door.look([0.0, 0.7, 0.0]);
    door.look([0.0, 0.8, 0.0]);
    door.lost("timeout");
    door.connected();
    door.look([0.9, 0.0, 0.0]);
    door.look([0.9, 0.0, 0.0]);
    door.finish(Finish::Shutdown);
    let mut clip = Story::new("clip.mp4", Clock::None, &ids);
    clip.connected();
    clip.look([0.9, 0.0, 0.0]);
    clip.look([0.9, 0.0, 0.0]);
    clip.finish(Finish::Finished);
    let mut yard = Story::new("yard", Clock::Arrival, &ids);
    yard.lost("unauthorized");
    let mut album = Story::new("album", Clock::None, &ids);
    album.connected();
    for (place, file) in ["album/1.jpg", "album/2.png"].into_iter().enumerate() {
        album.labels.of_file(file.into());
        album.segment = place as u32;
        album.look([0.9, 0.0, 0.0]);
    }
    album.finish(Finish::Finished);
    let mut hall = Story::new("hall", Clock::Arrival, &ids);
    hall.connected();
    hall.labels.microphone(Ok(()), hall.wall(hall.at), &mut hall.events);
    for silent in [Some(0.03), Some(0.96), Some(0.97), None, None, None] {
        if silent.is_none() {
            // Told once.
            hall.labels.microphone(Err("timeout"), hall.wall(hall.at), &mut hall.events);
        }
        hall.look_and_hear([Some(0.01), Some(0.02), Some(0.0), silent]);
    }
    hall.finish(Finish::Shutdown);
    [door, clip, yard, album, hall].into_iter().flat_map(|story| story.events).collect()
}

/// After an intended change: `PERCEPT_GOLDEN=write cargo test --test events_golden`.
#[test]
fn events_are_written_as_the_golden_file_has_them() {
    let told: String = told().iter().map(|event| wire::to_json(event) + "\n").collect();
    if std::env::var_os("PERCEPT_GOLDEN").is_some_and(|mode| mode == "write") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events.jsonl");
        std::fs::write(path, &told).unwrap();
        return;
    }
    for (n, (told, golden)) in told.lines().zip(GOLDEN.lines()).enumerate() {
        assert_eq!(told, golden, "line {}", n + 1);
    }
    assert_eq!(told.lines().count(), GOLDEN.lines().count());
}

#[test]
fn golden_lines_keep_to_the_schema_and_show_every_kind() {
    let schema = schema();
    let mut kinds = std::collections::BTreeSet::new();
    for line in GOLDEN.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if let Err(fault) = schema.validate(&event) {
            panic!("{fault} in {line}");
        }
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        kinds.insert([text("kind"), text("state"), text("reason"), text("clock")].join(" "));
    }
    for kind in [
        "window   rtcp",
        "window   none",
        "started   rtcp",
        "ended  recovered rtcp",
        "ended  stream_lost rtcp",
        "ended  input_lost arrival",
        "ended  shutdown rtcp",
        "ended  finished none",
        "stream connected  arrival",
        "stream lost timeout arrival",
        "stream microphone_connected  arrival",
        "stream microphone_lost timeout arrival",
        "stream finished shutdown arrival",
        "stream finished  none",
    ] {
        assert!(kinds.contains(kind), "{kind:?} is not among {kinds:#?}");
    }
}

/// A schema that lets everything pass would make the test above worthless.
#[test]
fn the_schema_refuses_what_is_not_an_event() {
    let schema = schema();
    let line = |kind: &str| -> Value {
        let line = GOLDEN.lines().find(|l| l.contains(&format!("\"kind\":\"{kind}\""))).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let changes = [
        ("window", "v", json!(2)),
        ("window", "kind", json!("look")),
        ("window", "kind", json!("started")),
        ("window", "id", json!("1")),
        ("window", "seq", json!(-1)),
        ("window", "stream", json!("rtsp://user:pass@camera/")),
        ("window", "scores", json!({ "covered": 1.5 })),
        ("window", "scores", json!([0.5])),
        ("window", "active", json!("covered")),
        ("window", "label", json!("covered")),
        ("window", "file", json!("")),
        ("started", "file", json!("a.jpg")),
        ("window", "media_end", json!("10")),
        ("window", "clock", json!("none")),
        ("window", "captured_at", json!("24.11.2025 16:00")),
        ("window", "captured_at", json!("2025-13-24T16:00:00.000Z")),
        ("started", "topic", json!("covered")),
        ("started", "scores", json!({})),
        ("started", "reason", json!("recovered")),
        ("ended", "reason", json!("bored")),
        ("stream", "state", json!("gone")),
        ("stream", "state", json!("lost")),
        ("stream", "reason", json!("timeout")),
        ("stream", "anything", json!(1)),
    ];
    for (kind, field, value) in changes {
        let mut event = line(kind);
        assert!(schema.is_valid(&event));
        event[field] = value.clone();
        assert!(!schema.is_valid(&event), "{field} = {value} passed in {event}");
    }
    for (kind, optional) in [("window", &[][..]), ("started", &["topic"]), ("ended", &["topic"])] {
        let whole = line(kind);
        for field in whole.as_object().unwrap().keys() {
            let mut event = whole.clone();
            event.as_object_mut().unwrap().remove(field);
            let optional = optional.contains(&field.as_str());
            assert_eq!(schema.is_valid(&event), optional, "{event} without {field}");
        }
    }
}

/// Whatever a model and a camera may say, what is told keeps to the schema.
#[test]
fn events_of_random_streams_keep_to_the_schema() {
    let schema = schema();
    let ids = Arc::new(Ids::new(SystemTime::now(), fastrand::u32(..)));
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = [Clock::Rtcp, Clock::Arrival, Clock::None][seed as usize % 3];
        let mut story = Story::new("door-1.front_A", clock, &ids);
        story.connected();
        for _ in 0..100 {
            story.at += random.u64(..1500);
            story.look_and_hear([(); 4].map(|()| random.bool().then(|| random.f32())));
            if random.u8(..20) == 0 {
                story.lost("timeout");
                story.connected();
            }
        }
        story.finish(if random.bool() { Finish::Finished } else { Finish::Shutdown });
        for event in &story.events {
            let line = wire::to_json(event);
            let value = serde_json::from_str(&line).unwrap();
            if let Err(fault) = schema.validate(&value) {
                panic!("{fault} in {line}");
            }
        }
    }
}
