//! How a command that failed ends.

use std::error::Error;
use std::process::ExitCode;

use crate::data::chain;
use crate::telemetry::{redact, standard_error};

/// Said on standard error, and an exit status.
#[derive(Debug)]
pub struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    /// Wrong use, configuration or input, said before anything started: status 2.
    pub fn refused(message: impl ToString) -> Self {
        Self { message: message.to_string(), status: 2 }
    }

    /// [`Self::refused`], with the error's causes.
    pub fn refused_by(error: &dyn Error) -> Self {
        Self::refused(chain(error))
    }

    /// Failed while running: status 1.
    pub fn failed(error: &dyn Error) -> Self {
        Self::failed_saying(chain(error))
    }

    pub fn failed_saying(message: impl ToString) -> Self {
        Self { message: message.to_string(), status: 1 }
    }

    /// The command needs a feature that this build was made without.
    pub fn left_out() -> Self {
        Self::refused(
            "this build of percept was made without what this command needs; build it with the \
             features ffmpeg and onnx",
        )
    }

    pub fn exit(self) -> ExitCode {
        let message = without_controls(&redact::mask(self.message.trim_end()));
        standard_error::say(format!("{message}\n").as_bytes());
        ExitCode::from(self.status)
    }
}

/// What came from a file or from the network may hold what would move a terminal's cursor.
fn without_controls(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => plain.extend(c.escape_debug()),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_left_alone() {
        assert_eq!(without_controls("no `\u{1b}[2J`:\n\tüse\r"), "no `\\u{1b}[2J`:\n\tüse\\r");
    }
}
