//! From logits to scores in `[0, 1]`.

use crate::data::Window;
use crate::data::manifest::{Activation, Manifest, Modality};

/// `activation(scale * logit + bias)`, as the model's manifest states it.
#[derive(Debug, Clone)]
pub struct Calibrator {
    activation: Activation,
    /// `(scale, bias)`, one a label.
    lines: Vec<(f64, f64)>,
    /// What each label judges; `None`: the whole window.
    judged: Vec<Option<Modality>>,
}

impl Calibrator {
    /// A label that the manifest gives no calibration for keeps its logit.
    pub fn new(manifest: &Manifest) -> Self {
        let output = &manifest.output;
        let line = |label: usize| {
            let calibration = output.calibration.as_ref();
            let scale = calibration.and_then(|c| c.scale.get(label)).copied().unwrap_or(1.0);
            let bias = calibration.and_then(|c| c.bias.get(label)).copied().unwrap_or(0.0);
            (f64::from(scale), f64::from(bias))
        };
        let lines = (0..output.labels.len()).map(line).collect();
        Self { activation: output.activation, lines, judged: manifest.judged() }
    }

    /// Scores of `window`, `None` for labels that judge what it lacks; `logits` and the answer
    /// are `[labels]`.
    pub fn of(&self, window: &Window, logits: &[f32]) -> Vec<Option<f32>> {
        let judged = self.judged.iter().map(|what| what.is_none_or(|what| window.has(what)));
        self.scores(logits).into_iter().zip(judged).map(|(s, judged)| judged.then_some(s)).collect()
    }

    /// Scores of logits, both `[labels]`.
    ///
    /// In f64, because an f32 `scale * logit` can overflow. Finite logits give scores
    /// in `[0, 1]`; those of a softmax add up to 1.
    fn scores(&self, logits: &[f32]) -> Vec<f32> {
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
    use crate::data::{MediaTime, SoundClip, Stamp, StreamId, VideoFrame};

    fn manifest(activation: Activation, calibration: Option<Calibration>) -> Manifest {
        let mut manifest: Manifest = serde_json::from_value(serde_json::json!({
            "manifest": 1, "name": "tiny", "version": "1", "license": "MIT",
            "inputs": [
                {"name": "seen", "modality": "video", "layout": "raw", "size": [1, 1], "fps": 1.0},
                {"name": "heard", "modality": "audio", "layout": "raw", "sample_rate": 8000,
                 "samples": 8000},
            ],
            "present": "present",
            "output": {"name": "logits", "activation": "sigmoid", "labels": ["a", "b"]},
        }))
        .unwrap();
        manifest.output.activation = activation;
        manifest.output.calibration = calibration;
        manifest
    }

    fn calibrator(activation: Activation, calibration: Option<Calibration>) -> Calibrator {
        Calibrator::new(&manifest(activation, calibration))
    }

    /// What a window has: pictures, sound.
    fn window(pictures: bool, sound: bool) -> Window {
        let stamp = Stamp::unclocked(MediaTime::ZERO);
        let mut window = Window::empty(StreamId::new("s").unwrap(), 0, stamp, stamp);
        if pictures {
            let pixels = vec![0; 3].into();
            window.frames.push(VideoFrame { stamp, width: 1, height: 1, pixels });
        }
        window.sound = sound.then(|| SoundClip { samples: vec![0.0; 8000].into(), silent_gap: 0 });
        window
    }

    #[test]
    fn a_label_has_no_score_where_its_input_is_missing() {
        let mut manifest = manifest(Activation::Sigmoid, None);
        let scores = |manifest: &Manifest, pictures, sound| {
            Calibrator::new(manifest).of(&window(pictures, sound), &[0.0, 0.0])
        };
        assert_eq!(scores(&manifest, true, false), [Some(0.5), Some(0.5)]);
        manifest.output.judges = Some(vec!["heard".into(), "seen".into()]);
        assert_eq!(scores(&manifest, true, true), [Some(0.5), Some(0.5)]);
        assert_eq!(scores(&manifest, true, false), [None, Some(0.5)]);
        assert_eq!(scores(&manifest, false, true), [Some(0.5), None]);
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
