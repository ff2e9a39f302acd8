//! A folder as a list of sources, and pictures told from clips.

use std::path::{Path, PathBuf};

use super::{Location, LocationError, is_cloud};

const CLIPS: [&str; 26] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "m2ts", "mts", "mpg", "mpeg", "flv", "wmv",
    "asf", "3gp", "ogv", "mxf", "h264", "264", "h265", "265", "hevc", "mjpeg", "mjpg", "y4m",
    "gif",
];
const SOUNDS: [&str; 11] =
    ["wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "aiff", "aif", "wma"];
const PICTURES: [&str; 8] = ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "ppm"];

/// Whether a file's name says that it is one picture.
pub fn is_picture(path: &Path) -> bool {
    has_suffix(path, &PICTURES)
}

/// Whether a file's name says that it is looked at once, on its own: a picture or a point cloud.
pub fn is_single(path: &Path) -> bool {
    is_picture(path) || is_cloud(path)
}

/// What a model takes, as far as it says which files of a folder are for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Takes {
    /// Pictures: single ones, or as the frames of a clip.
    pub pictures: bool,
    /// Several frames at once, so that a single picture is not enough.
    pub clips_alone: bool,
    pub sound: bool,
    pub points: bool,
}

impl Takes {
    /// Where nothing is known of the model.
    pub const ANYTHING: Self =
        Self { pictures: true, clips_alone: false, sound: true, points: true };

    fn is_for(self, path: &Path) -> bool {
        if is_picture(path) {
            self.pictures && !self.clips_alone
        } else if is_cloud(path) {
            self.points
        } else if has_suffix(path, &SOUNDS) {
            self.sound
        } else {
            self.pictures || self.sound
        }
    }
}

/// What there is to watch at a location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Each watched on its own.
    pub clips: Vec<Location>,
    /// Pictures and point clouds, looked at one after another.
    pub pictures: Vec<PathBuf>,
    /// Media files of a folder that the model does not take.
    pub passed_over: usize,
}

/// The sources that `location` stands for: a folder's media files that the model takes, in order of
/// their names, not looking into folders inside it; anything else is itself.
///
/// Hidden files and names without a media suffix are passed over; so are media that the model does
/// not take, and where there is nothing else that is an error. So is a single picture where the
/// model wants clips.
pub fn expand(location: &Location, takes: Takes) -> Result<Found, LocationError> {
    let singles = |files: &[PathBuf]| match files.iter().find(|path| is_picture(path)) {
        Some(path) if takes.clips_alone => Err(LocationError::PicturesOnly { path: path.clone() }),
        _ => Ok(Found { pictures: files.to_vec(), ..Found::default() }),
    };
    match location {
        Location::Folder(folder) => media_in(folder, takes),
        Location::File(path) if is_single(path) => singles(std::slice::from_ref(path)),
        Location::Pictures(files) => singles(files),
        other => Ok(Found { clips: vec![other.clone()], ..Found::default() }),
    }
}

fn media_in(folder: &Path, takes: Takes) -> Result<Found, LocationError> {
    let unreadable = |error: std::io::Error| LocationError::Unreadable {
        path: folder.to_owned(),
        why: error.kind(),
    };
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        let media = has_suffix(&path, &CLIPS) || has_suffix(&path, &SOUNDS) || is_single(&path);
        if hidden || !media || !path.is_file() {
            continue;
        }
        if takes.is_for(&path) { files.push(path) } else { others.push(path) }
    }
    if files.is_empty() {
        let path = folder.to_owned();
        return Err(if others.is_empty() {
            LocationError::EmptyFolder { path }
        } else if takes.clips_alone && others.iter().all(|other| is_picture(other)) {
            LocationError::PicturesOnly { path }
        } else {
            LocationError::NothingForModel { path, files: others.len() }
        });
    }
    files.sort();
    let (pictures, clips) = files.into_iter().partition(|path| is_single(path));
    let clips = Vec::into_iter(clips).map(Location::File).collect();
    Ok(Found { clips, pictures, passed_over: others.len() })
}

fn has_suffix(path: &Path, suffixes: &[&str]) -> bool {
    path.extension()
        .is_some_and(|suffix| suffixes.iter().any(|known| suffix.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIFIER: Takes =
        Takes { pictures: true, clips_alone: false, sound: false, points: false };
    const WATCHER: Takes = Takes { clips_alone: true, ..CLASSIFIER };
    const LISTENER: Takes = Takes { pictures: false, sound: true, ..CLASSIFIER };
    const FEELER: Takes = Takes { pictures: false, points: true, ..CLASSIFIER };

    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_is_its_files_by_name_that_the_model_takes() {
        let folder = folder_of(&[
            "b.MP4",
            "a.mkv",
            ".hidden.mp4",
            "notes.txt",
            "d.jpg",
            "c.PNG",
            "e.wav",
            "f.ply",
        ]);
        std::fs::create_dir(folder.path().join("d.mp4")).unwrap();
        let location = Location::Folder(folder.path().into());
        for (takes, clips, pictures) in [
            (CLASSIFIER, &["a", "b"][..], &["c.PNG", "d.jpg"][..]),
            (WATCHER, &["a", "b"], &[]),
            (LISTENER, &["a", "b", "e"], &[]),
            (FEELER, &[], &["f.ply"]),
            (Takes::ANYTHING, &["a", "b", "e"], &["c.PNG", "d.jpg", "f.ply"]),
        ] {
            let found = expand(&location, takes).unwrap();
            let names: Vec<_> = found.clips.iter().map(Location::default_stream_name).collect();
            assert_eq!(names, clips, "{takes:?}");
            let paths: Vec<_> = pictures.iter().map(|name| folder.path().join(name)).collect();
            assert_eq!(found.pictures, paths, "{takes:?}");
            assert_eq!(found.passed_over, 6 - clips.len() - pictures.len(), "{takes:?}");
        }
    }

    #[test]
    fn folders_without_anything_for_the_model_say_so() {
        let at = |folder: &tempfile::TempDir| Location::Folder(folder.path().into());
        let empty = folder_of(&["notes.txt"]);
        for takes in [CLASSIFIER, WATCHER, Takes::ANYTHING] {
            let refused = expand(&at(&empty), takes);
            assert!(matches!(refused, Err(LocationError::EmptyFolder { .. })));
        }
        let pictures = folder_of(&["a.png"]);
        let picture = Location::File(pictures.path().join("a.png"));
        for location in [at(&pictures), picture] {
            assert_eq!(expand(&location, CLASSIFIER).unwrap().pictures.len(), 1);
            let refused = expand(&location, WATCHER).unwrap_err();
            assert!(matches!(refused, LocationError::PicturesOnly { .. }), "{refused}");
        }
        let refused = expand(&at(&pictures), LISTENER).unwrap_err();
        assert!(matches!(refused, LocationError::NothingForModel { files: 1, .. }), "{refused}");
    }
}
