use std::time::{Instant, UNIX_EPOCH};

use super::*;
use crate::label::LabelRule;
use crate::telemetry::metrics::Metrics;

/// A stream under test: a look every 2 s of 8 s of media, unless told otherwise.
struct Bench {
    metrics: Metrics,
    labels: StreamLabels,
    began: Instant,
    /// Media seconds of the next look's end.
    at: f64,
    segment: u32,
    looks: u64,
}

fn output(activation: Activation, labels: &[&str]) -> Output {
    Output {
        name: "logits".into(),
        activation,
        labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        judges: None,
        calibration: None,
        thresholds: Default::default(),
    }
}

fn stamp(seconds: f64, segment: u32, began: Instant) -> Stamp {
    let since = Duration::from_secs_f64(seconds);
    Stamp {
        media: MediaTime::ZERO + since,
        captured_at: Some(UNIX_EPOCH + Duration::from_secs(1_764_000_000) + since),
        clock: Clock::Arrival,
        arrived: began + since,
        segment,
    }
}

impl Bench {
    fn new(output: &Output, settings: &LabelSettings) -> Self {
        assert_eq!(settings.check(output), []);
        let metrics = Metrics::new();
        let stream = StreamId::new("door").unwrap();
        let handles = metrics.stream(&stream);
        let ids = Arc::new(Ids::new(UNIX_EPOCH, 0));
        let model = Arc::from("health 1.0.0");
        let labels = StreamLabels::new(stream, model, output, settings, handles, ids);
        Self { metrics, labels, began: Instant::now(), at: 8.0, segment: 0, looks: 0 }
    }

    fn covered_dark(settings: &LabelSettings) -> Self {
        Self::new(&output(Activation::Sigmoid, &["covered", "dark"]), settings)
    }

    fn look(&mut self, scores: &[f32]) -> Vec<Event> {
        self.look_after(2.0, scores)
    }

    /// A look that ends `gap` seconds after the one before; a label whose score is NaN is not
    /// judged in it.
    fn look_after(&mut self, gap: f64, scores: &[f32]) -> Vec<Event> {
        self.at += gap;
        self.looks += 1;
        let mut out = Vec::new();
        let window = WindowScores {
            stream: self.labels.stream.clone(),
            seq: self.looks,
            start: stamp(self.at - 8.0, self.segment, self.began),
            end: stamp(self.at, self.segment, self.began),
            scores: scores.iter().map(|score| (!score.is_nan()).then_some(*score)).collect(),
        };
        self.labels.observe(&window, &mut out);
        out
    }

    fn changes(&mut self, scores: &[f32]) -> Vec<String> {
        told(&self.look(scores))
    }

    fn lose(&mut self, reason: &str) -> Vec<Event> {
        let mut out = Vec::new();
        self.segment += 1;
        self.labels.lost(reason, Some(UNIX_EPOCH), &mut out);
        out
    }

    fn connect(&mut self) -> Vec<Event> {
        let mut out = Vec::new();
        self.labels.connected(Some(UNIX_EPOCH), &mut out);
        out
    }

    fn finish(&mut self, why: Finish) -> Vec<Event> {
        let mut out = Vec::new();
        self.labels.finish(why, None, &mut out);
        out
    }

    fn metric(&self, name: &str) -> Option<String> {
        let text = self.metrics.exposition();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")))?;
        line.rsplit(' ').next().map(str::to_owned)
    }
}

/// What was told beside the looks themselves, shortly.
fn told(events: &[Event]) -> Vec<String> {
    let short = |event: &Event| match &event.kind {
        EventKind::Window { .. } => None,
        EventKind::Started { label, .. } => Some(format!("+{label}")),
        EventKind::Ended { label, reason, .. } => Some(format!("-{label} {reason}")),
        EventKind::Stream { state, reason } => {
            Some(format!("{state:?} {}", reason.as_deref().unwrap_or_default()))
        }
    };
    events.iter().filter_map(short).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn one_odd_window_raises_nothing() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    for scores in [[0.1, 0.1], [1.0, 0.1], [0.1, 1.0], [1.0, 0.1], [0.59, 0.1], [0.99, 0.1]] {
        assert_eq!(bench.changes(&scores), NOTHING);
    }
    assert_eq!(bench.changes(&[0.6, 0.1]), ["+covered"]);
}

