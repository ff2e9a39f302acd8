//! The resident byte array holds what the definition says, whatever was written before.

use std::sync::Arc;

use percept::byte_array::{ByteArray, RawClip, fourier_features};
use percept::data::manifest::{Input, Pictures, Position, TimeAxis};
use percept::data::{MediaTime, Stamp, StreamId, VideoFrame, Window};

fn input(json: serde_json::Value) -> Input {
    serde_json::from_value(json).unwrap()
}

fn video() -> Input {
    input(serde_json::json!({
        "name": "video", "modality": "video", "layout": "byte_array",
        "frames": 4, "size": [6, 8], "patch": [2, 3, 4], "interval": [0.5, 4.0],
        "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3],
        "position": {"bands": [3, 2, 4], "max_resolution": [8.0, 5.0, 9.0],
                     "order": "positions_sines_cosines", "time": "real"},
    }))
}

fn image() -> Input {
    input(serde_json::json!({
        "name": "image", "modality": "image", "layout": "byte_array", "size": [6, 8],
        "position": {"bands": [2, 3], "max_resolution": [6.0, 8.0], "order": "positions_sines_cosines"},
    }))
}

fn pictures(input: &Input) -> &Pictures {
    match input {
        Input::Image(pictures) | Input::Video(pictures) => pictures,
        other => panic!("{other:?}"),
    }
}

fn position_mut(input: &mut Input) -> &mut Position {
    input.position_mut().unwrap()
}

/// A window of pictures that differ in every pixel, with the given seconds before its end.
fn window(input: &Input, seed: usize, times: &[f64]) -> Window {
    let [height, width] = pictures(input).size;
    let frames = times.iter().enumerate().map(|(t, seconds)| VideoFrame {
        stamp: Stamp::unclocked(MediaTime::from_nanos(100_000_000_000 + (seconds * 1e9) as i64)),
        width: width as u32,
        height: height as u32,
        pixels: Arc::new(
            (0..height * width * 3).map(|i| (seed + 7 * i + 31 * t + i * i / 5) as u8).collect(),
        ),
    });
    Window::of_frames(StreamId::new("test").unwrap(), 0, frames.collect())
}

/// The rows of one window, written down from the definition with no table and no memory.
fn by_definition(input: &Input, window: &Window) -> Vec<f32> {
    let input = pictures(input);
    let position = input.position.as_ref().unwrap();
    let ([height, width], [pt, ph, pw]) = (input.size, input.patch);
    let cells = [input.frames / pt, height / ph, width / pw];
    let on_grid = |i: usize, count: usize| -1.0 + 2.0 * i as f64 / (count - 1) as f64;
    let end = window.end.media.as_seconds();
    let mut rows = Vec::new();
    for t in 0..cells[0] {
        for y in 0..cells[1] {
            for x in 0..cells[2] {
                for frame in &window.frames[t * pt..(t + 1) * pt] {
                    for line in y * ph..(y + 1) * ph {
                        for column in x * pw..(x + 1) * pw {
                            for colour in 0..3 {
                                let byte = frame.pixels[(line * width + column) * 3 + colour];
                                rows.push(
                                    (f32::from(byte) / 255.0 - input.mean[colour])
                                        / input.std[colour],
                                );
                            }
                        }
                    }
                }
                let mut places = vec![on_grid(y, cells[1]), on_grid(x, cells[2])];
                if position.bands.len() == 3 {
                    let place = if position.time == TimeAxis::Real {
                        let times = window.frames[t * pt..(t + 1) * pt]
                            .iter()
                            .map(|f| f.stamp.media.as_seconds() - end);
                        let span = (input.frames - 1) as f64 * input.interval.unwrap()[1];
                        (1.0 + 2.0 * (times.sum::<f64>() / pt as f64) / span).clamp(-1.0, 1.0)
                    } else {
                        on_grid(t, cells[0])
                    };
                    places.insert(0, place);
                }
                rows.extend(fourier_features(&places, position));
            }
        }
    }
    rows
}

#[track_caller]
fn assert_holds(array: &ByteArray, input: &Input, windows: &[&Window]) {
    let wanted: Vec<f32> = windows.iter().flat_map(|window| by_definition(input, window)).collect();
    let found = array.rows(windows.len());
    assert_eq!(found.len(), wanted.len());
    for (index, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert!((found - wanted).abs() <= 1e-6, "value {index}: {found} is not {wanted}");
    }
}

