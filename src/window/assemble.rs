//! Frames in, clips of frames out.

use std::collections::VecDeque;

use super::Plan;
use crate::data::VideoFrame;
use crate::telemetry::metrics::{DropReason, StreamMetrics};

/// Keeps a stream's latest frames and gives the frames of one window a look.
///
/// A clip ends with its newest frame and never spans two segments or a gap longer than the
/// model accepts. Frames that no clip could use are counted once as a partial window.
pub(super) struct Assembler {
    plan: Plan,
    metrics: StreamMetrics,
    frames: VecDeque<VideoFrame>,
    /// Frames since the last look; looks fall due at `looks_every`.
    since_look: usize,
    /// Whether the frames held now have made a clip.
    looked: bool,
}

impl Assembler {
    pub fn new(plan: Plan, metrics: StreamMetrics) -> Self {
        let frames = VecDeque::with_capacity(plan.reach());
        // The first full clip is looked at at once.
        let since_look = plan.looks_every;
        Self { plan, metrics, frames, since_look, looked: false }
    }

    /// Takes the next sampled frame and gives the clip that it completes, if any.
    pub fn push(&mut self, frame: VideoFrame) -> Option<Vec<VideoFrame>> {
        if self.frames.back().is_some_and(|last| self.breaks(last, &frame)) {
            self.clear();
        }
        if self.frames.len() == self.plan.reach() {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
        self.since_look = self.since_look.saturating_add(1);
        let full = self.frames.len() == self.plan.reach();
        (full && self.since_look >= self.plan.looks_every).then(|| {
            self.since_look = 0;
            self.looked = true;
            self.frames.iter().step_by(self.plan.stride).cloned().collect()
        })
    }

    /// The stream was lost or has ended: what is held makes no clip any more.
    pub fn clear(&mut self) {
        if !self.frames.is_empty() && !self.looked {
            self.metrics.windows_dropped(DropReason::Partial).inc();
        }
        self.frames.clear();
        self.looked = false;
        self.since_look = self.plan.looks_every;
    }

    fn breaks(&self, last: &VideoFrame, next: &VideoFrame) -> bool {
        let gap = next.stamp.media.since(last.stamp.media);
        next.stamp.segment != last.stamp.segment
            || self.plan.longest_gap.is_some_and(|longest| gap > longest)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::data::{MediaTime, Stamp, StreamId};
    use crate::telemetry::metrics::Metrics;

    fn plan(frames: usize, stride: usize, looks_every: usize) -> Plan {
        Plan {
            frames,
            step: Duration::from_secs(1),
            stride,
            looks_every,
            longest_gap: Some(Duration::from_secs(4)),
            interval: None,
        }
    }

    /// Windows, as the seconds of their frames, made from frames at `(seconds, segment)`.
    fn windows(plan: Plan, frames: &[(f64, u32)]) -> (Vec<Vec<f64>>, u64) {
        let metrics = Metrics::new().stream(&StreamId::new("s").unwrap());
        let mut assembler = Assembler::new(plan, metrics.clone());
        let mut ready = Vec::new();
        for &(seconds, segment) in frames {
            let stamp = Stamp {
                segment,
                ..Stamp::unclocked(MediaTime::from_nanos((seconds * 1e9) as i64))
            };
            let pixels = Arc::new(vec![0; 3]);
            ready.extend(assembler.push(VideoFrame { stamp, width: 1, height: 1, pixels }));
        }
        assembler.clear();
        let times =
            |clip: &Vec<VideoFrame>| clip.iter().map(|f| f.stamp.media.as_seconds()).collect();
        (ready.iter().map(times).collect(), metrics.windows_dropped(DropReason::Partial).get())
    }

    #[test]
    fn each_frame_after_the_first_full_window_makes_a_look() {
        let frames = [(0.0, 0), (1.0, 0), (2.5, 0), (3.0, 0)];
        let (got, partial) = windows(plan(3, 1, 1), &frames);
        assert_eq!(got, [vec![0.0, 1.0, 2.5], vec![1.0, 2.5, 3.0]]);
        assert_eq!(partial, 0);
    }

    #[test]
    fn stride_and_looks_are_kept() {
        let frames: Vec<_> = (0..7).map(|s| (f64::from(s), 0)).collect();
        let (got, _) = windows(plan(2, 2, 3), &frames);
        assert_eq!(got, [vec![0.0, 2.0], vec![3.0, 5.0]]);
    }

    #[test]
    fn no_window_spans_a_reconnect_or_a_long_gap() {
        let frames = [(0.0, 0), (1.0, 0), (2.0, 1), (3.0, 1), (8.0, 1), (9.0, 1), (10.0, 1)];
        let (got, partial) = windows(plan(3, 1, 1), &frames);
        assert_eq!(got, [vec![8.0, 9.0, 10.0]]);
        assert_eq!(partial, 2, "two runs of frames were too short for a window");
    }
}