#[test]
fn two_windows_far_apart_are_two_windows_and_one_is_not() {
    let settings =
        LabelSettings { start_after: Some(Duration::from_secs(1)), ..Default::default() };
    let mut bench = Bench::covered_dark(&settings);
    bench.look(&[0.0, 0.0]);
    assert_eq!(told(&bench.look_after(60.0, &[1.0, 0.0])), NOTHING);
    assert_eq!(told(&bench.look_after(60.0, &[1.0, 0.0])), ["+covered"]);
}

#[test]
fn a_label_must_hold_for_its_duration_to_the_nearest_look() {
    let settings =
        LabelSettings { start_after: Some(Duration::from_secs(6)), ..Default::default() };
    let mut bench = Bench::covered_dark(&settings);
    bench.look(&[0.0, 0.0]);
    let mut started = Vec::new();
    for gap in [2.0, 1.96, 1.96, 1.96] {
        started.push(told(&bench.look_after(gap, &[1.0, 0.0])).len());
    }
    // 5.88 s are nearer to 6 than 7.84 would be.
    assert_eq!(started, [0, 0, 0, 1]);
}

#[test]
fn zero_durations_act_on_one_window() {
    let zero = Duration::ZERO;
    let settings =
        LabelSettings { start_after: Some(zero), end_after: Some(zero), ..Default::default() };
    let mut bench = Bench::covered_dark(&settings);
    assert_eq!(bench.changes(&[0.7, 0.0]), ["+covered"]);
    assert_eq!(bench.changes(&[0.39, 0.0]), ["-covered recovered"]);
}

#[test]
fn between_leave_and_enter_nothing_changes() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    for _ in 0..5 {
        assert_eq!(bench.changes(&[0.5, 0.0]), NOTHING);
    }
    bench.look(&[0.9, 0.0]);
    assert_eq!(bench.changes(&[0.9, 0.0]), ["+covered"]);
    for _ in 0..5 {
        assert_eq!(bench.changes(&[0.4, 0.0]), NOTHING);
    }
}

#[test]
fn recovery_must_hold() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    bench.look(&[0.9, 0.0]);
    bench.look(&[0.9, 0.0]);
    // Two good looks last 2 s of the 4 wanted; one in between begins the count again.
    for score in [0.1, 0.1, 0.5, 0.1, 0.1] {
        assert_eq!(bench.changes(&[score, 0.0]), NOTHING);
    }
    assert_eq!(bench.changes(&[0.1, 0.0]), ["-covered recovered"]);
}

#[test]
fn an_event_spans_from_its_first_window_to_the_last() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    bench.look(&[0.0, 0.0]); // ends at 10 s
    bench.look(&[0.9, 0.0]); // 4 s to 12 s
    let events = bench.look(&[0.8, 0.0]);
    let [window, started] = &events[..] else { panic!("{events:?}") };
    let seconds = |e: &Event| (e.media_start.as_seconds(), e.media_end.as_seconds());
    assert_eq!((seconds(window), seconds(started)), ((6.0, 14.0), (4.0, 14.0)));
    let since_1970 = Duration::from_secs(1_764_000_014);
    assert_eq!(started.captured_at, Some(UNIX_EPOCH + since_1970));
    let covered: Arc<str> = "covered".into();
    let topic = onvif::topic("covered");
    assert_eq!(started.kind, EventKind::Started { label: covered.clone(), score: 0.8, topic });
    let EventKind::Window { active, .. } = &window.kind else { panic!("{window:?}") };
    assert_eq!(active[..], [Arc::from("covered")], "a window's `active` is the state after it");
    let active: Vec<_> = bench.labels.active().collect();
    assert_eq!(active.len(), 1);
    assert_eq!((&active[0].id, active[0].since.as_seconds()), (&started.id, 4.0));
    bench.look(&[0.1, 0.0]);
    bench.look(&[0.1, 0.0]);
    let events = bench.look(&[0.1, 0.0]);
    let ended = &events[1];
    assert_eq!((&ended.id, seconds(ended)), (&started.id, (4.0, 20.0)));
    let reason = "recovered";
    assert_eq!(ended.kind, EventKind::Ended { label: covered, score: 0.1, topic, reason });
}

