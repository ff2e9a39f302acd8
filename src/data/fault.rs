//! What an error asks of whoever supervises.

/// What the supervisor should do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// One item is lost and counted; the stage carries on.
    Skip,
    /// The stream is opened again after a backoff.
    Restart,
    /// Trying again cannot help. Other streams go on.
    GiveUp,
}

/// An error that says what to do about it.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    fn remedy(&self) -> Remedy;

    /// A short fixed word for metrics and events, such as `timeout` or `unauthorized`.
    fn kind(&self) -> &'static str;
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
