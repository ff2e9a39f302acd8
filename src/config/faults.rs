//! Everything that is wrong with a configuration, gathered before anything is said.

use std::fmt;
use std::sync::Arc;

/// In the place of a file's name.
const COMMAND_LINE: &str = "command line";

/// Where a value was written: a file's line, or the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: Arc<str>,
    line: Option<usize>,
    key: String,
}

impl Place {
    /// `line` counts from 1; `key` is a path such as `streams[0].hop`.
    pub fn new(file: impl Into<Arc<str>>, key: impl Into<String>, line: Option<usize>) -> Self {
        Self { file: file.into(), line, key: key.into() }
    }

    /// An argument, such as `--hop`.
    pub fn argument(name: impl Into<String>) -> Self {
        Self::new(COMMAND_LINE, name, None)
    }

    /// Whether it is an argument of the command line.
    pub fn is_argument(&self) -> bool {
        &*self.file == COMMAND_LINE
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn line(&self) -> Option<usize> {
        self.line
    }

    pub(super) fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The same place, one key further in; `line` where it is known.
    pub(super) fn within(&self, key: &str, line: Option<usize>) -> Self {
        let key = match (self.key.is_empty(), key.starts_with('[')) {
            (true, _) => key.to_owned(),
            (false, true) => format!("{}{key}", self.key),
            (false, false) => format!("{}.{key}", self.key),
        };
        Self { file: Arc::clone(&self.file), line: line.or(self.line), key }
    }
}

/// `file:line: key`, each as far as it is known.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        Ok(())
    }
}

/// A value and where it was written, for faults that are found later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    pub value: T,
    pub place: Place,
}

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    pub place: Place,
    pub problem: String,
    pub fix: String,
}

/// `pipelines/door.toml:12: streams[0].hop: 2 is not a duration; write it like "2s"`.
impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

/// All faults of a run of checks: one line each, in the order of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<ConfigFault>);

impl Faults {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault. The same fault is kept once: a default may be wrong for many streams.
    ///
    /// `problem` and `fix` must not hold the value of a key that may hold a secret.
    pub fn push(&mut self, place: &Place, problem: impl Into<String>, fix: impl Into<String>) {
        let fault = ConfigFault { place: place.clone(), problem: problem.into(), fix: fix.into() };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    pub fn append(&mut self, other: Self) {
        for fault in other.0 {
            if !self.0.contains(&fault) {
                self.0.push(fault);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &ConfigFault> {
        self.0.iter()
    }

    /// `value`, or these faults if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A stable sort: files stay in the order in which they were read.
        let mut files: Vec<&str> = Vec::new();
        for fault in &self.0 {
            if !files.contains(&&*fault.place.file) {
                files.push(&fault.place.file);
            }
        }
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by_key(|fault| {
            (files.iter().position(|file| *file == &*fault.place.file), fault.place.line)
        });
        for (index, fault) in sorted.into_iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_once_and_in_the_order_of_the_file() {
        let mut faults = Faults::new();
        let root = Place::new("door.toml", "", None);
        faults.push(&root.within("hop", Some(9)), "is late", "");
        faults.push(&root.within("name", Some(2)), "is odd", "choose another");
        faults.push(&root.within("hop", Some(9)), "is late", "");
        faults.push(&Place::argument("--hop"), "is long", "");
        assert_eq!(
            faults.to_string(),
            "door.toml:2: name: is odd; choose another\n\
             door.toml:9: hop: is late\n\
             command line: --hop: is long"
        );
    }

    #[test]
    fn a_place_within_an_element_joins_without_a_dot() {
        let streams = Place::new("a", "streams", Some(1)).within("[2]", None);
        assert_eq!(streams.within("hop", Some(4)).to_string(), "a:4: streams[2].hop");
    }
}