#[test]
fn a_lost_stream_ends_its_labels_and_a_new_event_begins_when_it_is_back() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    assert_eq!(told(&bench.connect()), ["Connected "]);
    assert_eq!(told(&bench.connect()), NOTHING);
    bench.look(&[0.9, 0.9]);
    let first = bench.look(&[0.9, 0.9]);
    assert_eq!(told(&first), ["+covered", "+dark"]);
    let lost = bench.lose("timeout");
    assert_eq!(told(&lost), ["-covered stream_lost", "-dark stream_lost", "Lost timeout"]);
    assert_eq!(lost[0].id, first[1].id);
    assert_eq!(bench.metric(r#"percept_label_active{label="dark",stream="door"}"#).unwrap(), "0");
    assert!(bench.labels.latest().is_empty());
    assert_eq!(bench.labels.active().count(), 0);
    assert_eq!(told(&bench.lose("refused")), NOTHING, "further failed tries are not told");
    assert_eq!(told(&bench.connect()), ["Connected "]);
    assert_eq!(bench.changes(&[0.9, 0.0]), NOTHING, "what was before the loss does not count");
    let again = bench.look(&[0.9, 0.0]);
    assert_eq!(told(&again), ["+covered"]);
    assert_ne!(again[1].id, first[1].id);
}

#[test]
fn a_stream_that_never_came_is_told_as_lost() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    let lost = bench.lose("unauthorized");
    assert_eq!(told(&lost), ["Lost unauthorized"]);
    assert_eq!((lost[0].media_end, lost[0].clock), (MediaTime::ZERO, Clock::Arrival));
}

#[test]
fn a_jump_of_time_interrupts_what_has_not_started_and_keeps_what_is_active() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    bench.look(&[0.9, 0.0]);
    bench.segment += 1;
    assert_eq!(bench.changes(&[0.9, 0.0]), NOTHING);
    assert_eq!(bench.changes(&[0.9, 0.0]), ["+covered"]);
    bench.look(&[0.1, 0.0]);
    bench.look(&[0.1, 0.0]);
    assert_eq!(bench.labels.active().count(), 1);
    bench.segment += 1;
    assert_eq!(bench.changes(&[0.1, 0.0]), ["-covered recovered"], "4 s in all");
}

#[test]
fn times_that_jump_at_every_look_let_an_event_end() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    bench.look(&[0.9, 0.0]);
    assert_eq!(bench.changes(&[0.9, 0.0]), ["+covered"]);
    let mut told = Vec::new();
    for _ in 0..4 {
        bench.segment += 1;
        told.extend(bench.changes(&[0.1, 0.0]));
    }
    assert_eq!(told, ["-covered recovered"]);
}

#[test]
fn the_end_ends_active_labels_with_its_reason() {
    for (why, told_of) in [
        (Finish::Finished, ["-covered finished", "Finished "]),
        (Finish::Shutdown, ["-covered shutdown", "Finished shutdown"]),
    ] {
        let mut bench = Bench::covered_dark(&LabelSettings::default());
        bench.look(&[0.9, 0.0]);
        bench.look(&[0.9, 0.0]);
        assert_eq!(told(&bench.finish(why)), told_of);
        assert_eq!(told(&bench.finish(why)), NOTHING);
    }
}

