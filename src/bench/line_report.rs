//! What the whole line costs, as numbers and as a table.

use std::fmt;

/// CPU seconds to watch one clip, all on one thread.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LineReport {
    /// What the clip is: codec, size, rate.
    pub clip: String,
    pub clip_seconds: f64,
    /// Every frame decoded and scaled to the model's size, a look every two seconds.
    pub every_frame: Line,
    /// As `percept run` does it.
    pub percept: Line,
    /// `every_frame` over `percept`: how many times the streams a core.
    pub ratio: f64,
    /// The program `ffmpeg` decoding and scaling every frame, without a model; `None` where
    /// it is not installed.
    pub ffmpeg: Option<Line>,
}

#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Line {
    pub cpu_seconds: f64,
    /// Live streams of this kind that one core could carry.
    pub streams_a_core: f64,
    pub frames_decoded: Option<u64>,
    pub windows: Option<u64>,
}

impl fmt::Display for LineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "whole line on {:.0} s of {}, a look every 2 s, one thread",
            self.clip_seconds, self.clip
        )?;
        writeln!(f, "  {:<40} {:>9} {:>15}", "", "CPU s", "streams a core")?;
        let mut row = |name: &str, line: &Line| {
            writeln!(f, "  {name:<40} {:>9.2} {:>15.1}", line.cpu_seconds, line.streams_a_core)
        };
        row("every frame decoded and scaled", &self.every_frame)?;
        if let Some(ffmpeg) = &self.ffmpeg {
            row("the same by the ffmpeg program, no model", ffmpeg)?;
        }
        row("percept", &self.percept)?;
        writeln!(f, "  {:<40} {:>9.1} x", "every frame / percept", self.ratio)
    }
}
