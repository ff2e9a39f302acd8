//! The metric families: names, help, labels and buckets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
};

use super::audio::AudioFamilies;
use super::stream::Series;
use crate::data::StreamId;
use crate::telemetry::names;

pub(super) struct Families {
    /// Streams that have handles now, and how many asked: they share the stream's series.
    pub(super) live: Mutex<HashMap<StreamId, (usize, Arc<Series>)>>,
    pub(super) up: IntGaugeVec,
    pub(super) reconnects: IntCounterVec,
    pub(super) last_frame: GaugeVec,
    pub(super) stream_errors: IntCounterVec,
    pub(super) decoded: IntCounterVec,
    pub(super) skipped: IntCounterVec,
    pub(super) corrupt: IntCounterVec,
    pub(super) discontinuities: IntCounterVec,
    pub(super) audio: AudioFamilies,
    pub(super) windows: IntCounterVec,
    pub(super) windows_dropped: IntCounterVec,
    pub(super) latency: HistogramVec,
    pub(super) label_score: GaugeVec,
    pub(super) label_active: IntGaugeVec,
    pub(super) events: IntCounterVec,
    pub(super) model_info: IntGaugeVec,
    pub(super) inference: HistogramVec,
    pub(super) inference_errors: IntCounterVec,
    pub(super) batch: HistogramVec,
    pub(super) queue_length: IntGaugeVec,
    pub(super) queue_capacity: IntGaugeVec,
    pub(super) sink_sent: IntCounterVec,
    pub(super) sink_dropped: IntCounterVec,
    pub(super) sink_errors: IntCounterVec,
}

/// Seconds: from a GPU's milliseconds to a machine that cannot keep up.
const LATENCY_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds: from a small model's milliseconds to a batch of the published one on a CPU.
const INFERENCE_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Windows.
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Makes families and registers them.
pub(super) struct Build<'a> {
    pub(super) registry: &'a Registry,
}

impl Build<'_> {
    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, family: C) -> C {
        self.registry.register(Box::new(family.clone())).expect("each name is registered once");
        family
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    pub(super) fn float_counters(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.register(CounterVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    pub(super) fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels).expect("valid name"))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels).expect("valid name"))
    }
}

impl Families {
    pub(super) fn new(b: &Build<'_>) -> Self {
        const STREAM: &[&str] = &["stream"];
        const REASON: &[&str] = &["stream", "reason"];
        const LABEL: &[&str] = &["stream", "label"];
        Self {
            live: Mutex::default(),
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
            audio: AudioFamilies::new(b),
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
