//! Inputs and windows to measure with: pictures with structure, since nobody films noise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::manifest::{Filter, Input, Layout, Modality, Order, Position, Resize, TimeAxis};
use crate::data::{Clock, MediaTime, Stamp, StreamId, VideoFrame, Window};

/// The published image input: 224 x 224 pixels, 64 bands an axis, 50,176 rows of 261 channels.
pub fn published_image() -> Input {
    Input {
        name: "image".into(),
        modality: Modality::Image,
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
        position: Position {
            bands: vec![64, 64],
            max_resolution: vec![224.0, 224.0],
            concat_pos: true,
            sine_only: false,
            order: Order::PositionsSinesCosines,
            time: TimeAxis::Grid,
        },
        times: None,
    }
}

/// A window of gradients and edges; `seed` changes pictures and times.
pub fn window(input: &Input, seed: usize) -> Window {
    let [height, width] = input.size;
    let gap = Duration::from_millis(1500 + 100 * (seed as u64 % 5));
    let frames = (0..input.frames).map(|t| {
        let mut pixels = Vec::with_capacity(height * width * 3);
        for y in 0..height {
            for x in 0..width {
                pixels.extend(
                    (0..3).map(|c| (3 * x + 5 * y + 37 * (t + seed) + 11 * c * (x / 16)) as u8),
                );
            }
        }
        let stamp = Stamp {
            media: MediaTime::ZERO + gap * t as u32,
            captured_at: None,
            clock: Clock::None,
            arrived: Instant::now(),
            segment: 0,
        };
        VideoFrame { stamp, width: width as u32, height: height as u32, pixels: Arc::new(pixels) }
    });
    let stream = StreamId::new("bench").expect("a plain word is a valid name");
    Window { stream, seq: seed as u64, frames: frames.collect() }
}
