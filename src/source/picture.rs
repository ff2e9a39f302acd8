//! How a picture lies in its file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use exif::{In, Reader, Tag};

/// What shows a picture upright: it is turned, then left and right are changed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// Counter-clockwise, 0 to 3.
    pub quarter_turns: u8,
    pub mirrored: bool,
}

/// By the tag `Orientation` of its EXIF data; FFmpeg does not read it from every format.
///
/// A picture without one, or with one that makes no sense, lies as it is to be shown.
pub(super) fn orientation(path: &Path) -> Orientation {
    let read = || {
        let file = File::open(path).ok()?;
        let exif = Reader::new().read_from_container(&mut BufReader::new(file)).ok()?;
        exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0)
    };
    read().map_or_else(Orientation::default, from_exif)
}

/// Exif 2.32, section 4.6.4, tag 274.
fn from_exif(value: u32) -> Orientation {
    let (quarter_turns, mirrored) = match value {
        2 => (0, true),
        3 => (2, false),
        4 => (2, true),
        5 => (3, true),
        6 => (3, false),
        7 => (1, true),
        8 => (1, false),
        _ => (0, false),
    };
    Orientation { quarter_turns, mirrored }
}
