//! The ONVIF topics that health labels correspond to.

/// Label and topic.
///
/// ONVIF Imaging Service Specification, "Events", "Tampering": out of focus, mostly
/// black, mostly white, "tamper actions like camera movement or coverage", and a lost
/// source. Topics that name the service which saw it end in `AnalyticsService`; the
/// Analytics Service Specification's annex "Tampering Detection" lists the same five.
/// ONVIF has no topic for `frozen`, `corrupted` and `shaking`, nor for the sound labels:
/// `tns1:AudioAnalytics/Audio/DetectedSound` is of any sound, or of gun shots, screams, breaking
/// glass and screeching tyres (`AudioClassType`), and is taken for an alarm.
const TOPICS: &[(&str, &str)] = &[
    ("covered", "tns1:VideoSource/GlobalSceneChange/AnalyticsService"),
    ("dark", "tns1:VideoSource/ImageTooDark/AnalyticsService"),
    ("defocused", "tns1:VideoSource/ImageTooBlurry/AnalyticsService"),
    ("no_signal", "tns1:VideoSource/SignalLoss"),
    ("overexposed", "tns1:VideoSource/ImageTooBright/AnalyticsService"),
];

/// The ONVIF topic of a label, for those that have one.
pub fn topic(label: &str) -> Option<&'static str> {
    TOPICS.iter().find(|(name, _)| *name == label).map(|(_, topic)| *topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_one_of_a_video_source_and_others_have_none() {
        assert!(TOPICS.iter().all(|(_, topic)| topic.starts_with("tns1:VideoSource/")));
        assert_eq!(topic("no_signal"), Some("tns1:VideoSource/SignalLoss"));
        assert_eq!(topic("frozen"), None);
        assert_eq!(topic("speech"), None);
    }
}
