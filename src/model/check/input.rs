//! The numbers of one modality.

use super::{Faults, position};
use crate::data::manifest::{Input, Layout, Mel, Pictures, Points, Resize, Sound, TimeAxis};

/// Bounds that keep a wrong number from asking for all of the memory.
const MOST_FRAMES: usize = 1024;
const MOST_SIDE: usize = 16_384;
const MOST_SAMPLES: usize = 1 << 26;
const MOST_POINTS: usize = 1 << 22;
const MOST_VALUES: usize = 1 << 29;
const RATES: std::ops::RangeInclusive<u32> = 1000..=384_000;
const MOST_CHANNELS: usize = 32;

pub fn check(input: &Input, faults: &mut Faults) {
    if input.name().is_empty() {
        faults.add("name", "it is empty", "write the name of the ONNX input");
    }
    faults.controls("name", input.name());
    match input {
        Input::Image(one) | Input::Video(one) => {
            pictures(one, matches!(input, Input::Video(_)), faults);
        }
        Input::Audio(one) => sound(one, faults),
        Input::Points(one) => points(one, faults),
    }
    position::check(input, faults);
    if !faults.list.is_empty() {
        return;
    }
    let values = match input.layout() {
        Layout::ByteArray => {
            let (rows, channels) = input.byte_array_shape();
            rows.saturating_mul(channels)
        }
        Layout::Raw => input.raw_shape().iter().fold(1, |all: usize, n| all.saturating_mul(*n)),
    };
    if values > MOST_VALUES {
        let problem = format!("{values} values a window do not fit, {MOST_VALUES} do");
        faults.add("size", problem, "use larger patches or fewer samples");
    }
}

fn pictures(input: &Pictures, video: bool, faults: &mut Faults) {
    let ([height, width], [t, y, x]) = (input.size, input.patch);
    if !(1..=MOST_FRAMES).contains(&input.frames) {
        let problem = format!("{} is not 1 to {MOST_FRAMES}", input.frames);
        faults.add("frames", problem, "write the frames of a window");
    }
    if !video && input.frames != 1 {
        let problem = format!("an image has 1 frame, not {}", input.frames);
        faults.add("frames", problem, "write 1, or modality \"video\"");
    }
    if input.size.iter().any(|side| !(1..=MOST_SIDE).contains(side)) {
        let problem = format!("[{height}, {width}] is not 1 to {MOST_SIDE} a side");
        faults.add("size", problem, "write [height, width] in pixels");
    }
    if input.patch.contains(&0) {
        let problem = format!("[{t}, {y}, {x}] has a zero");
        faults.add("patch", problem, "write [frames, height, width], at least 1 each");
    } else if !input.frames.is_multiple_of(t)
        || !height.is_multiple_of(y)
        || !width.is_multiple_of(x)
    {
        let frames = input.frames;
        let problem =
            format!("[{t}, {y}, {x}] does not divide {frames} frames of [{height}, {width}]");
        faults.add("patch", problem, "choose a patch that divides frames and size");
    }
    spacing(input, video, faults);
    for (field, values) in [("mean", input.mean), ("std", input.std)] {
        if values.iter().any(|value| !value.is_finite() || (field == "std" && *value <= 0.0)) {
            let wanted = if field == "std" { "finite and above 0" } else { "finite" };
            let problem = format!("{values:?} is not {wanted}");
            faults.add(field, problem, "write what training used, one a colour");
        }
    }
    let fraction = input.crop_fraction;
    if !(fraction > 0.0 && fraction <= 1.0) {
        let problem = format!("{fraction} is not above 0 and at most 1");
        faults.add("crop_fraction", problem, "write the share of the largest crop");
    } else if fraction < 1.0 && input.resize != Resize::Crop {
        faults.add("crop_fraction", "`resize` is not \"crop\"", "take it out, or write \"crop\"");
    }
    let time = input.position.as_ref().map(|position| position.time);
    match (input.layout, time, &input.times) {
        (Layout::Raw, Some(TimeAxis::Real), None) => {
            let fix = "name the ONNX input of the frames' times, or set time \"grid\"";
            faults.add("times", "it is missing", fix);
        }
        (Layout::ByteArray, _, Some(_)) => {
            let problem = "layout `byte_array` has the times in its rows";
            faults.add("times", problem, "take it out, or use layout \"raw\"");
        }
        _ => {}
    }
}

/// Seconds between two frames, at most.
const LONGEST_GAP: f64 = 86_400.0;

