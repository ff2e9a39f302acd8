//! The rule of one label, after all the places that may set it.

use std::time::Duration;

use super::settings::LabelSettings;
use crate::data::manifest::{Output, Thresholds};

/// When a label starts and ends. `leave` is at most `enter`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub enter: f32,
    pub leave: f32,
    pub start_after: Duration,
    pub end_after: Duration,
}

impl Rule {
    /// The label's own rule, else the stream's, else the manifest's, else the default.
    pub fn new(label: &str, output: &Output, settings: &LabelSettings) -> Self {
        let own = settings.labels.get(label).cloned().unwrap_or_default();
        let model = output.thresholds.get(label).copied().unwrap_or(Thresholds::DEFAULT);
        let enter = own.enter.or(settings.enter).unwrap_or(model.enter);
        Self {
            enter,
            leave: own.leave.or(settings.leave).unwrap_or(model.leave).min(enter),
            start_after: own
                .start_after
                .or(settings.start_after)
                .or(model.start_after.and_then(seconds))
                .unwrap_or(Duration::from_secs_f64(Thresholds::START_AFTER)),
            end_after: own
                .end_after
                .or(settings.end_after)
                .or(model.end_after.and_then(seconds))
                .unwrap_or(Duration::from_secs_f64(Thresholds::END_AFTER)),
        }
    }
}

/// `None` of what no checked manifest has.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::Activation;
    use crate::label::LabelRule;

    #[test]
    fn the_nearest_setting_wins_and_leave_never_passes_enter() {
        let dark = Thresholds { enter: 0.8, leave: 0.5, start_after: Some(8.0), end_after: None };
        let output = Output {
            name: "logits".into(),
            activation: Activation::Sigmoid,
            labels: vec!["covered".into(), "dark".into()],
            judges: None,
            calibration: None,
            thresholds: [("dark".to_owned(), dark)].into(),
        };
        let mut settings = LabelSettings::default();
        let of = |label, settings: &_| {
            let rule = Rule::new(label, &output, settings);
            (rule.enter, rule.leave)
        };
        assert_eq!(of("covered", &settings), (0.6, 0.4));
        assert_eq!(of("dark", &settings), (0.8, 0.5));
        settings.enter = Some(0.7);
        assert_eq!(of("dark", &settings), (0.7, 0.5));
        settings.enter = Some(0.3);
        assert_eq!(of("dark", &settings), (0.3, 0.3));
        let own = LabelRule { enter: Some(0.9), leave: Some(0.2), ..Default::default() };
        settings.labels.insert("dark".into(), own);
        assert_eq!(of("dark", &settings), (0.9, 0.2));
        assert_eq!(of("covered", &settings), (0.3, 0.3));
        let hold = |label, settings: &_| {
            let rule = Rule::new(label, &output, settings);
            (rule.start_after.as_secs(), rule.end_after.as_secs())
        };
        assert_eq!((hold("covered", &settings), hold("dark", &settings)), ((2, 4), (8, 4)));
        settings.start_after = Some(Duration::from_secs(3));
        assert_eq!((hold("covered", &settings), hold("dark", &settings)), ((3, 4), (3, 4)));
        settings.labels.get_mut("dark").unwrap().end_after = Some(Duration::from_secs(1));
        assert_eq!((hold("covered", &settings), hold("dark", &settings)), ((3, 4), (3, 1)));
    }
}
