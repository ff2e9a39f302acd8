//! What SIGTERM and SIGINT do.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::supervise::Stop;
use crate::telemetry::standard_error;

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
        let mut told = false;
        loop {
            tokio::select! {
                Some(()) = terminate.recv() => {}
                Some(()) = interrupt.recv() => {}
                else => return,
            }
            match told {
                false => {
                    told = true;
                    stop.stop();
                    tracing::info!("told to stop, finishing what was accepted");
                }
                true => {
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
