//! Labels, calibration and thresholds.

use std::collections::HashSet;

use super::Faults;
use crate::data::manifest::Output;

pub fn check(output: &Output, faults: &mut Faults) {
    if output.labels.is_empty() {
        faults.add("labels", "there are none", "write one a logit");
    }
    let mut seen = HashSet::new();
    for (index, label) in output.labels.iter().enumerate() {
        if label.trim().is_empty() {
            faults.add(&format!("labels[{index}]"), "it is empty", "write the label's name");
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
    }
}
