//! Which part of a coded picture lands where in the model's frame.

use super::settings::Rect;
use crate::data::manifest::Resize;

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// A picture as it was coded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coded {
    /// Pixels.
    pub width: usize,
    pub height: usize,
    /// Width of a pixel divided by its height.
    pub pixel_aspect: f64,
    /// Counter-clockwise quarter turns that show it upright, 0 to 3.
    pub quarter_turns: u8,
    /// Whether left and right are then changed over.
    pub mirrored: bool,
}

impl Coded {
    /// The same once it has been turned.
    #[cfg(feature = "ffmpeg")]
    pub fn upright(self) -> Self {
        let (width, height, pixel_aspect) = if self.quarter_turns % 2 == 1 {
            (self.height, self.width, 1.0 / self.pixel_aspect)
        } else {
            (self.width, self.height, self.pixel_aspect)
        };
        Self { width, height, pixel_aspect, quarter_turns: 0, mirrored: false }
    }
}

/// The way from a coded picture to the model's frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The part that is looked at, in the coded picture.
    pub source: Area,
    /// Where it lands in the model's frame, upright.
    pub target: Area,
    /// What is painted over in the model's frame.
    pub masks: Vec<Area>,
}

impl Mapping {
    /// `size` is the model's `[height, width]`; `crop` and `masks` are fractions of the
    /// upright picture.
    ///
    /// [`Resize::Crop`] takes `crop_fraction` of the largest centred part of the model's shape
    /// and rounds as Hugging Face's image processors do: sides down, and the larger half of an
    /// odd rest to the right and below.
    pub fn new(
        coded: Coded,
        size: [usize; 2],
        resize: Resize,
        crop_fraction: f64,
        crop: Option<Rect>,
        masks: &[Rect],
    ) -> Self {
        let sideways = coded.quarter_turns % 2 == 1;
        let (width, height) = (coded.width as f64, coded.height as f64);
        let (width, height, aspect) = if sideways {
            (height, width, 1.0 / coded.pixel_aspect)
        } else {
            (width, height, coded.pixel_aspect)
        };
        let [model_height, model_width] = size.map(|side| side as f64);
        let crop = crop.unwrap_or(Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0 });
        let mut region = Span2::of(crop, width, height);
        let mut target = Area { x: 0, y: 0, width: size[1], height: size[0] };
        // How wide the region is shown, in units of its own rows.
        let shown = region.width * aspect;
        match resize {
            Resize::Stretch => {}
            Resize::Crop => {
                let whole = region.pixels(width, height);
                let (all_width, all_height) = (whole.width as f64, whole.height as f64);
                let wanted = model_width / model_height;
                let (width, height) = if all_width * aspect > wanted * all_height {
                    (wanted * all_height / aspect, all_height)
                } else {
                    (all_width, all_width * aspect / wanted)
                };
                region = Span2::centred(
                    whole,
                    side_of(width, crop_fraction, whole.width),
                    side_of(height, crop_fraction, whole.height),
                );
            }
            Resize::Pad => {
                let scale = (model_width / shown).min(model_height / region.height);
                let side =
                    |length: f64, most: usize| ((length * scale).round() as usize).clamp(1, most);
                target.width = side(shown, size[1]);
                target.height = side(region.height, size[0]);
                target.x = (size[1] - target.width) / 2;
                target.y = (size[0] - target.height) / 2;
            }
        }
        let upright = region.pixels(width, height);
        let masks = masks
            .iter()
            .filter_map(|mask| masked(Span2::of(*mask, width, height), upright, target))
            .collect();
        Self { source: coded_area(upright, coded), target, masks }
    }
}

/// A rectangle in fractional pixels.
#[derive(Clone, Copy)]
struct Span2 {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Span2 {
    fn of(rect: Rect, width: f64, height: f64) -> Self {
        Self {
            x: f64::from(rect.x) * width,
            y: f64::from(rect.y) * height,
            width: f64::from(rect.width) * width,
            height: f64::from(rect.height) * height,
        }
    }

    /// The middle of an area, in whole pixels.
    fn centred(area: Area, width: usize, height: usize) -> Self {
        Self {
            x: (area.x + (area.width - width) / 2) as f64,
            y: (area.y + (area.height - height) / 2) as f64,
            width: width as f64,
            height: height as f64,
        }
    }

