//! The handles of one stream.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use super::families::Families;
use super::{AudioMetrics, DropReason, SkipReason};
use crate::data::StreamId;

/// Of one stream. Cloning shares the series.
#[derive(Clone)]
pub struct StreamMetrics {
    pub up: IntGauge,
    pub reconnects: IntCounter,
    pub frames_decoded: IntCounter,
    pub frames_corrupt: IntCounter,
    pub discontinuities: IntCounter,
    pub audio: AudioMetrics,
    pub windows: IntCounter,
    /// Seconds from a packet's arrival to its labels.
    pub latency: Histogram,
    skipped: [IntCounter; SkipReason::ALL.len()],
    dropped: [IntCounter; DropReason::ALL.len()],
    share: Arc<Share>,
}

/// What all handles of one stream share.
pub(super) struct Series {
    families: Arc<Families>,
    stream: StreamId,
    /// Absent until there was a frame: 0 would say 1970.
    last_frame: OnceLock<Gauge>,
    labels: Mutex<BTreeSet<String>>,
    errors: Mutex<BTreeSet<&'static str>>,
}

/// The share that one [`StreamMetrics`] and its clones have in the series; the stream's last
/// one removes them.
struct Share(Arc<Series>);

impl StreamMetrics {
    pub(super) fn new(families: &Arc<Families>, stream: &StreamId) -> Self {
        let f = families;
        // Held until the series exist, or an older handle's end could remove them.
        let mut live = f.live.lock().unwrap_or_else(PoisonError::into_inner);
        let (shares, series) = live.entry(stream.clone()).or_insert_with(|| {
            let series = Series {
                families: f.clone(),
                stream: stream.clone(),
                last_frame: OnceLock::new(),
                labels: Mutex::default(),
                errors: Mutex::default(),
            };
            (0, Arc::new(series))
        });
        *shares += 1;
        let name: &[&str] = &[stream.as_str()];
        Self {
            up: f.up.with_label_values(name),
            reconnects: f.reconnects.with_label_values(name),
            frames_decoded: f.decoded.with_label_values(name),
            frames_corrupt: f.corrupt.with_label_values(name),
            discontinuities: f.discontinuities.with_label_values(name),
            audio: AudioMetrics::new(&f.audio, stream.as_str()),
            windows: f.windows.with_label_values(name),
            latency: f.latency.with_label_values(name),
            skipped: SkipReason::ALL
                .map(|r| f.skipped.with_label_values(&[stream.as_str(), r.as_str()])),
            dropped: DropReason::ALL
                .map(|r| f.windows_dropped.with_label_values(&[stream.as_str(), r.as_str()])),
            share: Arc::new(Share(series.clone())),
        }
    }

    fn series(&self) -> &Series {
        &self.share.0
    }

    pub fn frames_skipped(&self, reason: SkipReason) -> &IntCounter {
        &self.skipped[reason as usize]
    }

    pub fn windows_dropped(&self, reason: DropReason) -> &IntCounter {
        &self.dropped[reason as usize]
    }

    /// Says when the last frame was decoded, in seconds since the epoch.
    pub fn frame_at(&self, unix_seconds: f64) {
        let series = self.series();
        series
            .last_frame
            .get_or_init(|| series.families.last_frame.with_label_values(&[series.stream.as_str()]))
            .set(unix_seconds);
    }

    /// Shows each label's activity and events from 0 on, before anything happens: a counter
    /// that appears at 1 has no rise that Prometheus could see. Scores are not invented.
    pub fn prepare_labels<'a>(&self, labels: impl IntoIterator<Item = &'a str>) {
        for label in labels {
            self.label_active(label);
            self.label_events(label);
        }
    }

    /// Shows the faults of each of `kinds` from 0 on.
    pub fn prepare_errors(&self, kinds: impl IntoIterator<Item = &'static str>) {
        for kind in kinds {
            self.errors(kind);
        }
    }

    /// Asking for it shows it, at 0: ask when there is a score.
    pub fn label_score(&self, label: &str) -> Gauge {
        self.series().families.label_score.with_label_values(&self.series().with_label(label))
    }

    /// Shows no scores until [`Self::label_score`] is asked for anew: the stream is lost,
    /// and what was last seen no longer holds. Gauges handed out before are cut off.
    pub fn forget_scores(&self) {
        let series = self.series();
        for label in series.labels.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let values = [series.stream.as_str(), label.as_str()];
            // One that was never shown cannot be removed: the answer does not matter.
            let _ = series.families.label_score.remove_label_values(&values);
        }
    }

    /// The same of one label, whose input is missing.
    pub fn forget_score(&self, label: &str) {
        let series = self.series();
        // As above.
        let _ = series.families.label_score.remove_label_values(&[series.stream.as_str(), label]);
    }

    pub fn label_active(&self, label: &str) -> IntGauge {
        self.series().families.label_active.with_label_values(&self.series().with_label(label))
    }

    pub fn label_events(&self, label: &str) -> IntCounter {
        self.series().families.events.with_label_values(&self.series().with_label(label))
    }

    /// Faults of one fixed `kind`.
    pub fn errors(&self, kind: &'static str) -> IntCounter {
        let series = self.series();
        series.errors.lock().unwrap_or_else(PoisonError::into_inner).insert(kind);
        series.families.stream_errors.with_label_values(&[series.stream.as_str(), kind])
    }
}

impl Series {
    fn with_label<'a>(&'a self, label: &'a str) -> [&'a str; 2] {
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        if !labels.contains(label) {
            labels.insert(label.to_owned());
        }
        [self.stream.as_str(), label]
    }

    /// A series that was never made cannot be removed: the answers do not matter.
    fn remove_all(&self) {
        let f = &self.families;
        let name = self.stream.as_str();
        for family in [&f.reconnects, &f.decoded, &f.corrupt, &f.discontinuities, &f.windows] {
            let _ = family.remove_label_values(&[name]);
        }
        f.audio.remove(name);
        let _ = f.up.remove_label_values(&[name]);
        let _ = f.last_frame.remove_label_values(&[name]);
        let _ = f.latency.remove_label_values(&[name]);
        for reason in SkipReason::ALL {
            let _ = f.skipped.remove_label_values(&[name, reason.as_str()]);
        }
        for reason in DropReason::ALL {
            let _ = f.windows_dropped.remove_label_values(&[name, reason.as_str()]);
        }
        for kind in self.errors.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = f.stream_errors.remove_label_values(&[name, kind]);
        }
        for label in self.labels.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = f.label_score.remove_label_values(&[name, label.as_str()]);
            let _ = f.label_active.remove_label_values(&[name, label.as_str()]);
            let _ = f.events.remove_label_values(&[name, label.as_str()]);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Series { families, stream, .. } = &*self.0;
        let mut live = families.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shares, _)) = live.get_mut(stream) {
            *shares -= 1;
            if *shares == 0 {
                live.remove(stream);
                self.0.remove_all();
            }
        }
    }
}
