//! Listens, serves and stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use super::{Snapshot, answers};
use crate::telemetry::metrics::Metrics;

/// How long answers under way may take once told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the routes answer from. Closures run on tokio's threads: they must return at once.
#[derive(Clone)]
pub struct WebState {
    pub metrics: Metrics,
    pub snapshot: Arc<dyn Fn() -> Snapshot + Send + Sync>,
    /// Says what is stuck, if anything is, such as the model's thread.
    pub alive: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Share of the streams that must be up, in `[0, 1]`.
    pub ready_share: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error(
        "cannot listen on {address} for metrics: the port is in use, perhaps by another percept. \
         Choose a free one with --listen, such as --listen {}:{}",
        address.ip(), address.port().checked_add(1).unwrap_or(9184)
    )]
    PortInUse { address: SocketAddr },
    #[error(
        "cannot listen on {address} for metrics. Choose another address with --listen, such as \
         --listen 127.0.0.1:9184"
    )]
    Listen {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("cannot serve metrics any more")]
    Serve(#[source] io::Error),
}

/// Takes the port, so that a port in use is known before anything starts.
///
/// Connections wait in the system's queue until [`serve`] is called.
pub fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => WebError::PortInUse { address },
        _ => WebError::Listen { address, cause },
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Answers on `listener`, which is one of [`bind`]'s, until `stop` is done and the answers
/// under way are given, or have had two seconds. Runs inside a tokio runtime.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), WebError> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(WebError::Serve)?;
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let served = axum::serve(listener, answers::router(state)).with_graceful_shutdown(async {
        stop.await;
        // Fails only if `serve` itself was dropped.
        let _ = stopping.send(());
    });
    // Whoever sends half a request must not hold up the program's end.
    let overdue = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(FAREWELL).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = served.into_future() => result.map_err(WebError::Serve),
        () = overdue => Ok(()),
    }
}
