//! What SIGTERM and SIGINT do.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::supervise::Stop;
use crate::telemetry::standard_error;

/// Signals so close together are one: coreutils' `timeout`, or a wrapper beside a terminal's
/// Ctrl-C, sends it to the program and again to its group.
const ONE: Duration = Duration::from_secs(1);

/// For the last line: whoever should read it may have stopped.
const LAST_WORD: Duration = Duration::from_millis(200);

/// The first SIGTERM or SIGINT asks for an orderly end, the second ends at once.
///
/// Nothing here waits for standard error, which may be full.
pub fn watch(runtime: &Runtime, stop: &Stop) -> std::io::Result<()> {
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    runtime.spawn(async move {
        let mut first: Option<Instant> = None;
        loop {
            tokio::select! {
                Some(()) = terminate.recv() => {}
                Some(()) = interrupt.recv() => {}
                else => return,
            }
            match first {
                None => {
                    first = Some(Instant::now());
                    stop.stop();
                    tracing::info!("told to stop, finishing what was accepted");
                }
                Some(first) if first.elapsed() < ONE => {}
                Some(_) => {
                    let last = b"told to stop twice: ending at once, events may be lost\n";
                    standard_error::say(last);
                    standard_error::flush(LAST_WORD);
                    std::process::exit(1);
                }
            }
        }
    });
    Ok(())
}
