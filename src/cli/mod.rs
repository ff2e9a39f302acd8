//! The command line: what was asked, what came of it, and the exit status.

pub mod args;
pub mod completions;

#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod check;
mod exit;
mod model;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod open_files;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod prepare;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod progress;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod run;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod signals;
#[cfg(feature = "ffmpeg")]
mod sources;
#[cfg(all(feature = "ffmpeg", feature = "onnx"))]
mod test_clip;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use args::{Cli, Command};
use exit::Failure;

use crate::telemetry::standard_error;

/// For the last lines of the log: whoever should read them may have stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Reads the command line, does what it says, and gives the exit status: 0 done, 1 failed
/// while running, 2 wrong use, configuration or input.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        #[cfg(all(feature = "ffmpeg", feature = "onnx"))]
        Command::Run(args) => run::run(&args),
        #[cfg(all(feature = "ffmpeg", feature = "onnx"))]
        Command::Check(args) => check::check(&args),
        #[cfg(feature = "ffmpeg")]
        Command::Devices => sources::devices(),
        #[cfg(feature = "ffmpeg")]
        Command::Probe(args) => sources::probe(&args),
        Command::Model(args) => model::model(&args.command),
        Command::Bench(args) => model::bench(&args),
        Command::Completions { shell } => {
            written(completions::completions(shell, &mut io::stdout()))
        }
        Command::Man => written(completions::manual(&mut io::stdout())),
        #[allow(unreachable_patterns, reason = "which commands are left depends on the features")]
        _ => Err(Failure::left_out()),
    };
    let status = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    };
    standard_error::flush(LAST_WORDS);
    status
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.or_else(|error| match error.kind() {
        // Whoever read it had enough.
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::failed(&error)),
    })
}
