//! Lines on their way into a file, a pipe or a terminal.
//!
//! A write may take part of a line and then fail, when a disk is full say. What was
//! taken is kept count of, so the next try goes on at the very byte, and a file never
//! holds half a line followed by another.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;

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
}

impl Lines {
    /// Appends to `file`. `torn`: it ends within a line, so begin with a line feed.
    pub fn append(file: File, torn: bool) -> Self {
        let length = file.metadata().ok().filter(|m| m.is_file()).map(|m| m.len());
        Self { length, torn, ..Self::new(file) }
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
        }
    }

    /// Adds a line, given without its line feed.
    pub fn push(&mut self, line: &str) {
        if std::mem::take(&mut self.torn) {
            self.pending.push(b'\n');
        }
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
        match self.length {
            Some(length) if self.begun > 0 && self.file.metadata()?.len() == length => {
                self.file.set_len(length - self.begun as u64)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    const O_NONBLOCK: i32 = 0o4000;

    /// A pipe whose writing end says "full" instead of waiting: a disk in small.
    fn pipe() -> (PipeReader, Lines) {
        let (reader, writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
        let file = File::options().write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
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
            let file = File::options().append(true).open(&path).unwrap();
            let mut lines = Lines::append(file, false);
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
}
