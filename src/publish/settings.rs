//! Where events go.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::lines::Lines;

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkSettings {
    /// JSON lines on standard output.
    Stdout,
    /// JSON lines appended to a file, which is made if it is missing; its folder is not.
    File { path: PathBuf },
}

/// A sink that cannot be used; told before anything starts.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(
        "cannot write events to {path}: there is no folder {folder}; make it, or write elsewhere"
    )]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write events to {path}: it is a folder; name a file in it")]
    IsFolder { path: PathBuf },
    #[error(
        "cannot write events to {path}: this user may not; change the owner or mode of the file \
         or its folder, or write elsewhere"
    )]
    Denied { path: PathBuf },
    #[error("cannot write events to {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot write events to standard output")]
    Stdout { source: io::Error },
    #[error("events are sent to {target} twice; leave one out")]
    Twice { target: String },
}

impl SinkSettings {
    /// What metrics call it: never a path.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File { .. } => "file",
        }
    }

    /// What people call it.
    pub(super) fn target(&self) -> String {
        match self {
            Self::Stdout => "standard output".into(),
            Self::File { path } => path.display().to_string(),
        }
    }

    /// Whether events could be written there, leaving nothing behind.
    pub fn check(&self) -> Result<(), PublishError> {
        let Self::File { path } = self else { return Ok(()) };
        let tried = match OpenOptions::new().append(true).open(path) {
            // Another percept may make it at any moment, so a file of another name is tried.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let trial = path.with_file_name(format!(".percept-{}", std::process::id()));
                let made = OpenOptions::new().write(true).create_new(true).open(&trial);
                made.and_then(|_| std::fs::remove_file(&trial))
            }
            opened => opened.map(drop),
        };
        tried.map_err(|cause| fault(path, cause))
    }

    pub(super) fn open(&self) -> Result<Lines, PublishError> {
        match self {
            Self::Stdout => Lines::stdout().map_err(|source| PublishError::Stdout { source }),
            Self::File { path } => Lines::append(path).map_err(|cause| fault(path, cause)),
        }
    }
}

fn fault(path: &Path, cause: io::Error) -> PublishError {
    let path = path.to_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match cause.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory if folder.is_some_and(|f| !f.is_dir()) => {
            let folder = folder.map(Path::to_owned).unwrap_or_default();
            PublishError::NoFolder { path, folder }
        }
        ErrorKind::IsADirectory => PublishError::IsFolder { path },
        ErrorKind::PermissionDenied => PublishError::Denied { path },
        _ => PublishError::Open { path, source: cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: PathBuf) -> String {
        SinkSettings::File { path }.check().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_written_is_told_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().display();
        assert_eq!(
            refused(dir.path().join("no/events.jsonl")),
            format!(
                "cannot write events to {here}/no/events.jsonl: there is no folder {here}/no; \
                 make it, or write elsewhere"
            )
        );
        assert_eq!(
            refused(dir.path().to_owned()),
            format!("cannot write events to {here}: it is a folder; name a file in it")
        );
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(refused(dir.path().join("file/events.jsonl")).contains("there is no folder"));
    }

    #[test]
    fn a_check_leaves_nothing_behind_and_harms_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let settings = SinkSettings::File { path: path.clone() };
        settings.check().unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "{}\n").unwrap();
        settings.check().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
    }

    #[test]
    fn a_file_that_ends_within_a_line_gets_a_line_feed_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let settings = SinkSettings::File { path: path.clone() };
        for (before, after) in [
            ("", "{}\n{}\n"),
            ("{\"v\":1}\n", "{\"v\":1}\n{}\n{}\n"),
            ("{\"v\":1,\"ki", "{\"v\":1,\"ki\n{}\n{}\n"),
        ] {
            std::fs::write(&path, before).unwrap();
            let mut lines = settings.open().unwrap();
            lines.push("{}");
            lines.push("{}");
            assert!(matches!(lines.write(), (2, Ok(()))));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }
}
