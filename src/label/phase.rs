//! One label from quiet to active and back.
//!
//! A duration is counted from the end of the first look of a run to the end of the
//! latest, and is met at the look nearest to it: looks seldom come exactly `hop` apart.
//! Unless it is zero, it takes two looks in a row at least, however far apart they are.

use std::sync::Arc;
use std::time::Duration;

use super::rule::Rule;
use crate::data::{MediaTime, Stamp};

/// Looks in a row that say the same.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The first frame of the first look.
    pub start: Stamp,
    /// The end of the first look.
    from: MediaTime,
    looks: u32,
}

/// What one look says of one label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub start: &'a Stamp,
    pub end: MediaTime,
    /// Time since the look before; zero if there was none in this segment.
    pub gap: Duration,
    /// `None`: the label judges what the window lacks.
    pub score: Option<f32>,
    /// Whether the score may count as present at all: a softmax's best one, or any of a sigmoid.
    pub eligible: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// Not active; `run` are the latest looks that said the label was there.
    Quiet { run: Option<Run> },
    /// Active; `recovery` are the latest looks that did not say it was there.
    Active { id: Arc<str>, start: Stamp, recovery: Option<Run> },
}

/// What a look changed.
#[derive(Debug)]
pub(super) enum Change {
    None,
    /// An event's id and start.
    Started(Arc<str>, Stamp),
    Ended(Arc<str>, Stamp),
}

impl Phase {
    pub const QUIET: Self = Self::Quiet { run: None };

    /// Takes one look; `id` names an event that starts.
    pub fn observe(
        &mut self,
        look: Look<'_>,
        rule: &Rule,
        id: impl FnOnce() -> Arc<str>,
    ) -> Change {
        match self {
            Self::Quiet { run } => {
                let present = look.eligible && look.score.is_some_and(|score| score >= rule.enter);
                if !Run::grow(run, present, look, rule.start_after) {
                    return Change::None;
                }
                let start = run.take().map_or(*look.start, |run| run.start);
                let id = id();
                *self = Self::Active { id: id.clone(), start, recovery: None };
                Change::Started(id, start)
            }
            Self::Active { recovery, .. } => {
                let gone = !look.eligible || look.score.is_none_or(|score| score < rule.leave);
                if !Run::grow(recovery, gone, look, rule.end_after) {
                    return Change::None;
                }
                self.end().map_or(Change::None, |(id, start)| Change::Ended(id, start))
            }
        }
    }

    /// Forgets a run that was to start an event: that is not added up over a jump of time. A
    /// recovery is, or a stream whose times jump all the time would never end one.
    pub fn interrupt(&mut self) {
        if let Self::Quiet { run } = self {
            *run = None;
        }
    }

    /// Becomes quiet at once; gives the event that this ends, and its start.
    pub fn end(&mut self) -> Option<(Arc<str>, Stamp)> {
        match std::mem::replace(self, Self::QUIET) {
            Self::Quiet { .. } => None,
            Self::Active { id, start, .. } => Some((id, start)),
        }
    }
}

impl Run {
    /// Adds a look that says `yes`, or ends the run; says whether it has lasted `least`.
    fn grow(run: &mut Option<Self>, yes: bool, look: Look<'_>, least: Duration) -> bool {
        if !yes {
            *run = None;
            return false;
        }
        let run = run.get_or_insert(Self { start: *look.start, from: look.end, looks: 0 });
        run.looks = run.looks.saturating_add(1);
        let nearly = look.end.since(run.from) + look.gap / 2 >= least;
        least.is_zero() || run.looks >= 2 && nearly
    }
}