    /// Whole pixels within a picture, at least one.
    fn pixels(self, width: f64, height: f64) -> Area {
        let edges = |from: f64, length: f64, most: f64| {
            let start = from.round().clamp(0.0, most - 1.0);
            let end = (from + length).round().clamp(start + 1.0, most);
            (start as usize, (end - start) as usize)
        };
        let (x, width) = edges(self.x, self.width, width);
        let (y, height) = edges(self.y, self.height, height);
        Area { x, y, width, height }
    }
}

/// A share of a side, rounded down to whole pixels; at least one and at most `most`.
fn side_of(length: f64, share: f64, most: usize) -> usize {
    // A length that is whole but for the rounding of a division is whole.
    let whole = length.round();
    let length = if (length - whole).abs() < 1e-6 { whole } else { length };
    ((share * length) as usize).clamp(1, most)
}

/// An upright rectangle in the coded picture.
fn coded_area(upright: Area, coded: Coded) -> Area {
    let Area { mut x, y, width, height } = upright;
    if coded.mirrored {
        let across = if coded.quarter_turns % 2 == 1 { coded.height } else { coded.width };
        x = across - x - width;
    }
    let upright = Area { x, ..upright };
    match coded.quarter_turns % 4 {
        1 => Area { x: coded.width - y - height, y: x, width: height, height: width },
        2 => Area { x: coded.width - x - width, y: coded.height - y - height, width, height },
        3 => Area { x: y, y: coded.height - x - width, width: height, height: width },
        _ => upright,
    }
}

/// Every pixel of `target` that a mask touches; `None` where it lies outside.
fn masked(mask: Span2, region: Area, target: Area) -> Option<Area> {
    let edges = |from: f64, length: f64, start: usize, span: usize, to: usize, size: usize| {
        let scale = size as f64 / span as f64;
        let first = ((from - start as f64) * scale).floor().max(0.0) as usize;
        let last = ((from + length - start as f64) * scale).ceil().min(size as f64);
        let last = last.max(0.0) as usize;
        (first < last).then(|| (to + first, last - first))
    };
    let (x, width) = edges(mask.x, mask.width, region.x, region.width, target.x, target.width)?;
    let (y, height) = edges(mask.y, mask.height, region.y, region.height, target.y, target.height)?;
    Some(Area { x, y, width, height })
}

/// Copies RGB pixels, as coded, into `target` of a frame, upright.
///
/// `scaled` has `target`'s size (width and height changed over for odd turns), its rows
/// `stride` bytes apart; `frame` is `[rows, columns, 3]` without padding. the turns are those of
/// [`Coded`].
pub fn place(
    scaled: &[u8],
    stride: usize,
    (quarter_turns, mirrored): (u8, bool),
    frame: &mut [u8],
    columns: usize,
    target: Area,
) {
    let Area { x: left, y: top, width, height } = target;
    for row in 0..height {
        let start = ((top + row) * columns + left) * 3;
        let out = &mut frame[start..start + width * 3];
        match quarter_turns % 4 {
            0 if !mirrored => {
                out.copy_from_slice(&scaled[row * stride..row * stride + width * 3]);
            }
            turns => {
                for (column, pixel) in out.chunks_exact_mut(3).enumerate() {
                    let column = if mirrored { width - 1 - column } else { column };
                    let (x, y) = match turns {
                        0 => (column, row),
                        1 => (height - 1 - row, column),
                        2 => (width - 1 - column, height - 1 - row),
                        _ => (row, width - 1 - column),
                    };
                    pixel.copy_from_slice(&scaled[y * stride + x * 3..][..3]);
                }
            }
        }
    }
}

/// Fills `area` of a frame with one grey.
pub fn paint(frame: &mut [u8], columns: usize, area: Area, grey: u8) {
    for row in area.y..area.y + area.height {
        let start = (row * columns + area.x) * 3;
        frame[start..start + area.width * 3].fill(grey);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(x: usize, y: usize, width: usize, height: usize) -> Area {
        Area { x, y, width, height }
    }

    fn coded(width: usize, height: usize, quarter_turns: u8) -> Coded {
        Coded { width, height, pixel_aspect: 1.0, quarter_turns, mirrored: false }
    }

    fn rect(x: f32, y: f32, width: f32, height: f32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn stretch_takes_all_and_fills_all() {
        let map = Mapping::new(coded(1920, 1080, 0), [160, 200], Resize::Stretch, 1.0, None, &[]);
        assert_eq!((map.source, map.target), (area(0, 0, 1920, 1080), area(0, 0, 200, 160)));
        let map = Mapping::new(coded(1, 1, 0), [160, 160], Resize::Crop, 1.0, None, &[]);
        assert_eq!(map.source, area(0, 0, 1, 1));
    }

    #[test]
    fn crop_keeps_the_middle_and_pad_keeps_all_as_it_is_shown() {
        let wide = coded(1920, 1080, 0);
        let map = Mapping::new(wide, [100, 100], Resize::Crop, 1.0, None, &[]);
        assert_eq!(map.source, area(420, 0, 1080, 1080));
        let map = Mapping::new(wide, [100, 100], Resize::Pad, 1.0, None, &[]);
        assert_eq!(map.target, area(0, 22, 100, 56));
        // PAL widescreen: 720x576 with pixels of 64:45 is shown as 16:9.
        let pal = Coded { pixel_aspect: 64.0 / 45.0, ..coded(720, 576, 0) };
        let map = Mapping::new(pal, [90, 160], Resize::Pad, 1.0, None, &[]);
        assert_eq!(map.target, area(0, 0, 160, 90));
        let map = Mapping::new(pal, [100, 100], Resize::Crop, 1.0, None, &[]);
        assert_eq!(map.source, area(157, 0, 405, 576));
        // The same lying on its side.
        let turned = Coded { quarter_turns: 1, ..pal };
        let map = Mapping::new(turned, [160, 90], Resize::Pad, 1.0, None, &[]);
        assert_eq!(map.target, area(0, 0, 90, 160));
    }

    #[test]
    fn crops_and_masks_are_of_the_upright_picture() {
        // The upper left quarter, upright, of a 40x20 picture.
        let quarter = Some(rect(0.0, 0.0, 0.5, 0.5));
        let source = |turns| {
            Mapping::new(coded(40, 20, turns), [8, 8], Resize::Stretch, 1.0, quarter, &[]).source
        };
        assert_eq!(source(0), area(0, 0, 20, 10));
        assert_eq!(source(1), area(20, 0, 20, 10));
        assert_eq!(source(2), area(20, 10, 20, 10));
        assert_eq!(source(3), area(0, 10, 20, 10));
        let masks = [rect(0.0, 0.0, 0.25, 0.1), rect(0.9, 0.9, 0.1, 0.1)];
        let map = Mapping::new(coded(40, 20, 0), [8, 8], Resize::Stretch, 1.0, quarter, &masks);
        assert_eq!(map.masks, [area(0, 0, 4, 2)], "the second lies outside the crop");
    }

    #[test]
    fn turning_a_small_picture_by_hand() {
        // Coded 3x2 with stride 12: a b c / d e f.
        let pixel = |c: u8| [c, c, c];
        let mut scaled = Vec::new();
        for row in [*b"abc", *b"def"] {
            row.iter().for_each(|c| scaled.extend(pixel(*c)));
            scaled.extend([0; 3]);
        }
        let placed = |turns, mirrored, width, height| {
            let mut frame = vec![0; 18];
            place(&scaled, 12, (turns, mirrored), &mut frame, width, area(0, 0, width, height));
            frame.chunks(3).map(|pixel| pixel[0] as char).collect::<String>()
        };
        let turned = |turns, width, height| placed(turns, false, width, height);
        assert_eq!(turned(0, 3, 2), "abcdef");
        assert_eq!(turned(1, 2, 3), "cfbead");
        assert_eq!(turned(2, 3, 2), "fedcba");
        assert_eq!(turned(3, 2, 3), "daebfc");
        let mirrored = |turns, width, height| placed(turns, true, width, height);
        assert_eq!(mirrored(0, 3, 2), "cbafed");
        assert_eq!(mirrored(1, 2, 3), "fcebda");
        assert_eq!(mirrored(2, 3, 2), "defabc");
        assert_eq!(mirrored(3, 2, 3), "adbecf");
    }

    /// `int((224 / 256) * min(height, width))` and `(side - cropped) // 2`, worked out in Python;
    /// but never nothing.
    #[test]
    fn a_share_of_the_crop_is_rounded_as_hugging_face_does() {
        for (width, height, want) in [
            (640, 480, area(110, 30, 420, 420)),
            (500, 333, area(104, 21, 291, 291)),
            (333, 500, area(21, 104, 291, 291)),
            (256, 256, area(16, 16, 224, 224)),
            (257, 255, area(17, 16, 223, 223)),
            (1, 7, area(0, 3, 1, 1)),
            (3, 2, area(1, 0, 1, 1)),
        ] {
            let crop = |turns| {
                let coded = coded(width, height, turns);
                Mapping::new(coded, [224, 224], Resize::Crop, 0.875, None, &[]).source
            };
            assert_eq!(crop(0), want, "{width}x{height}");
            // Upright, the smaller half is left and above: of this one, as coded, right and below.
            let Area { x, y, width: side, .. } = want;
            let turned = area(width - x - side, height - y - side, side, side);
            assert_eq!(crop(2), turned, "{width}x{height}, upside down");
        }
        let mirrored = Coded { mirrored: true, ..coded(500, 333, 0) };
        let map = Mapping::new(mirrored, [224, 224], Resize::Crop, 0.875, None, &[]);
        assert_eq!(map.source, area(105, 21, 291, 291));
    }

    #[test]
    fn painting_stays_inside_its_area() {
        let mut frame = vec![0; 4 * 3 * 3];
        paint(&mut frame, 4, area(1, 1, 2, 1), 128);
        let painted: Vec<usize> = (0..12).filter(|i| frame[i * 3] == 128).collect();
        assert_eq!(painted, [5, 6]);
    }
}
