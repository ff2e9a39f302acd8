//! The whole line for one clip on the calling thread: for looking at a model, and for
//! measuring.

use super::decoders::Decoders;
use super::pictures::{PictureError, Singles};
use super::wants::Wants;
use crate::byte_array::ResidentInput;
use crate::data::{StreamId, Window, WindowScores};
use crate::decode::{DecodeError, Timeline};
use crate::label::Calibrator;
use crate::model::{Model, ModelError};
use crate::source::{self, Location, SourceError, SourceSettings, is_cloud, is_picture};
use crate::supervise::Stop;
use crate::telemetry::metrics::StreamMetrics;
use crate::window::Windower;

/// Why a clip could not be watched to its end.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Shows every window of a clip to the model, one at a time, and tells its scores. A picture
/// is one window of a model of one frame.
///
/// `metrics` counts what was decoded and skipped. Gives whether there were pictures that the model
/// takes.
///
/// # Errors
/// The clip cannot be opened or decoded, or the model fails.
pub fn watch_clip(
    model: &mut Model,
    source: &SourceSettings,
    wants: &Wants,
    metrics: &StreamMetrics,
    mut tell: impl FnMut(WindowScores),
) -> Result<bool, ClipError> {
    let stream = StreamId::new("clip").expect("a valid name");
    let mut input = ResidentInput::new(model.manifest(), 1);
    let calibrator = Calibrator::new(model.manifest());
    let mut look = |window: Window| -> Result<(), ClipError> {
        input.write(0, &window);
        let logits = model.run(&input.view(1), 1)?;
        tell(WindowScores {
            stream: window.stream.clone(),
            seq: window.seq,
            start: window.start,
            end: window.end,
            scores: calibrator.of(&window, &logits.values),
        });
        Ok(())
    };

    let one_frame = wants.plan().is_some_and(|plan| plan.frames == 1);
    if let Location::File(path) = &source.location
        && (wants.points.is_some() && is_cloud(path) || one_frame && is_picture(path))
    {
        let singles = Singles { stream: &stream, source, wants, stop: &Stop::new() };
        return look(singles.window(path, 0)?).map(|()| wants.points.is_none());
    }
    let mut windower = Windower::new(stream, wants.plan(), wants.sound, metrics.clone());
    let mut windows = Vec::new();
    let mut source = source::open(source, &Stop::new())?;
    let mut decoders = Decoders::new(&source, wants, metrics)?;
    windower.begin(decoders.has_pictures(), decoders.has_sound(), source.is_live());
    let mut timeline = Timeline::new();
    source.begins().into_iter().for_each(|start| timeline.begin_at(start));
    loop {
        let packet = source.read()?;
        match &packet {
            Some(packet) => {
                decoders.push(packet, &mut timeline, &mut windower, &mut windows, |_| {})?;
            }
            None => decoders.finish(&mut timeline, &mut windower, &mut windows, |_| {})?,
        }
        windows.drain(..).try_for_each(&mut look)?;
        if packet.is_none() {
            windower.clear();
            return Ok(decoders.has_pictures());
        }
    }
}
