//! What a user may set of a stream's labels.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rule::Rule;
use crate::data::manifest::Output;

/// Of one stream. A label's own rule goes before these, these before the manifest's
/// thresholds, and those before 0.6 and 0.4, 2 s and 4 s.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelSettings {
    /// Score from which a label may start, in `(0, 1]`.
    pub enter: Option<f32>,
    /// Score below which an active label recovers, in `(0, 1]`; at most `enter`.
    pub leave: Option<f32>,
    /// How long a label must hold before it starts, in media time.
    pub start_after: Option<Duration>,
    /// How long a recovery must hold before the label ends, in media time.
    pub end_after: Option<Duration>,
    /// How many of the best scores a `window` event carries; `None`: all of a sigmoid
    /// model, the best five of a softmax model.
    pub top_k: Option<usize>,
    /// The labels that may start and end, and that metrics show; `None`: all, with metrics
    /// of at most 64.
    pub watch: Option<Vec<String>>,
    /// Labels that this stream does not have: no scores, no events, no metrics.
    pub ignore: Vec<String>,
    /// Rules of single labels.
    pub labels: BTreeMap<String, LabelRule>,
}

/// What one label does differently.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelRule {
    pub enter: Option<f32>,
    pub leave: Option<f32>,
    pub start_after: Option<Duration>,
    pub end_after: Option<Duration>,
}

/// Something that [`LabelSettings::check`] refuses; `key` is relative to the settings.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LabelFault {
    #[error("{key}: the model has no label {label:?}; it has {}", near(label, known))]
    UnknownLabel { key: String, label: String, known: Vec<String> },
    #[error("{key}: a score is above 0 and at most 1, not {value}")]
    NotAScore { key: String, value: f32 },
    #[error(
        "{key}: {leave} is above the score {enter} at which {label} starts, so it would end \
         as it starts; set it to {enter} or less"
    )]
    LeaveAboveEnter { key: String, label: String, enter: f32, leave: f32 },
    #[error("top_k: 0 would leave no score to tell; set 1 or more, or leave it out")]
    NoScores,
    #[error("ignore: every label of the model is ignored; leave one, or leave the stream out")]
    NothingLeft,
}

impl LabelFault {
    /// The setting at fault, such as `labels.covered.enter`.
    pub fn key(&self) -> &str {
        match self {
            Self::UnknownLabel { key, .. }
            | Self::NotAScore { key, .. }
            | Self::LeaveAboveEnter { key, .. } => key,
            Self::NoScores => "top_k",
            Self::NothingLeft => "ignore",
        }
    }
}

/// The labels that there are or, of many, those that look most like `label`.
fn near(label: &str, known: &[String]) -> String {
    const MANY: usize = 20;
    const SHOWN: usize = 5;
    if known.len() <= MANY {
        return known.join(", ");
    }
    let mut near: Vec<_> = known.iter().collect();
    near.sort_by_key(|name| strsim::damerau_levenshtein(name, label));
    let near: Vec<_> = near.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    format!("{} others, such as {}", known.len(), near.join(", "))
}

impl LabelSettings {
    /// Everything that is wrong with these settings for a model with this output.
    pub fn check(&self, output: &Output) -> Vec<LabelFault> {
        let mut faults = Vec::new();
        let known = &output.labels;
        let of_label = |name: &str| format!("labels.{name}");
        let lists =
            [("watch", self.watch.as_deref().unwrap_or_default()), ("ignore", &self.ignore)];
        let named = lists
            .into_iter()
            .flat_map(|(key, names)| names.iter().map(move |name| (key.to_owned(), name)));
        for (key, label) in named.chain(self.labels.keys().map(|name| (of_label(name), name))) {
            if !known.contains(label) {
                let (label, known) = (label.clone(), known.clone());
                faults.push(LabelFault::UnknownLabel { key, label, known });
            }
        }
        let mut score = |key: String, value: Option<f32>| {
            if let Some(value) = value.filter(|v| !(*v > 0.0 && *v <= 1.0)) {
                faults.push(LabelFault::NotAScore { key, value });
            }
        };
        score("enter".into(), self.enter);
        score("leave".into(), self.leave);
        for (name, rule) in &self.labels {
            score(format!("{}.enter", of_label(name)), rule.enter);
            score(format!("{}.leave", of_label(name)), rule.leave);
        }
        faults.extend(known.iter().filter_map(|label| self.leave_above_enter(label, output)));
        if self.top_k == Some(0) {
            faults.push(LabelFault::NoScores);
        }
        if known.iter().all(|label| self.ignore.contains(label)) {
            faults.push(LabelFault::NothingLeft);
        }
        faults
    }

    /// Only a `leave` that the user wrote can be at fault: the manifest's gives way.
    fn leave_above_enter(&self, label: &str, output: &Output) -> Option<LabelFault> {
        let own = self.labels.get(label).and_then(|rule| rule.leave);
        let leave = own.or(self.leave)?;
        let enter = Rule::new(label, output, self).enter;
        let key = if own.is_some() { format!("labels.{label}.leave") } else { "leave".into() };
        let label = label.to_owned();
        (leave > enter).then_some(LabelFault::LeaveAboveEnter { key, label, enter, leave })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::Activation;

    fn output() -> Output {
        Output {
            name: "logits".into(),
            activation: Activation::Sigmoid,
            labels: vec!["covered".into(), "dark".into()],
            judges: None,
            calibration: None,
            thresholds: Default::default(),
        }
    }

    #[test]
    fn the_defaults_are_right_for_any_model() {
        assert_eq!(LabelSettings::default().check(&output()), []);
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_keys() {
        let rule = LabelRule { enter: Some(1.5), leave: Some(0.0), ..Default::default() };
        let settings = LabelSettings {
            leave: Some(0.9),
            top_k: Some(0),
            ignore: vec!["shakin".into()],
            labels: [("dark".to_owned(), rule)].into(),
            ..Default::default()
        };
        let faults = settings.check(&output());
        let keys: Vec<_> = faults.iter().map(LabelFault::key).collect();
        assert_eq!(keys, ["ignore", "labels.dark.enter", "labels.dark.leave", "leave", "top_k"]);
        assert_eq!(
            faults[0].to_string(),
            "ignore: the model has no label \"shakin\"; it has covered, dark"
        );
        assert_eq!(
            faults[3].to_string(),
            "leave: 0.9 is above the score 0.6 at which covered starts, so it would end as it \
             starts; set it to 0.6 or less"
        );
    }

    #[test]
    fn nan_is_no_score_and_ignoring_everything_is_a_fault() {
        let settings = LabelSettings {
            enter: Some(f32::NAN),
            ignore: vec!["covered".into(), "dark".into()],
            ..Default::default()
        };
        let faults = settings.check(&output());
        assert!(matches!(faults[..], [LabelFault::NotAScore { .. }, LabelFault::NothingLeft]));
    }
}
