//! The registry, and the handles that the line counts with.
//!
//! Handles are cheap to clone and to count with; what they show is in `docs/metrics.md`.
//! Label values are names from the settings and fixed words, never a URL or free text.

mod audio;
mod families;
mod reasons;
mod stream;

use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntGauge, Registry, TextEncoder};

pub use self::audio::AudioMetrics;
use self::families::{Build, Families};
pub use self::reasons::{DropReason, SkipReason};
pub use self::stream::StreamMetrics;
use super::names;
use crate::data::StreamId;

/// All metrics of the process. Cloning shares them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    families: Arc<Families>,
}

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

    /// Handles bound to one stream, all series present from 0; asked twice for a stream, both
    /// share them. When the last handle is dropped, the stream's series are gone.
    pub fn stream(&self, stream: &StreamId) -> StreamMetrics {
        StreamMetrics::new(&self.families, stream)
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
        door.audio.drifts(0.1);
        door.audio.microphone(true);
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

    #[test]
    fn two_askers_for_a_stream_share_its_series_until_both_are_gone() {
        let metrics = Metrics::new();
        let id = StreamId::new("door").unwrap();
        let (first, second) = (metrics.stream(&id), metrics.stream(&id));
        first.prepare_errors(["timeout"]);
        first.windows.inc();
        drop(first);
        second.windows.inc();
        assert!(metrics.exposition().contains("percept_windows_total{stream=\"door\"} 2\n"));
        drop(second);
        assert!(!metrics.exposition().contains("door"));
        let _again = metrics.stream(&id);
        assert!(metrics.exposition().contains("percept_windows_total{stream=\"door\"} 0\n"));
    }

    #[test]
    fn labels_and_kinds_are_shown_from_zero_but_scores_only_while_known() {
        let metrics = Metrics::new();
        let door = metrics.stream(&StreamId::new("door").unwrap());
        door.prepare_labels(["dark", "covered"]);
        door.prepare_errors(["timeout"]);
        let text = metrics.exposition();
        for series in [
            "percept_label_active{label=\"dark\",stream=\"door\"} 0\n",
            "percept_events_total{label=\"covered\",stream=\"door\"} 0\n",
            "percept_stream_errors_total{kind=\"timeout\",stream=\"door\"} 0\n",
        ] {
            assert!(text.contains(series), "{series}{text}");
        }
        assert!(!text.contains(names::LABEL_SCORE), "{text}");
        door.label_score("dark").set(0.5);
        assert!(metrics.exposition().contains("percept_label_score{label=\"dark\""));
        door.forget_scores();
        assert!(!metrics.exposition().contains(names::LABEL_SCORE));
    }
}
