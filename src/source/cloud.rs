//! Point clouds out of files.
//!
//! PLY (text or binary; its `vertex` element's `x`, `y` and `z`) and plain text, a point a line (`.xyz`).
//! What comes out is as point models are trained (Jaegle et al. 2021,
//! section 4.4): centred, and scaled so that the farthest point is at distance 1.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use ply_rs_bw::parser::{ParseError, Parser, Reader};
use ply_rs_bw::ply::{DefaultElement, Property, PropertyAccess, PropertyAccessResult};

const CLOUDS: [&str; 2] = ["ply", "xyz"];
/// Above this a file is refused: a cloud of a room has some millions.
const MOST_POINTS: usize = 50_000_000;

/// Why a file is no point cloud.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    #[error("reading point cloud {path}: {cause}")]
    Read { path: PathBuf, cause: io::Error },
    #[error("reading point cloud {path}: {problem}; write PLY with x, y, z or a point a line")]
    Form { path: PathBuf, problem: String },
    #[error("reading point cloud {path}: the file is empty")]
    Empty { path: PathBuf },
    #[error("reading point cloud {path}: the file ends early, as if it were not all copied")]
    Cut { path: PathBuf },
    #[error("point cloud {path} has {found} points that are numbers, too few for a shape")]
    TooFew { path: PathBuf, found: usize },
    #[error(
        "point cloud {path} has no shape: its points all lie at one place, or out of all bounds"
    )]
    Shapeless { path: PathBuf },
}

/// Whether a file's name says that it is a point cloud.
pub fn is_cloud(path: &Path) -> bool {
    path.extension()
        .is_some_and(|suffix| CLOUDS.iter().any(|known| suffix.eq_ignore_ascii_case(known)))
}

/// `count` points of a file, f32 `[count, 3]`, centred and within distance 1.
///
/// Of more points an even choice is taken, the same each time; of fewer, points come again.
///
/// # Errors
/// The file cannot be read, is of neither form, has fewer than 4 finite points or no extent.
pub fn read_cloud(path: &Path, count: usize) -> Result<Vec<f32>, CloudError> {
    let failed = |cause| CloudError::Read { path: path.to_owned(), cause };
    let form = |problem| CloudError::Form { path: path.to_owned(), problem };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let begin = file.fill_buf().map_err(failed)?;
    if begin.is_empty() {
        return Err(CloudError::Empty { path: path.to_owned() });
    }
    let mut points = if begin.starts_with(b"ply") {
        ply(file).map_err(|fault| match fault {
            Fault::Cut => CloudError::Cut { path: path.to_owned() },
            Fault::Form(problem) => form(problem),
        })?
    } else {
        lines(file).map_err(form)?
    };
    let all = points.len();
    points.retain(|point| point.iter().all(|place| place.is_finite()));
    if points.len() < 4 {
        return Err(CloudError::TooFew { path: path.to_owned(), found: points.len() });
    }
    if points.len() < all {
        let passed_over = all - points.len();
        tracing::warn!(file = %path.display(), passed_over, "points that are no numbers");
    }
    let chosen = choose(&points, count);
    normalised(&chosen).ok_or_else(|| CloudError::Shapeless { path: path.to_owned() })
}

/// One vertex; every other property is passed over.
struct Vertex([f64; 3]);

impl PropertyAccess for Vertex {
    fn new() -> Self {
        Self([f64::NAN; 3])
    }

    fn set_property(&mut self, key: &str, property: Property) -> PropertyAccessResult {
        let axis = match key {
            "x" => 0,
            "y" => 1,
            "z" => 2,
            _ => return PropertyAccessResult::Ignored,
        };
        let value = match property {
            Property::Double(value) => Some(value),
            Property::Int(value) => Some(f64::from(value)),
            Property::UInt(value) => Some(f64::from(value)),
            other => other.to_f32_lossy().map(f64::from),
        };
        let Some(value) = value else { return PropertyAccessResult::UnsupportedType };
        self.0[axis] = value;
        PropertyAccessResult::Set
    }
}

/// Why a PLY file gives no points.
enum Fault {
    Cut,
    Form(String),
}