/// `interval` and `fps`: how far apart the frames are.
fn spacing(input: &Pictures, video: bool, faults: &mut Faults) {
    if let Some([least, most]) = input.interval
        && !(0.0 < least && least <= most && most <= LONGEST_GAP)
    {
        let problem = format!("[{least}, {most}] is not a range of seconds");
        faults.add("interval", problem, "write [least, most] with 0 < least <= most <= 86400");
    }
    if let Some(fps) = input.fps
        && !(1.0 / LONGEST_GAP..=1000.0).contains(&fps)
    {
        let problem = format!("{fps} is not from one a day to 1000 a second");
        faults.add("fps", problem, "write frames a second");
    }
    if input.interval.is_some() && input.fps.is_some() {
        let fix = "keep the one that the model was trained with";
        faults.add("fps", "`interval` is there too", fix);
    }
    if video && input.interval.is_none() && input.fps.is_none() {
        let fix = "write [least, most] seconds between frames, or fps";
        faults.add("interval", "neither it nor `fps` is there", fix);
    }
    if input.position.as_ref().is_some_and(|position| position.time == TimeAxis::Real) {
        if !video || input.frames == 1 {
            faults.add("position.time", "`real` needs video of 2 frames or more", "write \"grid\"");
        }
        if input.interval.is_none() {
            let problem = "`position.time` is `real` and it is missing";
            faults.add("interval", problem, "write [least, most] in seconds");
        }
    }
}

fn sound(input: &Sound, faults: &mut Faults) {
    if !RATES.contains(&input.sample_rate) {
        let problem = format!("{} is not 1000 to 384000 Hz", input.sample_rate);
        faults.add("sample_rate", problem, "write samples a second");
    }
    if !(1..=MOST_SAMPLES).contains(&input.samples) {
        let problem = format!("{} is not 1 to {MOST_SAMPLES}", input.samples);
        faults.add("samples", problem, "write the samples of a window");
    }
    if !(1..=MOST_CHANNELS).contains(&input.channels) {
        let problem = format!("{} is not 1 to {MOST_CHANNELS}", input.channels);
        faults.add("channels", problem, "write 1 for mono");
    }
    grid_time(input.position.as_ref().map(|position| position.time), faults);
    if let Some(mel) = &input.mel {
        return spectrogram(input, mel, faults);
    }
    match input.patch[..] {
        [patch] if patch > 0 && input.samples.is_multiple_of(patch) => {}
        _ => {
            let problem = format!("{:?} does not divide {} samples", input.patch, input.samples);
            faults.add("patch", problem, "write [samples a row], a divisor");
        }
    }
}

fn spectrogram(input: &Sound, mel: &Mel, faults: &mut Faults) {
    let n_fft = mel.n_fft;
    if !(2..=1 << 20).contains(&n_fft) {
        faults.add("mel.n_fft", format!("{n_fft} is not 2 to 1048576"), "write samples");
    }
    if !(1..=n_fft).contains(&mel.window) {
        let problem = format!("{} is not 1 to n_fft, {n_fft}", mel.window);
        faults.add("mel.window", problem, "write samples");
    }
    if mel.hop == 0 {
        faults.add("mel.hop", "it is 0", "write samples from frame to frame");
    }
    let shortest = if mel.centre { n_fft / 2 + 1 } else { n_fft };
    if input.samples < shortest {
        let problem = format!("{} are too few for frames of {n_fft}", input.samples);
        faults.add("samples", problem, format!("write {shortest} or more"));
    }
    if !(1..=4096).contains(&mel.bands) {
        faults.add("mel.bands", format!("{} is not 1 to 4096", mel.bands), "write mel bands");
    }
    let half = f64::from(input.sample_rate) / 2.0;
    if !(0.0 <= mel.f_min && mel.f_min < mel.f_max && mel.f_max <= half) {
        let problem = format!("{} to {} Hz is not within 0 to {half}", mel.f_min, mel.f_max);
        faults.add("mel.f_max", problem, "write f_min below f_max, at most half of the rate");
    }
    if !(mel.power.is_finite() && mel.power > 0.0) {
        faults.add("mel.power", format!("{} is not above 0", mel.power), "write 2 for power");
    }
    if mel.log.is_some_and(|log| !(log.floor.is_finite() && log.floor > 0.0)) {
        faults.add("mel.log.floor", "it is not above 0", "write the least value, such as 1e-5");
    }
    if !(mel.mean.is_finite() && mel.std.is_finite() && mel.std > 0.0) {
        faults.add("mel.std", "mean and std are not finite or std not above 0", "write training's");
    }
    let frames = mel.frames(input.samples);
    match input.patch[..] {
        // The default for samples stands for a value a row.
        [1] => {}
        [t, f] if t > 0 && f > 0 && frames.is_multiple_of(t) && mel.bands.is_multiple_of(f) => {}
        _ => {
            let (patch, bands) = (&input.patch, mel.bands);
            let problem = format!("{patch:?} does not divide {frames} frames of {bands} bands");
            faults.add("patch", problem, "write [frames, bands] a row, divisors");
        }
    }
}

fn points(input: &Points, faults: &mut Faults) {
    if !(1..=MOST_POINTS).contains(&input.points) {
        let problem = format!("{} is not 1 to {MOST_POINTS}", input.points);
        faults.add("points", problem, "write the points of a cloud");
    }
    if !(1..=16).contains(&input.dimensions) {
        let problem = format!("{} is not 1 to 16", input.dimensions);
        faults.add("dimensions", problem, "write 3 for x, y, z");
    }
    grid_time(input.position.as_ref().map(|position| position.time), faults);
}

fn grid_time(time: Option<TimeAxis>, faults: &mut Faults) {
    if time == Some(TimeAxis::Real) {
        faults.add("position.time", "`real` is for video", "write \"grid\"");
    }
}
