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
    pub fn new(
        coded: Coded,
        size: [usize; 2],
        resize: Resize,
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
                let wanted = model_width / model_height;
                if shown > wanted * region.height {
                    region = region.narrowed(wanted * region.height / aspect, region.height);
                } else {
                    region = region.narrowed(region.width, shown / wanted);
                }
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

    /// The middle of it.
    fn narrowed(self, width: f64, height: f64) -> Self {
        Self {
            x: self.x + (self.width - width) / 2.0,
            y: self.y + (self.height - height) / 2.0,
            width,
            height,
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

/// An upright rectangle in the coded picture.
fn coded_area(upright: Area, coded: Coded) -> Area {
    let Area { x, y, width, height } = upright;
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

/// Copies scaled RGB pixels, as coded, into `target` of a frame, upright.
///
/// `scaled` has `target`'s size (width and height changed over for odd turns), its rows
/// `stride` bytes apart; `frame` is `[rows, columns, 3]` without padding.
pub fn place(
    scaled: &[u8],
    stride: usize,
    quarter_turns: u8,
    frame: &mut [u8],
    columns: usize,
    target: Area,
) {
    let Area { x: left, y: top, width, height } = target;
    for row in 0..height {
        let start = ((top + row) * columns + left) * 3;
        let out = &mut frame[start..start + width * 3];
        match quarter_turns % 4 {
            0 => out.copy_from_slice(&scaled[row * stride..row * stride + width * 3]),
            turns => {
                for (column, pixel) in out.chunks_exact_mut(3).enumerate() {
                    let (x, y) = match turns {
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
        Coded { width, height, pixel_aspect: 1.0, quarter_turns }
    }

    fn rect(x: f32, y: f32, width: f32, height: f32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn stretch_takes_all_and_fills_all() {
        let map = Mapping::new(coded(1920, 1080, 0), [160, 200], Resize::Stretch, None, &[]);
        assert_eq!((map.source, map.target), (area(0, 0, 1920, 1080), area(0, 0, 200, 160)));
        let map = Mapping::new(coded(1, 1, 0), [160, 160], Resize::Crop, None, &[]);
        assert_eq!(map.source, area(0, 0, 1, 1));
    }

    #[test]
    fn crop_keeps_the_middle_and_pad_keeps_all_as_it_is_shown() {
        let wide = coded(1920, 1080, 0);
        let map = Mapping::new(wide, [100, 100], Resize::Crop, None, &[]);
        assert_eq!(map.source, area(420, 0, 1080, 1080));
        let map = Mapping::new(wide, [100, 100], Resize::Pad, None, &[]);
        assert_eq!(map.target, area(0, 22, 100, 56));
        // PAL widescreen: 720x576 with pixels of 64:45 is shown as 16:9.
        let pal = Coded { pixel_aspect: 64.0 / 45.0, ..coded(720, 576, 0) };
        let map = Mapping::new(pal, [90, 160], Resize::Pad, None, &[]);
        assert_eq!(map.target, area(0, 0, 160, 90));
        let map = Mapping::new(pal, [100, 100], Resize::Crop, None, &[]);
        assert_eq!(map.source, area(158, 0, 405, 576));
        // The same lying on its side.
        let turned = Coded { quarter_turns: 1, ..pal };
        let map = Mapping::new(turned, [160, 90], Resize::Pad, None, &[]);
        assert_eq!(map.target, area(0, 0, 90, 160));
    }

    #[test]
    fn crops_and_masks_are_of_the_upright_picture() {
        // The upper left quarter, upright, of a 40x20 picture.
        let quarter = Some(rect(0.0, 0.0, 0.5, 0.5));
        let source = |turns| {
            Mapping::new(coded(40, 20, turns), [8, 8], Resize::Stretch, quarter, &[]).source
        };
        assert_eq!(source(0), area(0, 0, 20, 10));
        assert_eq!(source(1), area(20, 0, 20, 10));
        assert_eq!(source(2), area(20, 10, 20, 10));
        assert_eq!(source(3), area(0, 10, 20, 10));
        let masks = [rect(0.0, 0.0, 0.25, 0.1), rect(0.9, 0.9, 0.1, 0.1)];
        let map = Mapping::new(coded(40, 20, 0), [8, 8], Resize::Stretch, quarter, &masks);
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
        let turned = |turns, width, height| {
            let mut frame = vec![0; 18];
            place(&scaled, 12, turns, &mut frame, width, area(0, 0, width, height));
            frame.chunks(3).map(|pixel| pixel[0] as char).collect::<String>()
        };
        assert_eq!(turned(0, 3, 2), "abcdef");
        assert_eq!(turned(1, 2, 3), "cfbead");
        assert_eq!(turned(2, 3, 2), "fedcba");
        assert_eq!(turned(3, 2, 3), "daebfc");
    }

    #[test]
    fn painting_stays_inside_its_area() {
        let mut frame = vec![0; 4 * 3 * 3];
        paint(&mut frame, 4, area(1, 1, 2, 1), 128);
        let painted: Vec<usize> = (0..12).filter(|i| frame[i * 3] == 128).collect();
        assert_eq!(painted, [5, 6]);
    }
}
