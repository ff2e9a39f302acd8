//! Where events go.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::lines::Lines;

/// Links that lead on to another, as many as Linux follows.
const MOST_LINKS: usize = 40;

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
    #[error(
        "cannot write events to {path}: it is a pipe that nobody reads; start its reader first"
    )]
    NoReader { path: PathBuf },
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

    /// Whether events could be written there, leaving nothing behind. Whether anybody reads a
    /// pipe is found out at opening.
    pub fn check(&self) -> Result<(), PublishError> {
        let Self::File { path } = self else { return Ok(()) };
        if is_pipe(path) {
            // To open it and to close it again would end its reader.
            return access(path, Access::WRITE_OK).map_err(|cause| fault(path, cause.into()));
        }
        let tried = match OpenOptions::new().append(true).open(path) {
            // Another percept may make it at any moment, so a file of another name is tried.
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                let name = format!(".percept-{}", std::process::id());
                let trial = destination(path).with_file_name(name);
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

/// Where a file would be made: links to what is not there are followed.
fn destination(path: &Path) -> Cow<'_, Path> {
    let mut at = Cow::Borrowed(path);
    for _ in 0..MOST_LINKS {
        let Ok(target) = at.read_link() else { break };
        at = Cow::Owned(at.with_file_name("").join(target));
    }
    at
}

fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| there.file_type().is_fifo())
}

fn fault(path: &Path, cause: io::Error) -> PublishError {
    let folder = match cause.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            destination(path).parent().map(Path::to_owned)
        }
        _ => None,
    };
    let no_reader = cause.raw_os_error() == Some(Errno::NXIO.raw_os_error()) && is_pipe(path);
    let path = path.to_owned();
    if let Some(folder) = folder.filter(|f| !f.as_os_str().is_empty() && !f.is_dir()) {
        return PublishError::NoFolder { path, folder };
    }
    match cause.kind() {
        _ if no_reader => PublishError::NoReader { path },
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
    fn a_link_is_followed_to_where_the_file_would_be() {
        let dir = tempfile::tempdir().unwrap();
        let link = |to: &str, name: &str| {
            let path = dir.path().join(name);
            std::os::unix::fs::symlink(to, &path).unwrap();
            path
        };
        let lost = link("gone/events.jsonl", "lost");
        let said = refused(link("lost", "twice"));
        assert!(
            said.contains(&format!("/twice: there is no folder {}/gone", dir.path().display()))
        );
        assert!(matches!(Lines::append(&lost), Err(cause) if cause.kind() == ErrorKind::NotFound));
        link("circle", "circle");
        assert!(refused(dir.path().join("circle")).ends_with("circle"));
        let good = SinkSettings::File { path: link("events.jsonl", "good") };
        good.check().unwrap();
        drop(good.open().unwrap());
        assert!(dir.path().join("events.jsonl").exists());
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let settings = SinkSettings::File { path: path.clone() };
        settings.check().unwrap();
        let said = settings.open().unwrap_err().to_string();
        assert!(said.contains("a pipe that nobody reads; start its reader first"), "{said}");
        // More than a pipe holds: it is waited for room, as with any other.
        let reader = std::thread::spawn(move || std::fs::read_to_string(path).unwrap());
        let mut lines = loop {
            settings.check().unwrap(); // Does not end the reader.
            match settings.open() {
                Ok(lines) => break lines,
                Err(_) => std::thread::yield_now(),
            }
        };
        let line = "x".repeat(1000);
        (0..300).for_each(|_| lines.push(&line));
        assert!(matches!(lines.write(), (300, Ok(()))));
        drop(lines);
        assert_eq!(reader.join().unwrap().lines().count(), 300);
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
