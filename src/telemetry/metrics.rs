//! The registry, and the handles that the line counts with.

use std::sync::Arc;

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::names;
use crate::data::StreamId;

/// Why a frame that arrived was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Key frames are enough for this model, so others are not decoded.
    NotKeyFrame,
    /// Decoded, but between two looks.
    NotLookedAt,
    /// The decoder refused it.
    Corrupt,
    /// It came before the first key frame.
    WaitingForKeyFrame,
}

impl SkipReason {
    pub const ALL: [Self; 4] =
        [Self::NotKeyFrame, Self::NotLookedAt, Self::Corrupt, Self::WaitingForKeyFrame];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotKeyFrame => "not_key_frame",
            Self::NotLookedAt => "not_looked_at",
            Self::Corrupt => "corrupt",
            Self::WaitingForKeyFrame => "waiting_for_key_frame",
        }
    }
}

/// Why a window was not shown to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// A fresher window of the same live stream was there.
    Superseded,
    /// The stream ended, broke or jumped before the window was full.
    Partial,
    /// The live stream's queue was full.
    QueueFull,
}

impl DropReason {
    pub const ALL: [Self; 3] = [Self::Superseded, Self::Partial, Self::QueueFull];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Partial => "partial",
            Self::QueueFull => "queue_full",
        }
    }
}

/// All metrics of the process. Cloning shares them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    families: Arc<Families>,
}

struct Families {
    up: IntGaugeVec,
    reconnects: IntCounterVec,
    last_frame: GaugeVec,
    stream_errors: IntCounterVec,
    decoded: IntCounterVec,
    skipped: IntCounterVec,
    corrupt: IntCounterVec,
    discontinuities: IntCounterVec,
    windows: IntCounterVec,
    windows_dropped: IntCounterVec,
    latency: HistogramVec,
    label_score: GaugeVec,
    label_active: IntGaugeVec,
    events: IntCounterVec,
    model_info: IntGaugeVec,
    inference: HistogramVec,
    inference_errors: IntCounterVec,
    batch: HistogramVec,
    queue_length: IntGaugeVec,
    queue_capacity: IntGaugeVec,
    sink_sent: IntCounterVec,
    sink_dropped: IntCounterVec,
    sink_errors: IntCounterVec,
}

/// Latency buckets in seconds: a look every 2 s on a busy machine to a GPU's milliseconds.
const LATENCY_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const INFERENCE_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry of its own, with the process collector and `percept_build_info`.
    pub fn new() -> Self {
        let registry = Registry::new();
        let build = Build { registry: &registry };
        let info = build.int_gauges(names::BUILD_INFO, "Version of this program.", &["version"]);
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("registered once");
        let families = Families::new(&build);
        Self { registry, families: Arc::new(families) }
    }

    /// Handles bound to one stream, all series present from 0. When the last clone is
    /// dropped, the stream's series are gone.
    pub fn stream(&self, stream: &StreamId) -> StreamMetrics {
        StreamMetrics::new(self.families.clone(), stream)
    }

    /// Handles bound to one model; says once which `provider` runs it.
    pub fn model(&self, model: &str, provider: &str) -> ModelMetrics {
        let f = &self.families;
        f.model_info.with_label_values(&[model, provider]).set(1);
        ModelMetrics {
            inference: f.inference.with_label_values(&[model]),
            batch: f.batch.with_label_values(&[model]),
            errors: f.inference_errors.with_label_values(&[model]),
        }
    }

    /// Handles bound to one sink and its queue of `capacity` events.
    pub fn sink(&self, sink: &str, capacity: usize) -> SinkMetrics {
        let f = &self.families;
        SinkMetrics {
            sent: f.sink_sent.with_label_values(&[sink]),
            dropped: f.sink_dropped.with_label_values(&[sink]),
            errors: f.sink_errors.with_label_values(&[sink]),
            queue_length: self.queue(&format!("sink_{sink}"), capacity),
        }
    }

    /// The length gauge of one bounded queue.
    pub fn queue(&self, queue: &str, capacity: usize) -> IntGauge {
        let capacity = i64::try_from(capacity).unwrap_or(i64::MAX);
        self.families.queue_capacity.with_label_values(&[queue]).set(capacity);
        self.families.queue_length.with_label_values(&[queue])
    }

    /// The text exposition, format 0.0.4.
    pub fn exposition(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("text encoding of registered metrics cannot fail")
    }
}

/// Of one model.
#[derive(Clone)]
pub struct ModelMetrics {
    /// Seconds a batch.
    pub inference: Histogram,
    /// Windows a batch.
    pub batch: Histogram,
    pub errors: IntCounter,
}

/// Of one sink.
#[derive(Clone)]
pub struct SinkMetrics {
    pub sent: IntCounter,
    pub dropped: IntCounter,
    pub errors: IntCounter,
    pub queue_length: IntGauge,
}

