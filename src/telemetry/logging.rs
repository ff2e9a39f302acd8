//! Logs for people: lines on standard error, secrets hidden, bars left whole.
//!
//! Standard output belongs to the data and is never written here.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use super::masked_line::{Mask, MaskedLines, mask_json};
use super::{redact, standard_error};

/// For a panic's message: it may be the last there is.
const PANIC: Duration = Duration::from_secs(1);

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogSettings {
    pub filter: LogFilter,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line, for log collectors.
    Json,
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogError::Format { format: text.to_owned() }),
        }
    }
}

/// A checked filter: a level, or directives such as `info,percept::source=debug`.
///
/// A bare level (`off`, `error`, `warn`, `info`, `debug`, `trace`) is Percept's own; libraries
/// (FFmpeg and ONNX Runtime among them) then log warnings and errors only. Directives are
/// taken as they are, in the syntax of `tracing_subscriber::EnvFilter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Default for LogFilter {
    /// `info`.
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl LogFilter {
    fn directives(&self) -> String {
        match self.0.as_str() {
            "off" | "error" => self.0.clone(),
            level if LEVELS.contains(&level) => format!("warn,percept={level}"),
            _ => self.0.clone(),
        }
    }

    fn build(&self) -> Result<EnvFilter, LogError> {
        EnvFilter::builder()
            .parse(self.directives())
            .map_err(|cause| LogError::Filter { filter: self.0.clone(), cause })
    }
}

impl FromStr for LogFilter {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let text = text.trim();
        // `EnvFilter` takes any lone word for the name of a target.
        let word = !text.contains(['=', ',', '[']);
        if word && !LEVELS.contains(&text) {
            return Err(LogError::Level { level: text.to_owned() });
        }
        let filter = Self(text.to_owned());
        filter.build()?;
        Ok(filter)
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "{level:?} is not a log level: use off, error, warn, info, debug or trace, or directives such as \"info,percept::source=debug\""
    )]
    Level { level: String },
    #[error(
        "log filter {filter:?} cannot be read: directives look like \"info,percept::source=debug\""
    )]
    Filter {
        filter: String,
        #[source]
        cause: tracing_subscriber::filter::ParseError,
    },
    #[error("{format:?} is not a log format: use text or json")]
    Format { format: String },
    #[error("logging is already set up in this process")]
    Twice,
    #[error("cannot start a thread for the log; too many threads for this machine's limits?")]
    Thread(#[source] io::Error),
}

/// Sends the process's logs, and its panics, to standard error.
///
/// Colours only on a terminal, and not where the environment has `NO_COLOR`. Fails if called
/// twice.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let layer = layer(settings, colours, || StandardError)?;
    if !standard_error::start().map_err(LogError::Thread)? {
        return Err(LogError::Twice);
    }
    tracing::subscriber::set_global_default(Registry::default().with(layer))
        .map_err(|_| LogError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn layer<W: Write + 'static>(
    settings: &LogSettings,
    colours: bool,
    out: impl Fn() -> W + Send + Sync + 'static,
) -> Result<Box<dyn Layer<Registry> + Send + Sync>, LogError> {
    let filter = settings.filter.build()?;
    let mask: Mask = match settings.format {
        LogFormat::Text => redact::mask,
        LogFormat::Json => mask_json,
    };
    let writer = MaskedLines::new(out, mask);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(match settings.format {
        LogFormat::Text => lines.with_ansi(colours).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    })
}

/// The default hook would write a panic's message past the mask.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = std::backtrace::Backtrace::capture();
    let shown = backtrace.status() == std::backtrace::BacktraceStatus::Captured;
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        panic = %panic,
        backtrace = shown.then(|| tracing::field::display(&backtrace)),
        "panicked"
    );
    standard_error::flush(PANIC);
}

struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        standard_error::say(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::masked_line::tests::Written;
    use super::*;

    fn logged(filter: &str, format: LogFormat, log: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let settings = LogSettings { filter: filter.parse().unwrap(), format };
        let layer = layer(&settings, false, {
            let w = written.clone();
            move || w.clone()
        })
        .unwrap();
        tracing::subscriber::with_default(Registry::default().with(layer), log);
        written.taken()
    }

    #[test]
    fn secrets_are_hidden_in_messages_fields_and_errors() {
        redact::register_credentials("cam", "Zwölf&Boxkämpfer");
        let lines = logged("info", LogFormat::Text, || {
            let error = io::Error::other("rtsp://cam:Zw%c3%b6lf%26Boxk%C3%A4mpfer@h/ refused");
            tracing::warn!(target: "ffmpeg", url = "x=Zwölf&Boxkämpfer", %error, "said Zwölf%26Boxkämpfer");
        });
        assert_eq!(lines.len(), 1, "a line is one write: {lines:?}");
        assert!(!lines[0].contains("Box"), "{}", lines[0]);
        assert!(lines[0].contains("WARN") && lines[0].contains("rtsp://***@h/ refused"));
        assert!(lines[0].ends_with('\n') && !lines[0].contains('\x1b'), "{:?}", lines[0]);
    }

    #[test]
    fn json_lines_stay_json_when_a_secret_is_a_number() {
        redact::register("73519");
        redact::register("pa\"ss\\wo");
        let lines = logged("info", LogFormat::Json, || {
            tracing::info!(
                count = 973_519_u64,
                plain = 7,
                text = "a pa\"ss\\wo b",
                "stream opened"
            );
        });
        let value: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(value["count"], "9***");
        assert_eq!(value["plain"], 7);
        assert_eq!(value["text"], "a *** b");
        assert_eq!(value["message"], "stream opened");
        assert_eq!(lines[0].matches('\n').count(), 1);
    }

    #[test]
    fn a_bare_level_is_percepts_own_and_libraries_only_warn() {
        let log = || {
            tracing::debug!(target: "percept::source", "own");
            tracing::info!(target: "ort", "library");
            tracing::warn!(target: "ffmpeg", "warning");
        };
        assert_eq!(logged("debug", LogFormat::Text, log).len(), 2);
        assert_eq!(logged("info", LogFormat::Text, log).len(), 1);
        assert_eq!(logged("info,ort=off", LogFormat::Text, log).len(), 1);
        assert_eq!(logged("off", LogFormat::Text, log).len(), 0);
    }

    #[test]
    fn a_filter_that_would_log_nothing_by_mistake_is_refused() {
        for bad in ["inof", "", "percept=loud", "a=b=c"] {
            let error = bad.parse::<LogFilter>().unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")) && error.contains("info,"), "{error}");
        }
        assert_eq!(
            "warn,percept=trace".parse::<LogFilter>().unwrap().to_string(),
            "warn,percept=trace"
        );
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
