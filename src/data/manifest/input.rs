//! What the model reads: one ONNX input a modality.

use serde::{Deserialize, Serialize};

use super::Position;

/// One ONNX input that carries one modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "modality", rename_all = "snake_case")]
pub enum Input {
    Image(Pictures),
    Video(Pictures),
    Audio(Sound),
    Points(Points),
}

/// What an input takes of a window; a model has one input of each at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    Pictures,
    Sound,
    Points,
}

impl Modality {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pictures => "pictures",
            Self::Sound => "sound",
            Self::Points => "points",
        }
    }
}

impl Input {
    pub fn modality(&self) -> Modality {
        match self {
            Self::Image(_) | Self::Video(_) => Modality::Pictures,
            Self::Audio(_) => Modality::Sound,
            Self::Points(_) => Modality::Points,
        }
    }

    /// Name of the ONNX input.
    pub fn name(&self) -> &str {
        match self {
            Self::Image(pictures) | Self::Video(pictures) => &pictures.name,
            Self::Audio(sound) => &sound.name,
            Self::Points(points) => &points.name,
        }
    }

    pub fn layout(&self) -> Layout {
        match self {
            Self::Image(pictures) | Self::Video(pictures) => pictures.layout,
            Self::Audio(sound) => sound.layout,
            Self::Points(points) => points.layout,
        }
    }

    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Image(pictures) | Self::Video(pictures) => pictures.position.as_ref(),
            Self::Audio(sound) => sound.position.as_ref(),
            Self::Points(points) => points.position.as_ref(),
        }
    }

    pub fn position_mut(&mut self) -> Option<&mut Position> {
        match self {
            Self::Image(pictures) | Self::Video(pictures) => pictures.position.as_mut(),
            Self::Audio(sound) => sound.position.as_mut(),
            Self::Points(points) => points.position.as_mut(),
        }
    }

    /// Rows along each axis of the positions, slowest first. Points have one axis of rows, whatever
    /// their coordinates.
    ///
    /// A checked manifest's patches divide them; all others may give anything but a panic.
    pub fn cells(&self) -> Vec<usize> {
        let ratio = |size: usize, patch: usize| size.checked_div(patch).unwrap_or(0);
        match self {
            Self::Image(Pictures { size: [h, w], patch: [_, y, x], .. }) => {
                vec![ratio(*h, *y), ratio(*w, *x)]
            }
            Self::Video(Pictures { frames, size: [h, w], patch: [t, y, x], .. }) => {
                vec![ratio(*frames, *t), ratio(*h, *y), ratio(*w, *x)]
            }
            Self::Audio(sound) => match &sound.mel {
                None => vec![ratio(sound.samples, sound.row())],
                Some(mel) => {
                    let [t, f] = sound.mel_patch();
                    vec![ratio(mel.frames(sound.samples), t), ratio(mel.bands, f)]
                }
            },
            Self::Points(points) => vec![points.points],
        }
    }

    /// Values of a row before its Fourier features: those of its patch, none for points.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Image(pictures) | Self::Video(pictures) => {
                pictures.patch.iter().product::<usize>() * 3
            }
            Self::Audio(sound) if sound.mel.is_some() => sound.mel_patch().iter().product(),
            Self::Audio(sound) => sound.row() * sound.channels,
            Self::Points(_) => 0,
        }
    }

    /// Rows and channels of one window of layout `byte_array`.
    ///
    /// A row has its patch's values, then a position, sines and cosines an axis as `position` says.
    pub fn byte_array_shape(&self) -> (usize, usize) {
        let features = self.position().map_or(0, Position::channels);
        let rows = self.cells().iter().fold(1_usize, |rows, cells| rows.saturating_mul(*cells));
        (rows, self.bytes().saturating_add(features))
    }

    /// The shape of one window of layout `raw`, as [`Layout::Raw`] says.
    pub fn raw_shape(&self) -> Vec<usize> {
        match self {
            Self::Image(Pictures { size: [h, w], .. }) => vec![*h, *w, 3],
            Self::Video(Pictures { frames, size: [h, w], .. }) => vec![*frames, *h, *w, 3],
            Self::Audio(sound) => match &sound.mel {
                None => vec![sound.samples, sound.channels],
                Some(mel) => vec![mel.frames(sound.samples), mel.bands],
            },
            Self::Points(points) => vec![points.points, points.dimensions],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// f32 `[batch, rows, channels]`: the pipeline concatenates the Fourier features.
    ByteArray,
    /// Positions are inside the graph. Pictures u8 `[batch, height, width, 3]`, video u8 `[batch,
    /// frames, height, width, 3]`, sound f32 `[batch, samples, channels]`, spectrograms f32
    /// `[batch, frames, bands]`, points f32 `[batch, points, dimensions]`.
    Raw,
}

/// Pictures, or video of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pictures {
    /// Name of the ONNX input.
    pub name: String,
    pub layout: Layout,
    /// Frames a window; 1 for pictures.
    #[serde(default = "one")]
    pub frames: usize,
    /// `[height, width]` in pixels.
    pub size: [usize; 2],
    /// Seconds between frames that the model accepts, `[least, most]`.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// Frames a second, for models that want a fixed rate.
    #[serde(default)]
    pub fps: Option<f64>,
    /// `[frames, height, width]` of the patch that makes one row; `[1, 1, 1]` is a pixel a row.
    #[serde(default = "one_pixel")]
    pub patch: [usize; 3],
    #[serde(default)]
    pub resize: Resize,
    /// With `resize` = `crop`: the share of the largest crop of the model's shape that is looked at.
    #[serde(default = "whole")]
    pub crop_fraction: f64,
    #[serde(default)]
    pub filter: Filter,
    /// Subtracted from, and divided into, values scaled to `[0, 1]`; one a colour.
    #[serde(default = "zeros")]
    pub mean: [f32; 3],
    #[serde(default = "ones")]
    pub std: [f32; 3],
    /// Layout `raw`: informative, and absent where positions are learned.
    #[serde(default)]
    pub position: Option<Position>,
    /// Layout `raw`: the ONNX input `[batch, frames]` of seconds relative to the window's end.
    #[serde(default)]
    pub times: Option<String>,
}

