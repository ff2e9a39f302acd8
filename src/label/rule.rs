//! The rule of one label, after all the places that may set it.

use std::time::Duration;

use super::settings::LabelSettings;
use crate::data::manifest::{Output, Thresholds};

const DEFAULT: Thresholds = Thresholds { enter: 0.6, leave: 0.4 };

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
        let model = output.thresholds.get(label).copied().unwrap_or(DEFAULT);
        let enter = own.enter.or(settings.enter).unwrap_or(model.enter);
        Self {
            enter,
            leave: own.leave.or(settings.leave).unwrap_or(model.leave).min(enter),
            start_after: own.start_after.unwrap_or(settings.start_after),
            end_after: own.end_after.unwrap_or(settings.end_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::Activation;
    use crate::label::LabelRule;

    #[test]
    fn the_nearest_setting_wins_and_leave_never_passes_enter() {
        let output = Output {
            name: "logits".into(),
            activation: Activation::Sigmoid,
            labels: vec!["covered".into(), "dark".into()],
            judges: None,
            calibration: None,
            thresholds: [("dark".to_owned(), Thresholds { enter: 0.8, leave: 0.5 })].into(),
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
        assert_eq!(Rule::new("dark", &output, &settings).end_after, settings.end_after);
    }
}
