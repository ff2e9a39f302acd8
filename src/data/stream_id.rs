//! The name of a stream: what logs, metrics and events call it, never its URL.

use std::fmt;
use std::sync::Arc;

/// A stream's name: 1 to 64 of `A-Z a-z 0-9 _ . -`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Arc<str>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("stream name {0:?} is not 1 to 64 of A-Z a-z 0-9 _ . - beginning with a letter or digit")]
pub struct InvalidStreamId(pub String);

impl StreamId {
    pub fn new(name: &str) -> Result<Self, InvalidStreamId> {
        let valid = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if valid { Ok(Self(name.into())) } else { Err(InvalidStreamId(name.into())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for StreamId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_spoil_a_metric_are_refused() {
        for bad in ["", ".hidden", "a b", "rtsp://u:p@h/", "é", &"x".repeat(65)] {
            assert_eq!(StreamId::new(bad), Err(InvalidStreamId(bad.into())));
        }
        assert_eq!(StreamId::new("door-1.front_A").unwrap().as_str(), "door-1.front_A");
    }
}
