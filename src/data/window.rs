//! The clip that a model looks at.

use std::time::Duration;

use super::{Stamp, StreamId, VideoFrame};

/// The frames of one look, oldest first; the last one is the stream's newest.
///
/// All frames share one segment: no window spans a reconnect or a time jump.
#[derive(Debug, Clone)]
pub struct Window {
    pub stream: StreamId,
    /// Counts the windows made of this stream in this process, from 0.
    pub seq: u64,
    /// As many as the model's manifest asks for; never empty.
    pub frames: Vec<VideoFrame>,
}

impl Window {
    pub fn start(&self) -> &Stamp {
        &self.frames[0].stamp
    }

    pub fn end(&self) -> &Stamp {
        &self.frames[self.frames.len() - 1].stamp
    }

    /// How long before the window's end each frame was taken; the last is zero.
    pub fn ages(&self) -> impl Iterator<Item = Duration> + '_ {
        let end = self.end().media;
        self.frames.iter().map(move |frame| end.since(frame.stamp.media))
    }
}
