//! Point clouds out of files.
//!
//! PLY (text or binary; its `vertex` element's `x`, `y` and `z`) and plain text (`.xyz`): a point a
//! line, or a molecule. What comes out is as point models are trained (Jaegle et al. 2021,
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
/// Of more points an even choice is taken, the same each time; of fewer, points come again. Centre and
/// scale are those of the points that are taken, each of them counted once.
///
/// # Errors
/// The file cannot be read, is of neither form, has fewer than 4 finite points or no extent.
pub fn read_cloud(path: &Path, count: usize) -> Result<Vec<f32>, CloudError> {
    let failed = |cause| CloudError::Read { path: path.to_owned(), cause };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let begin = file.fill_buf().map_err(failed)?;
    if begin.is_empty() {
        return Err(CloudError::Empty { path: path.to_owned() });
    }
    let read = if begin.starts_with(b"ply") { ply(file) } else { lines(file, path) };
    let mut points = read.map_err(|fault| match fault {
        Fault::Cut => CloudError::Cut { path: path.to_owned() },
        Fault::Form(problem) => CloudError::Form { path: path.to_owned(), problem },
    })?;
    let all = points.len();
    points.retain(|point| point.iter().all(|place| place.is_finite()));
    if points.len() < 4 {
        return Err(CloudError::TooFew { path: path.to_owned(), found: points.len() });
    }
    if points.len() < all {
        let passed_over = all - points.len();
        tracing::warn!(file = %path.display(), passed_over, "points that are no numbers");
    }
    let chosen = normalised(&choose(&points, count));
    let chosen = chosen.ok_or_else(|| CloudError::Shapeless { path: path.to_owned() })?;
    Ok(chosen.into_iter().cycle().take(count * 3).collect())
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

/// Why a file gives no points.
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
/// Empty lines, and a first line of names or of the points' number, are passed over. Or a
/// molecule: see [`atoms`].
fn lines(file: impl BufRead, path: &Path) -> Result<Vec<[f64; 3]>, Fault> {
    let number = |(index, line): (usize, io::Result<String>)| match line {
        Ok(line) => Ok((index + 1, line)),
        Err(error) => Err(Fault::Form(format!("line {}: {error}", index + 1))),
    };
    let mut lines = file.lines().enumerate().map(number);
    let head: Vec<_> = lines.by_ref().take(3).collect::<Result<_, _>>()?;
    let molecule = atom_count(&head);
    let lines = head.into_iter().map(Ok).chain(lines);
    if let Some(count) = molecule {
        return atoms(count, lines, path);
    }
    let mut points = Vec::new();
    for line in lines {
        let (number, line) = line?;
        match three_numbers(fields(&line)) {
            Some(point) => points.push(point),
            None if number == 1 || line.trim().is_empty() || line.starts_with('#') => {}
            None => return Err(Fault::Form(format!("line {number} is not three numbers"))),
        }
        if points.len() > MOST_POINTS {
            return Err(Fault::Form(format!("more than {MOST_POINTS} points")));
        }
    }
    Ok(points)
}

/// The number of atoms, where a text begins as chemistry programs write a molecule: with that, a
/// comment, and an atom. A comment is told from a point by what it says, or by an element's
/// symbol below it.
fn atom_count(head: &[(usize, String)]) -> Option<usize> {
    let [(_, count), (_, comment), (_, first)] = head else { return None };
    let count = count.trim().parse().ok()?;
    let has_symbol = first.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
    let molecule = three_numbers(fields(comment)).is_none() || has_symbol;
    (molecule && atom(first).is_some()).then_some(count)
}

/// Molecules as chemistry programs write them (XYZ): the number of atoms, a comment, and an atom a
/// line: an element's symbol or number, three numbers, and whatever follows them. Of several, such
/// as the steps of a simulation, the first is taken.
fn atoms(
    count: usize,
    lines: impl Iterator<Item = Result<(usize, String), Fault>>,
    path: &Path,
) -> Result<Vec<[f64; 3]>, Fault> {
    if count > MOST_POINTS {
        return Err(Fault::Form(format!("{count} atoms are too many")));
    }
    let mut lines = lines.skip(2);
    let mut points = Vec::new();
    for _ in 0..count {
        let (number, line) = lines.next().ok_or(Fault::Cut)??;
        let wrong = || format!("line {number} is no atom: an element and three numbers");
        points.push(atom(&line).ok_or_else(|| Fault::Form(wrong()))?);
    }
    if lines.any(|line| line.is_ok_and(|(_, line)| !line.trim().is_empty())) {
        tracing::warn!(file = %path.display(), "what follows the first molecule is passed over");
    }
    Ok(points)
}

/// Where an atom is; a line of three numbers alone has no element.
fn atom(line: &str) -> Option<[f64; 3]> {
    three_numbers(fields(line).skip(1)).or_else(|| three_numbers(fields(line)))
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .filter(|field| !field.is_empty())
}

fn three_numbers<'a>(fields: impl Iterator<Item = &'a str>) -> Option<[f64; 3]> {
    let mut numbers = fields.map(|field| field.parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

/// At most `count` of the points.
fn choose(points: &[[f64; 3]], count: usize) -> Vec<[f64; 3]> {
    // Of a fixed shuffle: files list points part by part.
    let mut order: Vec<usize> = (0..points.len()).collect();
    fastrand::Rng::with_seed(0).shuffle(&mut order);
    order.into_iter().take(count).map(|at| points[at]).collect()
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
    fn points_that_come_again_do_not_move_the_centre() {
        let mut points = sorted(cloud("a.xyz", CORNERS.as_bytes(), 9).unwrap());
        points.dedup();
        assert_eq!(points, WANTED);
    }

    #[test]
    fn a_molecule_is_its_atoms() {
        let xyz = |comment: &str, element: &[&str], rest: &str| -> String {
            let atom = |(line, element): (&str, &&str)| format!("{element} {line} 0.5\n");
            let atoms: String = CORNERS.lines().zip(element).map(atom).collect();
            format!("{} \n{comment}\n{atoms}{rest}", element.len())
        };
        let (symbols, numbers) = (["C", "H", "Cl", "Na1"], ["6", "1", "17", "11"]);
        for text in [
            xyz("", &symbols, ""),
            xyz("methane, by hand", &symbols, "\n"),
            xyz("-76.4 0.0 0.1", &symbols, ""),
            xyz("Lattice=\"5 0 0\"", &numbers, ""),
            xyz("step 1", &symbols, "4\nstep 2\nC 0 0 0\nC 1 0 0\nC 2 0 0\nC 3 0 1\n"),
            // No molecule: the number of points, and they.
            format!("4\n{CORNERS}"),
            format!("4\na comment\n{CORNERS}"),
        ] {
            assert_eq!(sorted(cloud("a.xyz", text.as_bytes(), 4).unwrap()), WANTED, "{text}");
        }
        for (text, why) in [
            (xyz("", &symbols, "").replace("4 \n", "5\n"), "ends early"),
            (xyz("", &symbols, "").replace("Cl 9 21", "Cl 9 b"), "line 5 is no atom"),
            (xyz("", &symbols[..3], ""), "3 points"),
        ] {
            let told = cloud("a.xyz", text.as_bytes(), 4).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
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
