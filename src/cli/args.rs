//! What may be written on the command line.
//!
//! Says nothing of what the commands do.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::config::{self, Overrides};
use crate::decode::DecodeMode;
use crate::telemetry::logging::LogFilter;

/// Live cameras and streams in, Perceiver labels and Prometheus metrics out.
#[derive(Debug, Parser)]
#[command(name = "percept", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  percept run rtsp://user:password@camera/stream   watch a camera
  percept run pipelines/door.toml                  watch what a file says
  percept probe rtsp://camera/stream               say what is in a stream
  percept check pipelines/*.toml                   report everything run would refuse

Events go to standard output as JSON lines, logs to standard error, metrics to
http://127.0.0.1:9184/metrics.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch streams, and tell what is seen
    Run(RunArgs),
    /// Report everything that run would refuse, all at once
    Check(CheckArgs),
    /// List the cameras and microphones of this machine
    Devices,
    /// Say what is in a stream
    Probe(ProbeArgs),
    /// Look into a model file
    Model(ModelArgs),
    /// Measure how fast this machine is
    Bench(BenchArgs),
    /// Write a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions { shell: clap_complete::Shell },
    /// Write the manual page
    #[command(after_help = "Example:\n  percept man | man -l -")]
    Man,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  percept completions bash > ~/.local/share/bash-completion/completions/percept
  percept completions zsh > \"${fpath[1]}/_percept\"
  percept completions fish > ~/.config/fish/completions/percept.fish";

const RUN_EXAMPLES: &str = "\
Examples:
  percept run rtsp://user:password@camera/stream
  percept run clip.mp4 --output events.jsonl
  percept run photos/ --model classifier.onnx
  percept run /dev/video0 --hop 1s --no-windows
  percept run https://example.org/live.m3u8 lavfi:testsrc2
  percept run pipelines/door.toml --config config/percept.toml

A password on the command line can be seen by other users of this machine; a pipeline
file takes it from the environment.

Exit status: 0 done, 1 failed while running, 2 wrong use, configuration or input.";

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// URLs, clips, pictures, folders of them, devices or lavfi: graphs; or one pipeline file
    /// (.toml)
    #[arg(required = true, value_name = "SOURCE|PIPELINE.toml", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<OsString>,
    #[command(flatten)]
    pub machine: MachineArgs,
    /// The model file, in place of the pipeline's or the default one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub model: Option<PathBuf>,
    /// Time from one look to the next, such as 2s, on all streams
    #[arg(long, value_name = "DURATION", value_parser = config::parse_hop)]
    pub hop: Option<Duration>,
    /// Which frames to decode: auto, all or key_frames
    #[arg(long, value_name = "MODE", value_parser = config::parse_decode)]
    pub decode: Option<DecodeMode>,
    /// Append events to this file and nowhere else; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Tell the scores of each look
    #[arg(long, overrides_with = "no_windows")]
    pub windows: bool,
    /// Tell only what starts and ends
    #[arg(long, overrides_with = "windows")]
    pub no_windows: bool,
    /// Where to serve metrics and health, such as 0.0.0.0:9184; off: nowhere
    #[arg(long, value_name = "ADDRESS", value_parser = Listen::parse)]
    pub listen: Option<Listen>,
}

/// `--config` and `--log`, which most commands have.
#[derive(Debug, Clone, Default, Args)]
pub struct MachineArgs {
    /// How this machine runs [default: config/percept.toml, /etc/percept/percept.toml]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// What to log: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<LogFilter>,
}

/// `ADDRESS:PORT`; `None`: off. A type of its own, for an `Option` would mean an argument
/// that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

impl Listen {
    fn parse(text: &str) -> Result<Self, String> {
        config::parse_listen(text).map(Self)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  percept check pipelines/*.toml\n\n\
                        Exit status: 0 nothing wrong, 2 something is.")]
pub struct CheckArgs {
    /// Pipeline files
    #[arg(required = true, value_name = "PIPELINE.toml", value_hint = ValueHint::FilePath)]
    pub pipelines: Vec<PathBuf>,
    #[command(flatten)]
    pub machine: MachineArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  percept probe rtsp://user:password@camera/stream\n  \
                        percept probe clip.mp4 --json")]
pub struct ProbeArgs {
    /// URL, file, device or lavfi: graph
    #[arg(value_name = "URL", value_hint = ValueHint::AnyPath)]
    pub source: OsString,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub machine: MachineArgs,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ModelArgs {
    #[command(subcommand)]
    pub command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Show what a model file says of itself
    Show {
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Write the manifest as JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a model on a clip and show its scores over time, or on a picture and show the best
    Test {
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[arg(required = true, value_name = "CLIP|PICTURE", value_hint = ValueHint::FilePath)]
        clips: Vec<PathBuf>,
        /// Write a JSON object a look, with every score unrounded
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        machine: MachineArgs,
    },
    /// Load a model, and say whether it is fit to run here
    Verify {
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        machine: MachineArgs,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  percept bench --clip clip.mp4 --json > bench.json")]
pub struct BenchArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// A clip to run the whole line on, half a minute or more; make bench makes one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub clip: Option<PathBuf>,
    /// The model file, in place of the default one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// What `percept run` was asked to watch.
#[derive(Debug, PartialEq, Eq)]
pub enum Inputs {
    Pipeline(PathBuf),
    Sources(Vec<OsString>),
}

impl RunArgs {
    /// An argument that ends in `.toml` is a pipeline, and then the only argument.
    ///
    /// The error is wrong use, for people.
    pub fn inputs(&self) -> Result<Inputs, String> {
        let is_pipeline = |input: &&OsString| {
            Path::new(input).extension().is_some_and(|extension| extension == "toml")
                && !input.to_string_lossy().contains("://")
        };
        match self.inputs.iter().filter(is_pipeline).count() {
            0 => Ok(Inputs::Sources(self.inputs.clone())),
            1 if self.inputs.len() == 1 => Ok(Inputs::Pipeline(self.inputs[0].clone().into())),
            1 => Err("a pipeline file and sources cannot be run together: write the sources \
                      into the pipeline file, as [[streams]]"
                .into()),
            _ => Err("one pipeline file can be run at a time: join them, or start percept once \
                      for each (with --listen on different ports)"
                .into()),
        }
    }

    pub fn overrides(&self) -> Overrides {
        Overrides {
            model: self.model.clone(),
            hop: self.hop,
            decode: self.decode,
            output: self.output.clone(),
            windows: (self.windows || self.no_windows).then_some(self.windows),
            listen: self.listen.map(|Listen(address)| address),
            log: self.machine.log.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> RunArgs {
        let words = ["percept", "run"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).command {
            Command::Run(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        let words = ["percept"].into_iter().chain(line.split_whitespace());
        Cli::try_parse_from(words).unwrap_err().to_string()
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn sources_and_pipelines_are_told_apart() {
        let sources = run("rtsp://cam/1 clip.mp4 http://host/a.toml");
        assert!(matches!(sources.inputs(), Ok(Inputs::Sources(list)) if list.len() == 3));
        let pipeline = run("pipelines/door.toml");
        assert_eq!(pipeline.inputs(), Ok(Inputs::Pipeline("pipelines/door.toml".into())));
        assert!(run("a.toml clip.mp4").inputs().unwrap_err().contains("[[streams]]"));
        assert!(run("a.toml b.toml").inputs().unwrap_err().contains("at a time"));
    }

    #[test]
    fn only_what_is_written_overrides() {
        assert_eq!(run("clip.mp4").overrides(), Overrides::default());
        let all = run("clip.mp4 --model m.onnx --hop 500ms --decode key_frames --output - \
                       --windows --no-windows --listen off --log debug");
        let want = Overrides {
            model: Some("m.onnx".into()),
            hop: Some(Duration::from_millis(500)),
            decode: Some(DecodeMode::KeyFrames),
            output: Some("-".into()),
            windows: Some(false),
            listen: Some(None),
            log: "debug".parse().ok(),
        };
        assert_eq!(all.overrides(), want);
        assert_eq!(run("a --no-windows --windows").overrides().windows, Some(true));
    }

    #[test]
    fn wrong_values_are_refused_with_the_form_to_write() {
        for (line, hint) in [
            ("run a --hop 2", "2s"),
            ("run a --hop 9days", "out of range"),
            ("run a --decode some", "key_frames"),
            ("run a --listen 9184", "127.0.0.1:9184"),
            ("run a --log loud", "debug"),
            ("run", "SOURCE|PIPELINE.toml"),
            ("completions tcsh", "bash"),
        ] {
            let message = refused(line);
            assert!(message.contains(hint), "{line}: {message}");
        }
    }
}
