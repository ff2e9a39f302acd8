//! A folder as a list of sources.

use std::path::Path;

use super::{Location, LocationError};

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

/// The sources that `location` stands for: a folder's media files in order of their
/// names, not looking into folders inside it; anything else is itself.
///
/// Hidden files and names without a media suffix are passed over. Where clips and
/// pictures lie together, all are taken.
pub fn expand(location: &Location) -> Result<Vec<Location>, LocationError> {
    let Location::Folder(folder) = location else { return Ok(vec![location.clone()]) };
    let unreadable = |error: std::io::Error| LocationError::Unreadable {
        path: folder.clone(),
        why: error.kind(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.is_file() && (has_suffix(&path, &CLIPS) || is_picture(&path)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(LocationError::EmptyFolder { path: folder.clone() });
    }
    files.sort();
    Ok(files.into_iter().map(Location::File).collect())
}

/// Refuses a folder, expanded to `files`, that holds single pictures only: for models
/// that want more than one frame.
pub fn require_clips(folder: &Location, files: &[Location]) -> Result<(), LocationError> {
    let picture = |file: &Location| matches!(file, Location::File(path) if is_picture(path));
    match folder {
        Location::Folder(path) if files.iter().all(picture) => {
            Err(LocationError::PicturesOnly { path: path.clone() })
        }
        _ => Ok(()),
    }
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
        for name in ["b.MP4", "a.mkv", ".hidden.mp4", "notes.txt", "c.jpg"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.mp4")).unwrap();
        let location = Location::Folder(folder.path().into());
        let files = expand(&location).unwrap();
        let names: Vec<_> = files.iter().map(Location::default_stream_name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(require_clips(&location, &files), Ok(()));
    }

    #[test]
    fn folders_without_clips_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Folder(folder.path().into());
        assert!(matches!(expand(&location), Err(LocationError::EmptyFolder { .. })));
        std::fs::write(folder.path().join("a.png"), b"x").unwrap();
        let files = expand(&location).unwrap();
        let refused = require_clips(&location, &files).unwrap_err();
        assert!(matches!(refused, LocationError::PicturesOnly { .. }), "{refused}");
    }
}