/// How a picture of another shape is brought to `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// Both sides scaled on their own; nothing is cut off.
    #[default]
    Stretch,
    /// The centre of the model's shape, then scaled.
    Crop,
    /// Scaled to fit, black bars added.
    Pad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Mean over the pixels that fall into one.
    #[default]
    Area,
    Bilinear,
    /// Pillow's: antialiased, a = -0.5.
    Bicubic,
}

/// Sound: samples, or a mel spectrogram of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// Name of the ONNX input.
    pub name: String,
    pub layout: Layout,
    /// Hertz.
    pub sample_rate: u32,
    /// Samples a window, a channel.
    pub samples: usize,
    #[serde(default = "one")]
    pub channels: usize,
    /// Samples a row, `[samples]`; of a spectrogram `[frames, bands]`.
    #[serde(default = "one_sample")]
    pub patch: Vec<usize>,
    #[serde(default)]
    pub mel: Option<Mel>,
    /// Layout `raw`: informative, and absent where positions are learned.
    #[serde(default)]
    pub position: Option<Position>,
}

impl Sound {
    /// Samples of a row, a channel.
    pub fn row(&self) -> usize {
        self.patch.first().copied().unwrap_or(0)
    }

    /// Frames and bands of a spectrogram's patch.
    pub fn mel_patch(&self) -> [usize; 2] {
        match self.patch[..] {
            [frames, bands, ..] => [frames, bands],
            _ => [1, 1],
        }
    }
}

/// A mel spectrogram, as `torchaudio.transforms.MelSpectrogram` defines it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mel {
    /// Samples of one Fourier transform.
    pub n_fft: usize,
    /// Samples of the periodic Hann window, at most `n_fft`, padded to it with zeros on both sides.
    pub window: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Mel bands.
    pub bands: usize,
    /// Hertz.
    pub f_min: f64,
    pub f_max: f64,
    /// Of the magnitude: 2 is power, 1 amplitude.
    #[serde(default = "two")]
    pub power: f64,
    #[serde(default)]
    pub scale: MelScale,
    #[serde(default)]
    pub norm: Option<MelNorm>,
    /// Frames are centred on multiples of the hop, the clip reflected at its ends.
    #[serde(default = "yes")]
    pub centre: bool,
    /// Natural logarithm; `None` leaves the power.
    #[serde(default)]
    pub log: Option<Logarithm>,
    /// Subtracted from, and divided into, each value, after the logarithm.
    #[serde(default)]
    pub mean: f32,
    #[serde(default = "unit")]
    pub std: f32,
}

impl Mel {
    /// Samples that are put before the sound, and after it, so that frames lie around their times.
    pub fn padding(&self) -> usize {
        if self.centre { self.n_fft / 2 } else { 0 }
    }

    /// Frames of the spectrogram of so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        let whole = samples.saturating_add(2 * self.padding());
        let rest = whole.checked_sub(self.n_fft);
        rest.and_then(|rest| rest.checked_div(self.hop)).map_or(0, |steps| steps + 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MelScale {
    #[default]
    Htk,
    Slaney,
}

/// How the triangles of the mel filters are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MelNorm {
    /// Each to an area of 1.
    Slaney,
}

/// `ln(max(value, floor))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logarithm {
    pub floor: f32,
}

/// A cloud of points, whose rows are Fourier features of their coordinates (section 4.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Name of the ONNX input.
    pub name: String,
    pub layout: Layout,
    pub points: usize,
    #[serde(default = "three")]
    pub dimensions: usize,
    #[serde(default)]
    pub position: Option<Position>,
}

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}

fn one_pixel() -> [usize; 3] {
    [1, 1, 1]
}

fn one_sample() -> Vec<usize> {
    vec![1]
}

fn zeros() -> [f32; 3] {
    [0.0; 3]
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

fn whole() -> f64 {
    1.0
}

fn two() -> f64 {
    2.0
}

fn unit() -> f32 {
    1.0
}

fn yes() -> bool {
    true
}
