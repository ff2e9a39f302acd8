//! Inputs and windows to measure with: pictures with structure, since nobody films noise.

use std::f32::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use crate::data::manifest::{
    Filter, Input, Layout, Order, Pictures, Points, Position, Resize, Sound, TimeAxis,
};
use crate::data::{MediaTime, SoundClip, Stamp, StreamId, VideoFrame, Window};

/// The published image input: 224 x 224 pixels, 64 bands an axis, 50,176 rows of 261 channels.
pub fn published_image() -> Input {
    Input::Image(Pictures {
        name: "image".into(),
        layout: Layout::ByteArray,
        frames: 1,
        size: [224, 224],
        interval: None,
        fps: None,
        patch: [1, 1, 1],
        resize: Resize::Stretch,
        crop_fraction: 1.0,
        filter: Filter::Area,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        position: Some(Position {
            bands: vec![64, 64],
            max_resolution: vec![224.0, 224.0],
            concat_pos: true,
            sine_only: false,
            order: Order::PositionsSinesCosines,
            time: TimeAxis::Grid,
            tables: false,
            axis_tables: Vec::new(),
        }),
        times: None,
    })
}

/// A window of everything that these inputs want; `seed` changes contents and times.
pub fn window(inputs: &[Input], seed: usize) -> Window {
    let stream = StreamId::new("bench").expect("a plain word is a valid name");
    let start = Stamp::unclocked(MediaTime::ZERO);
    let mut window = Window::empty(stream, seed as u64, start, start);
    for input in inputs {
        match input {
            Input::Image(pictures) | Input::Video(pictures) => {
                let gap = Duration::from_millis(1500 + 100 * (seed as u64 % 5));
                let at = |t: usize| Stamp::unclocked(MediaTime::ZERO + gap * t as u32);
                window.frames =
                    (0..pictures.frames).map(|t| frame(pictures, t, seed, at(t))).collect();
                window.end = at(pictures.frames - 1);
            }
            Input::Audio(sound) => window.sound = Some(chord(sound, seed)),
            Input::Points(points) => window.points = Some(helix(points, seed)),
        }
    }
    window
}

/// Gradients and edges.
fn frame(input: &Pictures, t: usize, seed: usize, stamp: Stamp) -> VideoFrame {
    let [height, width] = input.size;
    let mut pixels = Vec::with_capacity(height * width * 3);
    for y in 0..height {
        for x in 0..width {
            pixels.extend(
                (0..3).map(|c| (3 * x + 5 * y + 37 * (t + seed) + 11 * c * (x / 16)) as u8),
            );
        }
    }
    VideoFrame { stamp, width: width as u32, height: height as u32, pixels: Arc::new(pixels) }
}

/// Two tones a channel.
fn chord(input: &Sound, seed: usize) -> SoundClip {
    let tone = |i: usize, hertz: f32| (TAU * hertz * i as f32 / input.sample_rate as f32).sin();
    let samples = (0..input.samples * input.channels).map(|at| {
        let (i, channel) = (at / input.channels, at % input.channels);
        let base = 220.0 + 55.0 * (seed % 8 + channel) as f32;
        0.4 * tone(i, base) + 0.2 * tone(i, 3.0 * base)
    });
    SoundClip { samples: Arc::new(samples.collect()), silent_gap: 0 }
}

/// Points on a winding line within -1 to 1.
fn helix(input: &Points, seed: usize) -> Arc<Vec<f32>> {
    let points = (0..input.points).flat_map(|i| {
        let turn = TAU * (seed + 3) as f32 * i as f32 / input.points as f32;
        (0..input.dimensions).map(move |axis| (turn + axis as f32).sin() * 0.9)
    });
    Arc::new(points.collect())
}