impl From<ParseError> for Fault {
    /// The parser's own words are of use to who writes parsers.
    fn from(error: ParseError) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Form(match error.line() {
                Some(line) => format!("line {line} is not as PLY has it"),
                None => "it is not as PLY has it".into(),
            }),
        }
    }
}

fn ply(file: impl BufRead) -> Result<Vec<[f64; 3]>, Fault> {
    let (vertices, others) = (Parser::<Vertex>::new(), Parser::<DefaultElement>::new());
    let mut file = Reader::new(file);
    let header = vertices.read_header(&mut file)?;
    for element in header.elements.values() {
        if element.count > MOST_POINTS {
            let problem = format!("{} elements `{}` are too many", element.count, element.name);
            return Err(Fault::Form(problem));
        }
        if element.name == "vertex" {
            if let Some(axis) =
                ["x", "y", "z"].into_iter().find(|axis| !element.properties.contains_key(*axis))
            {
                return Err(Fault::Form(format!("its vertices have no property `{axis}`")));
            }
            let read = vertices.read_payload_for_element(&mut file, element, &header)?;
            return Ok(read.into_iter().map(|vertex| vertex.0).collect());
        }
        others.read_payload_for_element(&mut file, element, &header)?;
    }
    Err(Fault::Form("it has no element `vertex`".into()))
}

/// Three numbers a line, and whatever follows them; separated by spaces, commas or semicolons.
/// Empty lines, and a first line of names, are passed over.
fn lines(file: impl BufRead) -> Result<Vec<[f64; 3]>, String> {
    let mut points = Vec::new();
    for (index, line) in file.lines().enumerate() {
        let line = line.map_err(|error| format!("line {}: {error}", index + 1))?;
        let mut fields = line
            .split(|c: char| c.is_whitespace() || c == ',' || c == ';')
            .filter(|field| !field.is_empty());
        let point = [fields.next(), fields.next(), fields.next()]
            .map(|field| field.and_then(|field| field.parse::<f64>().ok()));
        match point {
            [Some(x), Some(y), Some(z)] => points.push([x, y, z]),
            _ if index == 0 || line.trim().is_empty() || line.starts_with('#') => {}
            _ => return Err(format!("line {} is not three numbers", index + 1)),
        }
        if points.len() > MOST_POINTS {
            return Err(format!("more than {MOST_POINTS} points"));
        }
    }
    Ok(points)
}

fn choose(points: &[[f64; 3]], count: usize) -> Vec<[f64; 3]> {
    // An even stride over a fixed shuffle: files list points part by part.
    let mut order: Vec<usize> = (0..points.len()).collect();
    fastrand::Rng::with_seed(0).shuffle(&mut order);
    (0..count).map(|i| points[order[i % order.len()]]).collect()
}

