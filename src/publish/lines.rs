//! Lines on their way into a file, a pipe or a terminal.
//!
//! A write may take part of a line and then fail, when a disk is full say. What was
//! taken is kept count of, so the next try goes on at the very byte, and a file never
//! holds half a line followed by another.

use std::collections::VecDeque;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Lines that wait to be written, and where to.
///
/// Writes bypass the standard library's buffers: those would hide how far a failed
/// write came.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    /// Everything before `written` has been taken.
    pending: Vec<u8>,
    written: usize,
    /// Where the lines in `pending` end that were not completed yet.
    ends: VecDeque<usize>,
    /// Bytes taken of a line that was not completed yet.
    begun: usize,
    /// The file ends within a line that another writer was cut off from.
    torn: bool,
    /// How long a regular file is if nobody else writes to it.
    length: Option<u64>,
    /// Where a regular file was opened: another one may be there later.
    path: Option<PathBuf>,
}

impl Lines {
    /// Appends to the file at `path`, which is made if it is missing. Where a regular file
    /// is renamed or removed, as for a rotation, the next line begins a new one at `path`.
    pub fn append(path: &Path) -> io::Result<Self> {
        let torn = ends_within_a_line(path);
        let file = open(OpenOptions::new().append(true).create(true), path)?;
        let regular = file.metadata().ok().filter(Metadata::is_file);
        let length = regular.as_ref().map(Metadata::len);
        let path = regular.map(|_| path.to_owned());
        Ok(Self { length, torn, path, ..Self::new(file) })
    }

    pub fn stdout() -> io::Result<Self> {
        Ok(Self::new(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }

    pub fn new(file: File) -> Self {
        Self {
            file,
            pending: Vec::new(),
            written: 0,
            ends: VecDeque::new(),
            begun: 0,
            torn: false,
            length: None,
            path: None,
        }
    }

    /// Adds a line, given without its line feed.
    pub fn push(&mut self, line: &str) {
        self.pending.extend_from_slice(line.as_bytes());
        self.pending.push(b'\n');
        self.ends.push_back(self.pending.len());
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.pending.len() - self.written
    }

    /// Writes all that waits, blocking; says how many lines were completed, also when
    /// it fails.
    pub fn write(&mut self) -> (u64, io::Result<()>) {
        let mut completed = 0;
        if self.len() > 0
            && let Err(fault) = self.reopen().and_then(|()| self.mend())
        {
            return (0, Err(fault));
        }
        while self.len() > 0 {
            match self.file.write(&self.pending[self.written..]) {
                Ok(0) => return (completed, Err(ErrorKind::WriteZero.into())),
                Ok(taken) => completed += self.advance(taken),
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) => return (completed, Err(fault)),
            }
        }
        self.pending.clear();
        self.written = 0;
        (completed, Ok(()))
    }

    /// Opens the path anew where it is no longer the open file's. A line that was begun in
    /// that one is taken back out of it, and is written whole into the new one.
    fn reopen(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let open = self.file.metadata()?;
        let same = |there: &Metadata| (there.dev(), there.ino()) == (open.dev(), open.ino());
        match path.metadata() {
            Ok(there) if same(&there) => return Ok(()),
            Err(fault) if fault.kind() != ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
        let new = Self::append(path)?;
        // If it cannot be taken back, half a line too many is better than one too few.
        let _ = self.take_back();
        self.written -= std::mem::take(&mut self.begun);
        (self.file, self.torn) = (new.file, new.torn);
        (self.length, self.path) = (new.length, new.path);
        Ok(())
    }

    /// Ends the line within which a file ended when it was opened.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.length = self.length.map(|length| length + 1);
            self.torn = false;
        }
        Ok(())
    }

    /// Counts `taken` bytes as written; gives the lines that this completed.
    fn advance(&mut self, taken: usize) -> u64 {
        self.written += taken;
        self.begun += taken;
        if let Some(length) = &mut self.length {
            *length += taken as u64;
        }
        let mut completed = 0;
        while let Some(end) = self.ends.front().copied().filter(|end| *end <= self.written) {
            self.ends.pop_front();
            self.begun = self.written - end;
            completed += 1;
        }
        completed
    }

    /// For when there will be no further try: takes half a line back out of a regular
    /// file, unless somebody else has written to it, so that it ends with a whole line.
    pub fn withdraw(self) -> io::Result<()> {
        self.take_back()
    }

    fn take_back(&self) -> io::Result<()> {
        match self.length {
            Some(length) if self.begun > 0 && self.file.metadata()?.len() == length => {
                self.file.set_len(length - self.begun as u64)
            }
            _ => Ok(()),
        }
    }
}

