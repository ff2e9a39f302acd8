//! Rewriting a resident byte array against building it.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use super::clip::{published_image, window};
use super::medians;
use crate::byte_array::ByteArray;

/// Milliseconds for one window of the published image input.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ByteArrayReport {
    pub rows: usize,
    pub channels: usize,
    /// The bytes alone, in a resident array: what percept does. One window right after another.
    pub rewrite_ms: f64,
    /// The same when other work has just pushed the array out of the processor's caches.
    pub rewrite_cold_ms: f64,
    /// The whole array, copied from a ready one: no way to rebuild it can be faster.
    pub copy_ms: f64,
    /// The whole array built anew, features computed and memory allocated.
    pub rebuild_ms: f64,
    /// `rebuild_ms / rewrite_ms`.
    pub rebuild_ratio: f64,
    /// `copy_ms / rewrite_ms`.
    pub copy_ratio: f64,
}

pub fn measure(each: Duration) -> ByteArrayReport {
    let input = published_image();
    let windows = [0, 1].map(|seed| window(std::slice::from_ref(&input), seed));
    let resident = RefCell::new(ByteArray::new(&input, 1));
    let (rows, channels) = resident.borrow().shape();
    let ready = resident.borrow().rows(1).to_vec();
    let mut copied = ready.clone();
    let [copy, cold, rewrite, rebuild] = medians(
        each,
        [
            &mut || black_box(&mut copied).copy_from_slice(black_box(&ready)),
            &mut || resident.borrow_mut().write(0, black_box(&windows[0])),
            &mut || resident.borrow_mut().write(0, black_box(&windows[1])),
            &mut || {
                let mut built = ByteArray::new(black_box(&input), 1);
                built.write(0, &windows[0]);
                black_box(built.rows(1));
            },
        ],
    )
    .map(|time| time.as_secs_f64() * 1e3);
    ByteArrayReport {
        rows,
        channels,
        rewrite_ms: rewrite,
        rewrite_cold_ms: cold,
        copy_ms: copy,
        rebuild_ms: rebuild,
        rebuild_ratio: rebuild / rewrite,
        copy_ratio: copy / rewrite,
    }
}