#[test]
fn an_ignored_label_is_nowhere() {
    let settings = LabelSettings { ignore: vec!["covered".into()], ..Default::default() };
    let mut bench = Bench::covered_dark(&settings);
    for _ in 0..3 {
        for event in bench.look(&[0.9, 0.2]) {
            let EventKind::Window { scores, active, .. } = event.kind else { panic!("{event:?}") };
            assert_eq!(scores, [(Arc::from("dark"), 0.2)]);
            assert!(active.is_empty());
        }
    }
    let text = bench.metrics.exposition();
    assert!(text.contains(r#"label="dark""#) && !text.contains("covered"), "{text}");
}

#[test]
fn a_model_of_a_thousand_labels_does_not_make_a_thousand_series() {
    let names: Vec<_> = (0..1000).map(|n| format!("label {n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let at_once = LabelSettings {
        start_after: Some(Duration::ZERO),
        end_after: Some(Duration::ZERO),
        ..Default::default()
    };
    let watched = LabelSettings {
        watch: Some(vec!["label 7".into(), "label 900".into()]),
        ..at_once.clone()
    };
    for (settings, started, series) in [(at_once, 100, MOST_SERIES), (watched, 1, 2)] {
        let mut bench = Bench::new(&output(Activation::Softmax, &names), &settings);
        let mut told = 0;
        for best in 0..100 {
            let mut scores = vec![0.0; names.len()];
            scores[best] = 0.9;
            let events = bench.look(&scores);
            told += events.iter().filter(|e| matches!(e.kind, EventKind::Started { .. })).count();
            let EventKind::Window { scores, .. } = &events[0].kind else { panic!("{events:?}") };
            assert_eq!((scores.len(), &*scores[0].0), (5, names[best]));
        }
        let text = bench.metrics.exposition();
        let of = |family: &str| text.lines().filter(|line| line.starts_with(family)).count();
        assert_eq!(told, started);
        for family in ["percept_label_score{", "percept_label_active{", "percept_events_total{"] {
            assert_eq!(of(family), series, "{family}");
        }
    }
}

#[test]
fn a_label_may_have_a_rule_of_its_own() {
    let rule =
        LabelRule { enter: Some(0.95), start_after: Some(Duration::ZERO), ..LabelRule::default() };
    let settings =
        LabelSettings { labels: [("dark".to_owned(), rule)].into(), ..Default::default() };
    let mut bench = Bench::covered_dark(&settings);
    assert_eq!(bench.changes(&[0.9, 0.9]), NOTHING);
    assert_eq!(bench.changes(&[0.9, 0.96]), ["+covered", "+dark"]);
}

#[test]
fn metrics_say_what_the_events_say_and_no_score_is_made_up() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    let score = r#"percept_label_score{label="covered",stream="door"}"#;
    let active = r#"percept_label_active{label="covered",stream="door"}"#;
    let events = r#"percept_events_total{label="covered",stream="door"}"#;
    assert_eq!(bench.metric(score), None, "no look yet, so no score");
    assert_eq!(bench.metric(active).unwrap(), "0");
    assert_eq!(bench.metric(events).unwrap(), "0");
    bench.look(&[0.75, 0.0]);
    bench.look(&[0.75, 0.0]);
    assert_eq!(bench.metric(score).unwrap(), "0.75");
    assert_eq!(bench.metric(active).unwrap(), "1");
    assert_eq!(bench.metric(events).unwrap(), "1");
    assert_eq!(bench.labels.latest()[0], (Arc::from("covered"), 0.75));
}

#[test]
fn a_softmax_model_tells_its_best_five_and_only_the_best_may_start() {
    let names: Vec<String> = (0..100).map(|n| format!("class{n}")).collect();
    let output = output(Activation::Softmax, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let settings = LabelSettings { enter: Some(0.3), leave: Some(0.2), ..Default::default() };
    let mut bench = Bench::new(&output, &settings);
    let mut scores = vec![0.0; 100];
    (scores[7], scores[50], scores[3]) = (0.4, 0.35, 0.2);
    let events = bench.look(&scores);
    let EventKind::Window { scores: told_scores, .. } = &events[0].kind else { panic!() };
    let best: Vec<_> = told_scores.iter().map(|(label, _)| &**label).collect();
    assert_eq!((best.len(), &best[..3]), (5, &["class7", "class50", "class3"][..]));
    assert_eq!(bench.changes(&scores), ["+class7"]);
    let text = bench.metrics.exposition();
    assert!(text.contains("class7") && !text.contains("class50"), "series of 100 labels");
    (scores[7], scores[50]) = (0.35, 0.4);
    assert_eq!(bench.changes(&scores), NOTHING);
    assert_eq!(bench.changes(&scores), ["+class50"]);
    assert_eq!(bench.changes(&scores), ["-class7 recovered"]);
}

/// Whatever the scores and losses: `seq` counts, each label's events come in pairs
/// that share an id, and no id is used twice.
#[test]
fn started_and_ended_alternate_and_share_ids() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::covered_dark(&LabelSettings::default());
        let mut events = bench.connect();
        for _ in 0..400 {
            match random.u8(..100) {
                0 => {
                    events.extend(bench.lose("timeout"));
                    events.extend(bench.connect());
                }
                1 => bench.segment += 1,
                _ => {
                    let gap = 0.5 + 3.0 * random.f64();
                    events.extend(bench.look_after(gap, &[random.f32(), random.f32().sqrt()]));
                }
            }
        }
        events.extend(bench.finish(Finish::Finished));
        let mut open: std::collections::BTreeMap<Arc<str>, Arc<str>> = Default::default();
        let mut used = std::collections::BTreeSet::new();
        let mut pairs = 0;
        for (n, event) in events.iter().enumerate() {
            assert_eq!(event.seq, n as u64);
            assert!(event.media_start <= event.media_end);
            match &event.kind {
                EventKind::Ended { label, .. } => {
                    assert_eq!(open.remove(label), Some(event.id.clone()));
                    pairs += 1;
                    continue;
                }
                EventKind::Started { label, .. } => {
                    assert_eq!(open.insert(label.clone(), event.id.clone()), None);
                }
                EventKind::Window { active, .. } => {
                    assert!(active.len() <= 2);
                }
                EventKind::Stream { .. } => {}
            }
            assert!(used.insert(event.id.clone()), "{} was used before", event.id);
        }
        assert!(open.is_empty() && pairs > 0, "seed {seed}: {pairs} pairs, open {open:?}");
    }
}

const MISSING: f32 = f32::NAN;

#[test]
fn a_label_whose_input_is_missing_has_no_score_anywhere() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    let score = |bench: &Bench, label: &str| {
        bench.metric(&format!("percept_label_score{{label=\"{label}\",stream=\"door\"}}"))
    };
    let told = |events: &[Event]| match &events[0].kind {
        EventKind::Window { scores, .. } => {
            scores.iter().map(|(label, score)| (label.to_string(), *score)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let of = |label: &str, score: f32| (label.to_owned(), score);
    assert_eq!(told(&bench.look(&[0.25, MISSING])), [of("covered", 0.25)]);
    assert_eq!(bench.labels.latest(), [("covered".into(), 0.25)]);
    assert_eq!(score(&bench, "dark"), None, "none was ever known");
    assert_eq!(told(&bench.look(&[0.25, 0.5])), [of("covered", 0.25), of("dark", 0.5)]);
    assert_eq!(score(&bench, "dark").as_deref(), Some("0.5"));
    assert_eq!(told(&bench.look(&[MISSING, 0.5])), [of("dark", 0.5)]);
    assert_eq!(score(&bench, "covered"), None);
    assert_eq!(score(&bench, "dark").as_deref(), Some("0.5"));
    bench.look(&[0.75, 0.5]);
    assert_eq!(score(&bench, "covered").as_deref(), Some("0.75"));
}

#[test]
fn an_active_label_whose_input_goes_away_ends_when_a_recovery_would() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    bench.look(&[0.0, 1.0]);
    assert_eq!(bench.changes(&[0.0, 1.0]), ["+dark"]);
    assert_eq!(bench.changes(&[0.0, MISSING]), NOTHING);
    assert_eq!(bench.changes(&[0.0, MISSING]), NOTHING);
    let ended = bench.look(&[0.0, MISSING]);
    assert_eq!(told(&ended), ["-dark input_lost"], "4 s after the first");
    assert!(matches!(ended[1].kind, EventKind::Ended { score: 1.0, .. }), "the last there was");
    let active = "percept_label_active{label=\"dark\",stream=\"door\"}";
    assert_eq!(bench.metric(active).as_deref(), Some("0"));
    assert_eq!(bench.changes(&[0.0, MISSING]), NOTHING);
    bench.look(&[0.0, 1.0]);
    assert_eq!(bench.changes(&[0.0, 1.0]), ["+dark"], "it is back, and so is the label");
}

#[test]
fn an_input_that_comes_and_goes_lets_a_label_end_and_start_only_by_what_is_judged() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    // Looks in a row start a label: one that judged nothing begins the count again.
    for score in [1.0, MISSING, 1.0, MISSING] {
        assert_eq!(bench.changes(&[0.0, score]), NOTHING);
    }
    bench.look(&[0.0, 1.0]);
    assert_eq!(bench.changes(&[0.0, 1.0]), ["+dark"]);
    // One look that shows it is enough to go on.
    for score in [MISSING, MISSING, 0.5, MISSING, 0.0] {
        assert_eq!(bench.changes(&[0.0, score]), NOTHING);
    }
    assert_eq!(bench.changes(&[0.0, MISSING]), ["-dark input_lost"]);
    bench.look(&[0.0, 1.0]);
    assert_eq!(bench.changes(&[0.0, 1.0]), ["+dark"]);
    for score in [MISSING, MISSING] {
        assert_eq!(bench.changes(&[0.0, score]), NOTHING);
    }
    assert_eq!(bench.changes(&[0.0, 0.0]), ["-dark recovered"], "seen to be gone");
}

#[test]
fn what_is_not_seen_any_more_ends_without_a_loss_of_the_stream() {
    let mut bench = Bench::covered_dark(&LabelSettings::default());
    bench.connect();
    bench.look(&[0.0, 1.0]);
    assert_eq!(bench.changes(&[0.0, 1.0]), ["+dark"]);
    let mut events = Vec::new();
    bench.labels.blind(&mut events);
    assert_eq!(told(&events), ["-dark input_lost"]);
    assert_eq!(bench.labels.active().count(), 0);
    assert_eq!(bench.metric("percept_label_score{label=\"dark\",stream=\"door\"}"), None);
    assert_eq!(bench.labels.state(), Some(StreamState::Connected));
}
