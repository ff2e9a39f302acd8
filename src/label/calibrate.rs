//! From logits to scores in `[0, 1]`.

use crate::data::manifest::{Activation, Output};

/// `activation(scale * logit + bias)`, as the model's manifest states it.
#[derive(Debug, Clone)]
pub struct Calibrator {
    activation: Activation,
    /// `(scale, bias)`, one a label.
    lines: Vec<(f64, f64)>,
}

impl Calibrator {
    /// A label that the manifest gives no calibration for keeps its logit.
    pub fn new(output: &Output) -> Self {
        let line = |label: usize| {
            let calibration = output.calibration.as_ref();
            let scale = calibration.and_then(|c| c.scale.get(label)).copied().unwrap_or(1.0);
            let bias = calibration.and_then(|c| c.bias.get(label)).copied().unwrap_or(0.0);
            (f64::from(scale), f64::from(bias))
        };
        Self { activation: output.activation, lines: (0..output.labels.len()).map(line).collect() }
    }

    /// Scores of one window; `logits` and the answer are `[labels]`.
    ///
    /// In f64, because an f32 `scale * logit` can overflow. Finite logits give scores
    /// in `[0, 1]`; those of a softmax add up to 1.
    pub fn scores(&self, logits: &[f32]) -> Vec<f32> {
        debug_assert_eq!(logits.len(), self.lines.len());
        let calibrated = logits
            .iter()
            .zip(&self.lines)
            .map(|(&logit, (scale, bias))| scale * f64::from(logit) + bias);
        match self.activation {
            Activation::Sigmoid => calibrated.map(|x| (1.0 / (1.0 + (-x).exp())) as f32).collect(),
            Activation::Softmax => softmax(calibrated.collect()),
        }
    }
}

/// The greatest is subtracted first, so that no exponential overflows.
fn softmax(mut values: Vec<f64>) -> Vec<f32> {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for value in &mut values {
        *value = (*value - most).exp();
    }
    let sum: f64 = values.iter().sum();
    values.iter().map(|value| (value / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::Calibration;

    fn calibrator(activation: Activation, calibration: Option<Calibration>) -> Calibrator {
        Calibrator::new(&Output {
            name: "logits".into(),
            activation,
            labels: vec!["a".into(), "b".into()],
            calibration,
            thresholds: Default::default(),
        })
    }

    fn close(scores: &[f32], wanted: [f64; 2]) {
        for (score, wanted) in scores.iter().zip(wanted) {
            assert!((f64::from(*score) - wanted).abs() < 1e-6, "{scores:?}, wanted {wanted}");
        }
    }

    #[test]
    fn sigmoid_of_large_logits_stays_in_range() {
        let sigmoid = calibrator(Activation::Sigmoid, None);
        close(&sigmoid.scores(&[-100.0, 5.0]), [0.0, 0.993_307_149]);
        close(&sigmoid.scores(&[f32::MIN, f32::MAX]), [0.0, 1.0]);
    }

    #[test]
    fn softmax_of_large_logits_stays_finite() {
        let softmax = calibrator(Activation::Softmax, None);
        close(&softmax.scores(&[-100.0, 5.0]), [0.0, 1.0]);
        close(&softmax.scores(&[1000.0, 1000.0]), [0.5, 0.5]);
        close(&softmax.scores(&[f32::MIN, f32::MAX]), [0.0, 1.0]);
        close(&softmax.scores(&[0.0, 3f32.ln()]), [0.25, 0.75]);
    }

    #[test]
    fn scale_and_bias_come_before_the_activation() {
        let calibration = Some(Calibration { scale: vec![2.0, 0.5], bias: vec![-1.0, 1.0] });
        // 2 * 1 - 1 = 1 and 0.5 * -4 + 1 = -1.
        close(
            &calibrator(Activation::Sigmoid, calibration.clone()).scores(&[1.0, -4.0]),
            [0.731_058_578, 0.268_941_421],
        );
        // softmax([1, -1]) = sigmoid(2).
        close(
            &calibrator(Activation::Softmax, calibration).scores(&[1.0, -4.0]),
            [0.880_797_077, 0.119_202_922],
        );
    }
}