/// Opens a file to write to. A pipe without a reader is an error at once (`ENXIO`), and not
/// waited for.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let without_waiting = OFlags::NONBLOCK.bits() as i32;
    let file = options.custom_flags(without_waiting).open(path)?;
    // Writes do wait.
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}

/// Whether a regular file's last line has no line feed: its writer was cut off.
///
/// A file that may not be read counts as whole.
fn ends_within_a_line(path: &Path) -> bool {
    let last_byte = || -> io::Result<Option<u8>> {
        let metadata = path.metadata()?;
        if !metadata.is_file() || metadata.len() == 0 {
            return Ok(None);
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        Ok(Some(last[0]))
    };
    matches!(last_byte(), Ok(Some(byte)) if byte != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::PipeReader;
    use std::os::fd::AsRawFd as _;

    /// A pipe whose writing end says "full" instead of waiting: a disk in small.
    fn pipe() -> (PipeReader, Lines) {
        let (reader, writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
        let file = File::options()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(path)
            .unwrap();
        (reader, Lines::new(file))
    }

    #[test]
    fn a_full_pipe_that_is_emptied_has_every_line_once_and_whole() {
        let (mut reader, mut lines) = pipe();
        let line = |n: usize| format!("{n:06}{}", "x".repeat(1000));
        // More than any pipe holds by default, in lines that do not fit its pages.
        let total = 300;
        (0..total).for_each(|n| lines.push(&line(n)));
        let mut read = Vec::new();
        let (mut completed, mut failures) = (0, 0);
        loop {
            let (more, result) = lines.write();
            completed += more;
            assert_eq!(lines.ends.len() as u64, total as u64 - completed);
            if result.is_ok() {
                break;
            }
            failures += 1;
            let mut some = vec![0; 10_000];
            let taken = reader.read(&mut some).unwrap();
            read.extend_from_slice(&some[..taken]);
        }
        drop(lines);
        reader.read_to_end(&mut read).unwrap();
        assert!(failures > 0, "the pipe was never full");
        assert_eq!(completed, total as u64);
        let read = String::from_utf8(read).unwrap();
        assert!(read.lines().eq((0..total).map(line)));
    }

    #[test]
    fn half_a_line_is_withdrawn_unless_somebody_else_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let half_written = || {
            std::fs::write(&path, "old\n").unwrap();
            let mut lines = Lines::append(&path).unwrap();
            lines.push("first");
            lines.push("second");
            // As a disk that is full after nine bytes leaves it.
            lines.file.write_all(&lines.pending[..9]).unwrap();
            assert_eq!(lines.advance(9), 1);
            lines
        };
        half_written().withdraw().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\nfirst\n");
        let lines = half_written();
        File::options().append(true).open(&path).unwrap().write_all(b"other\n").unwrap();
        lines.withdraw().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\nfirst\nsecother\n");
    }

    #[test]
    fn a_file_that_is_renamed_or_removed_is_begun_anew_and_no_line_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let old = dir.path().join("events.jsonl.1");
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let mut lines = Lines::append(&path).unwrap();
        let mut write = |line: &str| {
            lines.push(line);
            lines.write()
        };
        assert!(matches!(write("one"), (1, Ok(()))));
        std::fs::rename(&path, &old).unwrap();
        assert!(matches!(write("two"), (1, Ok(()))));
        assert_eq!((read(&old), read(&path)), ("one\n".into(), "two\n".into()));
        // As logrotate's `create` does it, by another writer.
        std::fs::rename(&path, &old).unwrap();
        std::fs::write(&path, "torn").unwrap();
        assert!(matches!(write("three"), (1, Ok(()))));
        assert_eq!((read(&old), read(&path)), ("two\n".into(), "torn\nthree\n".into()));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(write("four"), (1, Ok(()))));
        assert_eq!(read(&path), "four\n");
        // Where there can be no new one, the line waits.
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert!(matches!(write("five"), (0, Err(_))));
        std::fs::create_dir(dir.path()).unwrap();
        assert!(matches!(write("six"), (2, Ok(()))));
        assert_eq!(read(&path), "five\nsix\n");
    }

    #[test]
    fn a_line_that_was_begun_in_a_renamed_file_is_whole_in_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let old = dir.path().join("old");
        let mut lines = Lines::append(&path).unwrap();
        lines.push("first");
        lines.push("second");
        lines.file.write_all(&lines.pending[..9]).unwrap();
        assert_eq!(lines.advance(9), 1);
        std::fs::rename(&path, &old).unwrap();
        assert!(matches!(lines.write(), (1, Ok(()))));
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "first\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second\n");
    }
}