/// Of one stream. Cloning shares the series.
#[derive(Clone)]
pub struct StreamMetrics {
    pub up: IntGauge,
    pub reconnects: IntCounter,
    /// Unix time of the last decoded frame, in seconds; absent until there is one.
    last_frame: Arc<LastFrame>,
    pub frames_decoded: IntCounter,
    pub frames_corrupt: IntCounter,
    pub discontinuities: IntCounter,
    pub windows: IntCounter,
    /// Seconds from a packet's arrival to its labels.
    pub latency: Histogram,
    skipped: [IntCounter; SkipReason::ALL.len()],
    dropped: [IntCounter; DropReason::ALL.len()],
    series: Arc<Series>,
}

struct LastFrame {
    gauge: std::sync::OnceLock<Gauge>,
}

/// Removes a stream's series when its last handle goes.
struct Series {
    families: Arc<Families>,
    stream: StreamId,
    labels: std::sync::Mutex<std::collections::BTreeSet<String>>,
    errors: std::sync::Mutex<std::collections::BTreeSet<&'static str>>,
}

impl StreamMetrics {
    fn new(families: Arc<Families>, stream: &StreamId) -> Self {
        let f = &families;
        let name: &[&str] = &[stream.as_str()];
        Self {
            up: f.up.with_label_values(name),
            reconnects: f.reconnects.with_label_values(name),
            last_frame: Arc::new(LastFrame { gauge: std::sync::OnceLock::new() }),
            frames_decoded: f.decoded.with_label_values(name),
            frames_corrupt: f.corrupt.with_label_values(name),
            discontinuities: f.discontinuities.with_label_values(name),
            windows: f.windows.with_label_values(name),
            latency: f.latency.with_label_values(name),
            skipped: SkipReason::ALL
                .map(|r| f.skipped.with_label_values(&[stream.as_str(), r.as_str()])),
            dropped: DropReason::ALL
                .map(|r| f.windows_dropped.with_label_values(&[stream.as_str(), r.as_str()])),
            series: Arc::new(Series {
                families: families.clone(),
                stream: stream.clone(),
                labels: Default::default(),
                errors: Default::default(),
            }),
        }
    }

    pub fn frames_skipped(&self, reason: SkipReason) -> &IntCounter {
        &self.skipped[reason as usize]
    }

    pub fn windows_dropped(&self, reason: DropReason) -> &IntCounter {
        &self.dropped[reason as usize]
    }

    /// Says when the last frame was decoded, in seconds since the epoch.
    pub fn frame_at(&self, unix_seconds: f64) {
        let series = &self.series;
        self.last_frame
            .gauge
            .get_or_init(|| series.families.last_frame.with_label_values(&[series.stream.as_str()]))
            .set(unix_seconds);
    }

    pub fn label_score(&self, label: &str) -> Gauge {
        self.series.families.label_score.with_label_values(&self.series.with_label(label))
    }

    pub fn label_active(&self, label: &str) -> IntGauge {
        self.series.families.label_active.with_label_values(&self.series.with_label(label))
    }

    pub fn label_events(&self, label: &str) -> IntCounter {
        self.series.families.events.with_label_values(&self.series.with_label(label))
    }

    /// Faults of one fixed `kind`.
    pub fn errors(&self, kind: &'static str) -> IntCounter {
        let series = &self.series;
        series.errors.lock().expect("no holder of this lock panics").insert(kind);
        series.families.stream_errors.with_label_values(&[series.stream.as_str(), kind])
    }
}

impl Series {
    fn with_label<'a>(&'a self, label: &'a str) -> [&'a str; 2] {
        let mut labels = self.labels.lock().expect("no holder of this lock panics");
        if !labels.contains(label) {
            labels.insert(label.to_owned());
        }
        [self.stream.as_str(), label]
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        let f = &self.families;
        let name = self.stream.as_str();
        // A series that was never made cannot be removed: the answer does not matter.
        for family in [&f.reconnects, &f.decoded, &f.corrupt, &f.discontinuities, &f.windows] {
            let _ = family.remove_label_values(&[name]);
        }
        let _ = f.up.remove_label_values(&[name]);
        let _ = f.last_frame.remove_label_values(&[name]);
        let _ = f.latency.remove_label_values(&[name]);
        for reason in SkipReason::ALL {
            let _ = f.skipped.remove_label_values(&[name, reason.as_str()]);
        }
        for reason in DropReason::ALL {
            let _ = f.windows_dropped.remove_label_values(&[name, reason.as_str()]);
        }
        for kind in self.errors.get_mut().expect("no holder of this lock panics").iter() {
            let _ = f.stream_errors.remove_label_values(&[name, kind]);
        }
        for label in self.labels.get_mut().expect("no holder of this lock panics").iter() {
            let _ = f.label_score.remove_label_values(&[name, label.as_str()]);
            let _ = f.label_active.remove_label_values(&[name, label.as_str()]);
            let _ = f.events.remove_label_values(&[name, label.as_str()]);
        }
    }
}

struct Build<'a> {
    registry: &'a Registry,
}

