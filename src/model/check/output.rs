//! Labels, calibration and thresholds.

use std::collections::HashSet;

use super::Faults;
use crate::data::manifest::{Activation, Input, Manifest, Output, Thresholds};

pub fn check(output: &Output, faults: &mut Faults) {
    if output.labels.is_empty() {
        faults.add("labels", "there are none", "write one a logit");
    }
    let mut seen = HashSet::new();
    for (index, label) in output.labels.iter().enumerate() {
        if label.trim().is_empty() {
            faults.add(&format!("labels[{index}]"), "it is empty", "write the label's name");
        } else if faults.controls(&format!("labels[{index}]"), label) {
            continue;
        } else if !seen.insert(label) {
            faults.add(
                &format!("labels[{index}]"),
                format!("`{label}` is there twice"),
                "give each label its own name",
            );
        }
    }
    if let Some(calibration) = &output.calibration {
        for (field, values) in
            [("calibration.scale", &calibration.scale), ("calibration.bias", &calibration.bias)]
        {
            if values.len() != output.labels.len() {
                let problem =
                    format!("{} numbers for {} labels", values.len(), output.labels.len());
                faults.add(field, problem, "write one a label, in the labels' order");
            } else if values.iter().any(|value| !value.is_finite()) {
                faults.add(field, format!("{values:?} is not finite"), "calibrate again");
            }
        }
    }
    for (label, thresholds) in &output.thresholds {
        let field = format!("thresholds.{label}");
        if !output.labels.contains(label) {
            faults.add(
                &field,
                "no label has that name",
                format!("use one of {}", output.labels.join(", ")),
            );
        }
        let (enter, leave) = (thresholds.enter, thresholds.leave);
        if !(0.0..=1.0).contains(&enter) || !(0.0..=1.0).contains(&leave) {
            faults.add(
                &field,
                format!("enter {enter} and leave {leave} are not 0 to 1"),
                "write scores",
            );
        } else if leave > enter {
            faults.add(
                &field,
                format!("leave {leave} is above enter {enter}"),
                "write leave at or below enter",
            );
        }
        for (key, seconds) in
            [("start_after", thresholds.start_after), ("end_after", thresholds.end_after)]
        {
            if seconds.is_some_and(|seconds| !(0.0..=Thresholds::LONGEST).contains(&seconds)) {
                let problem = format!("{} s", seconds.unwrap_or_default());
                faults.add(&format!("{field}.{key}"), problem, "write 0 to 86400 seconds");
            }
        }
    }
}

/// Which input each label judges.
pub fn judges(manifest: &Manifest, faults: &mut Faults) {
    let Some(judges) = &manifest.output.judges else { return };
    let labels = &manifest.output.labels;
    if judges.len() != labels.len() {
        let problem = format!("{} names for {} labels", judges.len(), labels.len());
        faults.add("judges", problem, "name one input a label, in the labels' order");
    }
    let inputs: Vec<_> = manifest.inputs.iter().map(Input::name).collect();
    for (index, name) in judges.iter().enumerate() {
        if !inputs.contains(&name.as_str()) {
            let problem = format!("no input has the name `{name}`");
            let fix = format!("use one of {}", inputs.join(", "));
            faults.add(&format!("judges[{index}]"), problem, fix);
        }
    }
    if inputs.len() == 1 {
        let problem = "there is one input, which every window has";
        faults.add("judges", problem, "take it out");
    } else if manifest.present.is_none() {
        let problem = "without `present` the graph is not told which inputs are there";
        faults.add("judges", problem, "name the ONNX input in `present`, or take it out");
    }
    if manifest.output.activation == Activation::Softmax {
        let problem = "the scores of a softmax share 1 among all labels, so none can be left out";
        faults.add("judges", problem, "take it out, or use activation \"sigmoid\"");
    }
}
