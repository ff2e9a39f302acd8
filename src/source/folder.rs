//! A folder as a list of sources, and pictures told from clips.

use std::path::{Path, PathBuf};

use super::{Location, LocationError, is_cloud};

const CLIPS: [&str; 26] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "m2ts", "mts", "mpg", "mpeg", "flv", "wmv",
    "asf", "3gp", "ogv", "mxf", "h264", "264", "h265", "265", "hevc", "mjpeg", "mjpg", "y4m",
    "gif",
];
const PICTURES: [&str; 8] = ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "ppm"];

/// Whether a file's name says that it is one picture.
pub fn is_picture(path: &Path) -> bool {
    has_suffix(path, &PICTURES)
}

/// Whether a file's name says that it is looked at once, on its own: a picture or a point cloud.
pub fn is_single(path: &Path) -> bool {
    is_picture(path) || is_cloud(path)
}

/// What there is to watch at a location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Each watched on its own.
    pub clips: Vec<Location>,
    /// Pictures and point clouds, looked at one after another.
    pub pictures: Vec<PathBuf>,
}

/// The sources that `location` stands for: a folder's media files in order of their
/// names, not looking into folders inside it; anything else is itself.
///
/// Hidden files and names without a media suffix are passed over. `wants_clips`: pictures
/// that lie beside clips are passed over too, and where there is nothing but pictures that
/// is an error.
pub fn expand(location: &Location, wants_clips: bool) -> Result<Found, LocationError> {
    let mut found = match location {
        Location::Folder(folder) => media_in(folder)?,
        Location::File(path) if is_single(path) => {
            Found { pictures: vec![path.clone()], ..Found::default() }
        }
        Location::Pictures(files) => Found { pictures: files.to_vec(), ..Found::default() },
        other => Found { clips: vec![other.clone()], ..Found::default() },
    };
    if wants_clips {
        if let ([], [first, ..]) = (&*found.clips, &*found.pictures) {
            let path = match location {
                Location::Folder(folder) => folder,
                _ => first,
            };
            return Err(LocationError::PicturesOnly { path: path.clone() });
        }
        found.pictures.clear();
    }
    Ok(found)
}

fn media_in(folder: &Path) -> Result<Found, LocationError> {
    let unreadable = |error: std::io::Error| LocationError::Unreadable {
        path: folder.to_owned(),
        why: error.kind(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.is_file() && (has_suffix(&path, &CLIPS) || is_single(&path)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(LocationError::EmptyFolder { path: folder.to_owned() });
    }
    files.sort();
    let (pictures, clips) = files.into_iter().partition(|path| is_single(path));
    Ok(Found { pictures, clips: Vec::into_iter(clips).map(Location::File).collect() })
}

fn has_suffix(path: &Path, suffixes: &[&str]) -> bool {
    path.extension()
        .is_some_and(|suffix| suffixes.iter().any(|known| suffix.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_media_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.MP4", "a.mkv", ".hidden.mp4", "notes.txt", "d.jpg", "c.PNG"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.mp4")).unwrap();
        let location = Location::Folder(folder.path().into());
        let found = expand(&location, false).unwrap();
        let names: Vec<_> = found.clips.iter().map(Location::default_stream_name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(found.pictures, ["c.PNG", "d.jpg"].map(|name| folder.path().join(name)));
        let clips_alone = expand(&location, true).unwrap();
        assert_eq!(clips_alone, Found { pictures: Vec::new(), ..found });
    }

    #[test]
    fn folders_without_clips_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Folder(folder.path().into());
        for wants_clips in [false, true] {
            let refused = expand(&location, wants_clips);
            assert!(matches!(refused, Err(LocationError::EmptyFolder { .. })));
        }
        let picture = folder.path().join("a.png");
        std::fs::write(&picture, b"x").unwrap();
        for location in [location, Location::File(picture)] {
            assert_eq!(expand(&location, false).unwrap().pictures.len(), 1);
            let refused = expand(&location, true).unwrap_err();
            assert!(matches!(refused, LocationError::PicturesOnly { .. }), "{refused}");
        }
    }
}