/// f32 `[points, 3]`; `None` where they have no extent that can be told. Until then in f64: on a
/// map a metre is the seventh digit.
fn normalised(points: &[[f64; 3]]) -> Option<Vec<f32>> {
    let count = points.len() as f64;
    let centre = [0, 1, 2].map(|axis| points.iter().map(|point| point[axis] / count).sum::<f64>());
    let distance = |point: &[f64; 3]| {
        let [x, y, z] = [0, 1, 2].map(|axis| point[axis] - centre[axis]);
        x.hypot(y).hypot(z)
    };
    let farthest = points.iter().map(distance).fold(0.0, f64::max);
    if !(farthest.is_normal()) {
        return None;
    }
    let place =
        |point: &[f64; 3]| [0, 1, 2].map(|axis| ((point[axis] - centre[axis]) / farthest) as f32);
    Some(points.iter().flat_map(place).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn cloud(name: &str, bytes: &[u8], count: usize) -> Result<Vec<f32>, CloudError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        File::create(&path).unwrap().write_all(bytes).unwrap();
        read_cloud(&path, count)
    }

    /// The corners of a square of side 2 around (10, 20, 30), in the order of the file's lines.
    const CORNERS: &str = "9 19 30\n11 19 30\n9 21 30\n11 21 30\n";

    fn sorted(points: Vec<f32>) -> Vec<[i32; 3]> {
        let rounded = |p: &[f32; 3]| p.map(|place| (place * 1000.0).round() as i32);
        let mut points: Vec<_> = points.as_chunks::<3>().0.iter().map(rounded).collect();
        points.sort_unstable();
        points
    }

    const WANTED: [[i32; 3]; 4] = [[-707, -707, 0], [-707, 707, 0], [707, -707, 0], [707, 707, 0]];

    #[test]
    fn text_and_both_kinds_of_ply_give_the_same_points() {
        let header = |format: &str| {
            format!(
                "ply\nformat {format} 1.0\nelement vertex 4\nproperty float x\nproperty double y\n\
                 property float z\nproperty uchar red\nend_header\n"
            )
        };
        let mut text = header("ascii").into_bytes();
        let mut binary = header("binary_little_endian").into_bytes();
        for line in CORNERS.lines() {
            text.extend(format!("{line} 255\n").bytes());
            let numbers: Vec<f32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
            binary.extend(numbers[0].to_le_bytes());
            binary.extend(f64::from(numbers[1]).to_le_bytes());
            binary.extend(numbers[2].to_le_bytes());
            binary.push(255);
        }
        let named = format!("x,y,z,intensity\n{}", CORNERS.replace(' ', ",").replace('\n', ",7\n"));
        for (name, bytes) in [
            ("a.xyz", CORNERS.as_bytes()),
            ("b.ply", &text),
            ("c.ply", &binary),
            ("d.xyz", named.as_bytes()),
        ] {
            assert_eq!(sorted(cloud(name, bytes, 4).unwrap()), WANTED, "{name}");
        }
    }

    #[test]
    fn any_count_is_met_and_the_same_each_time() {
        assert_eq!(cloud("a.xyz", CORNERS.as_bytes(), 9).unwrap().len(), 27);
        let many: String = (0..500).map(|i| format!("{i} {} {}\n", i * i % 97, i % 13)).collect();
        let first = cloud("a.xyz", many.as_bytes(), 64).unwrap();
        assert_eq!(first, cloud("a.xyz", many.as_bytes(), 64).unwrap());
        let far = first.as_chunks::<3>().0.iter().map(|p| p.iter().map(|x| x * x).sum::<f32>());
        assert!((far.fold(0.0, f32::max) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn neither_a_place_far_away_nor_a_scale_changes_the_shape() {
        let text = |scale: f64, shift: f64| -> String {
            let line = |i: usize| {
                let turn = i as f64 * 0.7;
                let point = [turn.sin(), turn.cos() * 0.5, (turn * 0.3).sin() * 0.2];
                point.map(|place| format!("{:e} ", place * scale + shift)).concat() + "\n"
            };
            (0..60).map(line).collect()
        };
        let here = cloud("a.xyz", text(1.0, 0.0).as_bytes(), 50).unwrap();
        for (scale, shift) in [(1.0, 5_400_000.0), (1e37, 0.0), (1e-40, 0.0), (1e200, 0.0)] {
            let there = cloud("a.xyz", text(scale, shift).as_bytes(), 50).unwrap();
            let apart = here.iter().zip(&there).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-6, "{scale:e} {shift}: {apart}");
        }
    }

    #[test]
    fn what_is_no_cloud_is_told() {
        let header = "ply\nformat ascii 1.0\nelement vertex 5\nproperty float";
        let cut = format!("{header} x\nproperty float y\nproperty float z\nend_header\n1 2 3\n");
        let upper = format!("{header} X\nend_header\n1\n2\n3\n4\n5\n");
        for (bytes, why) in [
            (&b""[..], "is empty"),
            (cut.as_bytes(), "ends early"),
            (upper.as_bytes(), "no property `x`"),
            ("1 1 1\n".repeat(9).as_bytes(), "no shape"),
            (&b"1 2 3\nfour five six\n"[..], "line 2 is not three numbers"),
            (b"1 2 3\n4 5 6\n", "2 points"),
            (b"ply\nformat ascii 1.0\nelement face 0\nend_header\n", "no element `vertex`"),
            (b"ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\nend_header\n", "too many"),
            (b"nan nan nan\n1 2 3\n1 2 3\n1 2 3\n", "3 points"),
        ] {
            let told = cloud("a.ply", bytes, 4).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
