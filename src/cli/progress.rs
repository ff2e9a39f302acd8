//! A bar on a terminal while files are watched.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::data::StreamId;
use crate::source::{self, Location};
use crate::supervise::Stop;
use crate::telemetry::bars::{BarsGuard, keep_bars};
use crate::topology::StreamJob;
use crate::web::{Snapshot, State};

/// How much of all files was looked at. Does nothing where there is no terminal, or where
/// events share it.
pub struct Progress(Option<Shown>);

struct Shown {
    bar: ProgressBar,
    /// Media seconds of each file.
    durations: HashMap<StreamId, f64>,
    _lines_stay_whole: BarsGuard,
}

/// More files than this are counted, not measured: opening each takes a moment.
const MEASURED: usize = 50;

impl Progress {
    pub fn new<'a>(jobs: impl Iterator<Item = &'a StreamJob>) -> Self {
        let jobs: Vec<_> = jobs.collect();
        let terminal = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        let files = jobs.iter().all(|job| !job.source.location.is_live());
        if !(terminal && files) {
            return Self(None);
        }
        let seconds = |job: &StreamJob| {
            if let Location::Pictures(files) = &job.source.location {
                return files.len() as f64;
            }
            let source = (jobs.len() <= MEASURED).then(|| source::open(&job.source, &Stop::new()));
            let duration = source.and_then(Result::ok).and_then(|source| source.duration());
            // A file that does not say counts as one second: its end is what shows.
            duration.unwrap_or(Duration::from_secs(1)).as_secs_f64()
        };
        let durations: HashMap<_, _> =
            jobs.iter().map(|job| (job.stream.clone(), seconds(job))).collect();
        let bars = MultiProgress::new();
        let bar = bars.add(ProgressBar::new(durations.values().sum::<f64>().ceil() as u64));
        let style = "{elapsed_precise} {wide_bar} {pos} of {len} s, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        Self(Some(Shown { bar, durations, _lines_stay_whole: keep_bars(&bars) }))
    }

    pub fn show(&mut self, snapshot: &Snapshot) {
        let Some(Shown { bar, durations, .. }) = &self.0 else { return };
        let done = |stream: &crate::web::StreamSnapshot| {
            let whole = durations.get(&stream.stream).copied().unwrap_or(0.0);
            match (stream.state, &stream.last_window) {
                (State::Finished | State::Lost, _) => whole,
                (_, Some(window)) => window.media_end.as_seconds().min(whole),
                (_, None) => 0.0,
            }
        };
        bar.set_position(snapshot.streams.iter().map(done).sum::<f64>() as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shown) = &self.0 {
            shown.bar.finish_and_clear();
        }
    }
}