#[test]
fn patches_of_video_with_real_times() {
    let input = video();
    let mut array = ByteArray::new(&input, 3);
    assert_eq!(array.shape(), (2 * 2 * 2, 2 * 3 * 4 * 3 + 3 + 2 * 9));
    assert_eq!(array.max_batch(), 3);
    let a = window(&input, 1, &[-6.0, -4.0, -2.0, 0.0]);
    let b = window(&input, 90, &[-1.5, -1.25, -0.5, 0.0]);
    array.write(0, &a);
    array.write(1, &b);
    assert_holds(&array, &input, &[&a, &b]);
}

#[test]
fn a_slot_forgets_the_window_and_the_times_before() {
    let input = video();
    let mut array = ByteArray::new(&input, 2);
    let even = window(&input, 1, &[-6.0, -4.0, -2.0, 0.0]);
    let late = window(&input, 50, &[-6.0, -4.0, -0.75, 0.0]); // the first time step's place stays
    let other = window(&input, 77, &[-9.5, -8.0, -7.0, 0.0]);
    for (first, second) in
        [(&even, &other), (&late, &even), (&late, &late), (&other, &late), (&even, &even)]
    {
        array.write(0, first);
        array.write(1, second);
        assert_holds(&array, &input, &[first, second]);
    }
}

#[test]
fn times_beyond_the_span_stay_at_its_start() {
    let input = video();
    let mut array = ByteArray::new(&input, 1);
    let ancient = window(&input, 3, &[-90.0, -80.0, -1.0, 0.0]);
    array.write(0, &ancient);
    assert_holds(&array, &input, &[&ancient]);
    let position = array.rows(1)[2 * 3 * 4 * 3];
    assert_eq!(position, -1.0);
}

#[test]
fn a_fixed_rate_takes_the_grid_whatever_the_times() {
    let mut input = video();
    position_mut(&mut input).time = TimeAxis::Grid;
    let mut array = ByteArray::new(&input, 1);
    for times in [[-6.0, -4.0, -2.0, 0.0], [-0.3, -0.2, -0.1, 0.0]] {
        let window = window(&input, 9, &times);
        array.write(0, &window);
        assert_holds(&array, &input, &[&window]);
    }
}

#[test]
fn a_pixel_a_row_for_images() {
    let input = image();
    let mut array = ByteArray::new(&input, 2);
    assert_eq!(array.shape(), (48, 3 + 2 + 10));
    let (a, b) = (window(&input, 5, &[0.0]), window(&input, 200, &[0.0]));
    array.write(0, &a);
    array.write(1, &b);
    assert_holds(&array, &input, &[&a, &b]);
}

#[test]
fn sines_alone() {
    let mut input = video();
    position_mut(&mut input).sine_only = true;
    position_mut(&mut input).concat_pos = false;
    let mut array = ByteArray::new(&input, 1);
    let window = window(&input, 5, &[-3.0, -2.0, -1.0, 0.0]);
    array.write(0, &window);
    assert_holds(&array, &input, &[&window]);
}

#[test]
fn raw_clips_carry_bytes_and_seconds() {
    let input = video();
    let mut clip = RawClip::new(pictures(&input), 2);
    let (a, b) =
        (window(&input, 1, &[-6.0, -4.0, -2.0, 0.0]), window(&input, 9, &[-1.5, -1.0, -0.5, 0.0]));
    clip.write(1, &a);
    clip.write(0, &b);
    let wanted: Vec<u8> =
        b.frames.iter().chain(&a.frames).flat_map(|frame| frame.pixels.iter().copied()).collect();
    assert_eq!(clip.pixels(2), wanted);
    assert_eq!(clip.times(2), [-1.5, -1.0, -0.5, 0.0, -6.0, -4.0, -2.0, 0.0]);
    assert_eq!(
        (clip.pixels(1).len(), clip.times(1).len(), clip.max_batch()),
        (wanted.len() / 2, 4, 2)
    );
    clip.write(0, &Window { frames: Vec::new(), ..b });
    assert!(clip.pixels(1).iter().all(|&byte| byte == 0), "nothing is left of the window before");
    assert_eq!(clip.times(1), [0.0; 4]);
}

#[test]
#[should_panic(expected = "frames have the model's size")]
fn a_frame_of_another_size_is_a_fault_of_the_program() {
    let input = image();
    let mut wrong = window(&input, 1, &[0.0]);
    wrong.frames[0].width = 7;
    ByteArray::new(&input, 1).write(0, &wrong);
}
