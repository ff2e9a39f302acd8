//! The handles of one stream's sound.

use std::sync::{Arc, OnceLock};

use prometheus::{Counter, CounterVec, Gauge, GaugeVec, IntCounter, IntCounterVec};

use super::families::Build;
use crate::telemetry::names;

pub(super) struct AudioFamilies {
    decoded: CounterVec,
    errors: IntCounterVec,
    gaps: IntCounterVec,
    silence: CounterVec,
    trimmed: CounterVec,
    overruns: IntCounterVec,
    drift: GaugeVec,
    microphone_up: GaugeVec,
    absent: IntCounterVec,
}

impl AudioFamilies {
    pub(super) fn new(b: &Build<'_>) -> Self {
        const STREAM: &[&str] = &["stream"];
        Self {
            decoded: b.float_counters(
                names::AUDIO_DECODED,
                "Sound that was decoded, in seconds.",
                STREAM,
            ),
            errors: b.counters(
                names::AUDIO_ERRORS,
                "Packets and frames of sound that the decoder refused.",
                STREAM,
            ),
            gaps: b.counters(names::AUDIO_GAPS, "Holes in the sound.", STREAM),
            silence: b.float_counters(
                names::AUDIO_SILENCE,
                "Silence put into holes in the sound, in seconds.",
                STREAM,
            ),
            trimmed: b.float_counters(
                names::AUDIO_TRIMMED,
                "Sound left out because it overlapped, in seconds.",
                STREAM,
            ),
            overruns: b.counters(
                names::AUDIO_OVERRUNS,
                "Times that a microphone's sound was lost because it was not read in time.",
                STREAM,
            ),
            drift: b.gauges(
                names::AUDIO_DRIFT,
                "How much later than its place the sound lies on the media clock, smoothed.",
                STREAM,
            ),
            microphone_up: b.gauges(
                names::AUDIO_MICROPHONE_UP,
                "1 while the microphone that is paired with the stream is heard.",
                STREAM,
            ),
            absent: b.counters(
                names::WINDOWS_WITHOUT_SOUND,
                "Windows that should have had sound and had none.",
                STREAM,
            ),
        }
    }

    pub(super) fn remove(&self, stream: &str) {
        for family in [&self.errors, &self.gaps, &self.overruns, &self.absent] {
            let _ = family.remove_label_values(&[stream]);
        }
        for family in [&self.decoded, &self.silence, &self.trimmed] {
            let _ = family.remove_label_values(&[stream]);
        }
        for family in [&self.drift, &self.microphone_up] {
            let _ = family.remove_label_values(&[stream]);
        }
    }
}

/// Of one stream's sound. Cloning shares the series.
#[derive(Clone)]
pub struct AudioMetrics {
    pub decoded_seconds: Counter,
    pub errors: IntCounter,
    pub gaps: IntCounter,
    pub silence_seconds: Counter,
    pub trimmed_seconds: Counter,
    pub overruns: IntCounter,
    /// Windows made without the sound that the model wants.
    pub absent: IntCounter,
    /// Absent until there was sound: 0 would say that it runs true.
    drift: OnceSet,
    /// Absent where no microphone is paired.
    microphone_up: OnceSet,
}

/// A gauge that is absent until it is set.
#[derive(Clone)]
struct OnceSet {
    family: GaugeVec,
    stream: Arc<str>,
    gauge: Arc<OnceLock<Gauge>>,
}

impl OnceSet {
    fn new(family: &GaugeVec, stream: &str) -> Self {
        Self { family: family.clone(), stream: stream.into(), gauge: Arc::default() }
    }

    fn set(&self, value: f64) {
        let gauge = || self.family.with_label_values(&[&*self.stream]);
        self.gauge.get_or_init(gauge).set(value);
    }
}

impl AudioMetrics {
    pub(super) fn new(families: &AudioFamilies, stream: &str) -> Self {
        let f = families;
        let name: &[&str] = &[stream];
        Self {
            decoded_seconds: f.decoded.with_label_values(name),
            errors: f.errors.with_label_values(name),
            gaps: f.gaps.with_label_values(name),
            silence_seconds: f.silence.with_label_values(name),
            trimmed_seconds: f.trimmed.with_label_values(name),
            overruns: f.overruns.with_label_values(name),
            absent: f.absent.with_label_values(name),
            drift: OnceSet::new(&f.drift, stream),
            microphone_up: OnceSet::new(&f.microphone_up, stream),
        }
    }

    /// Says how much later than its place the sound lies, in seconds.
    pub fn drifts(&self, seconds: f64) {
        self.drift.set(seconds);
    }

    /// Says whether the paired microphone is heard.
    pub fn microphone(&self, up: bool) {
        self.microphone_up.set(f64::from(u8::from(up)));
    }
}