impl Build<'_> {
    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, family: C) -> C {
        self.registry.register(Box::new(family.clone())).expect("each name is registered once");
        family
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels).expect("valid name"))
    }
}

impl Families {
    fn new(b: &Build<'_>) -> Self {
        const STREAM: &[&str] = &["stream"];
        const REASON: &[&str] = &["stream", "reason"];
        const LABEL: &[&str] = &["stream", "label"];
        Self {
            up: b.int_gauges(
                names::STREAM_UP,
                "1 while packets arrive within the stall timeout.",
                STREAM,
            ),
            reconnects: b.counters(
                names::STREAM_RECONNECTS,
                "Times the stream was opened again after it was lost.",
                STREAM,
            ),
            last_frame: b.gauges(
                names::STREAM_LAST_FRAME,
                "Unix time of the last decoded frame.",
                STREAM,
            ),
            stream_errors: b.counters(
                names::STREAM_ERRORS,
                "Faults of the stream by kind.",
                &["stream", "kind"],
            ),
            decoded: b.counters(
                names::FRAMES_DECODED,
                "Frames that came out of the decoder.",
                STREAM,
            ),
            skipped: b.counters(
                names::FRAMES_SKIPPED,
                "Frames that were not looked at, by reason.",
                REASON,
            ),
            corrupt: b.counters(
                names::FRAMES_CORRUPT,
                "Frames that the decoder marked as damaged.",
                STREAM,
            ),
            discontinuities: b.counters(
                names::DISCONTINUITIES,
                "Jumps of the stream's timestamps.",
                STREAM,
            ),
            windows: b.counters(names::WINDOWS, "Windows shown to the model.", STREAM),
            windows_dropped: b.counters(
                names::WINDOWS_DROPPED,
                "Windows not shown to the model, by reason.",
                REASON,
            ),
            latency: b.histograms(
                names::LATENCY,
                "Time from the arrival of a window's newest packet to its labels.",
                STREAM,
                LATENCY_BUCKETS,
            ),
            label_score: b.gauges(
                names::LABEL_SCORE,
                "Latest calibrated score of the label.",
                LABEL,
            ),
            label_active: b.int_gauges(
                names::LABEL_ACTIVE,
                "1 while the label's event lasts.",
                LABEL,
            ),
            events: b.counters(names::EVENTS, "Events started, by label.", LABEL),
            model_info: b.int_gauges(
                names::MODEL_INFO,
                "Model in use and the execution provider that runs it.",
                &["model", "provider"],
            ),
            inference: b.histograms(
                names::INFERENCE_DURATION,
                "Time of one batch in the model.",
                &["model"],
                INFERENCE_BUCKETS,
            ),
            inference_errors: b.counters(
                names::INFERENCE_ERRORS,
                "Batches that failed in the model.",
                &["model"],
            ),
            batch: b.histograms(
                names::BATCH_SIZE,
                "Windows in one batch.",
                &["model"],
                BATCH_BUCKETS,
            ),
            queue_length: b.int_gauges(
                names::QUEUE_LENGTH,
                "Items waiting in a queue.",
                &["queue"],
            ),
            queue_capacity: b.int_gauges(
                names::QUEUE_CAPACITY,
                "Items that a queue can hold.",
                &["queue"],
            ),
            sink_sent: b.counters(names::SINK_SENT, "Events delivered by a sink.", &["sink"]),
            sink_dropped: b.counters(
                names::SINK_DROPPED,
                "Events that a sink's full queue could not take.",
                &["sink"],
            ),
            sink_errors: b.counters(names::SINK_ERRORS, "Failed deliveries of a sink.", &["sink"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_stream_leaves_no_series_behind() {
        let metrics = Metrics::new();
        let before = metrics.exposition();
        let door = metrics.stream(&StreamId::new("door").unwrap());
        door.label_score("covered").set(0.5);
        door.label_active("covered").set(1);
        door.label_events("covered").inc();
        door.errors("timeout").inc();
        door.frame_at(1.0);
        door.frames_skipped(SkipReason::NotKeyFrame).inc();
        door.latency.observe(0.1);
        assert!(metrics.exposition().contains("stream=\"door\""));
        let clone = door.clone();
        drop(door);
        assert!(metrics.exposition().contains("stream=\"door\""));
        drop(clone);
        let after = metrics.exposition();
        assert!(!after.contains("door"), "{after}");
        assert_eq!(before.contains("percept_stream_up"), after.contains("percept_stream_up"));
    }

    #[test]
    fn counters_of_a_new_stream_start_at_zero_and_no_sentinel_is_shown() {
        let metrics = Metrics::new();
        let _door = metrics.stream(&StreamId::new("door").unwrap());
        let text = metrics.exposition();
        assert!(text.contains("percept_stream_reconnects_total{stream=\"door\"} 0"));
        assert!(
            text.contains("percept_windows_dropped_total{reason=\"partial\",stream=\"door\"} 0")
        );
        assert!(!text.contains(names::STREAM_LAST_FRAME), "no frame yet, so no timestamp");
    }
}
