//! Listens, serves and stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;

use super::{Snapshot, answers};
use crate::telemetry::metrics::Metrics;

/// How long answers under way may take once told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long a client may take for a request, and may keep a connection that it does not use.
/// Prometheus asks every 5, 10 or 15 s in general: it must not find one closed as it asks.
const REQUEST: Duration = Duration::from_secs(7);

/// Connections at a time: cameras need descriptors too.
const MOST: usize = 256;
/// How long a connection lasts: a client may ask and never read the answer.
const LONGEST: Duration = Duration::from_secs(3600);

/// The wait where the system gives no more connections, for it will not at once.
const NO_ROOM: Duration = Duration::from_secs(1);

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

/// Whether this process could listen at `address`, were its port free.
pub fn check_address(address: SocketAddr) -> Result<(), WebError> {
    match bind(address) {
        Ok(_) | Err(WebError::PortInUse { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Answers on `listener`, which is one of [`bind`]'s, until `stop` is done and the answers
/// under way are given, or have had two seconds. Runs inside a tokio runtime.
///
/// axum's own loop has no time limit for half a request.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), WebError> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(WebError::Serve)?;
    let service = TowerToHyperService::new(answers::router(state));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(REQUEST);
    let answering = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MOST));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accept = async {
            let place = room.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accept => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((connection, _)) => {
                let connection = http.serve_connection(TokioIo::new(connection), service.clone());
                let connection = answering.watch(connection);
                // A client that leaves, is too slow or speaks no HTTP has nobody else to tell.
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(LONGEST, connection).await;
                    drop(place);
                });
            }
            Err(fault) if gone_already(&fault) => {}
            Err(fault) => {
                tracing::warn!(error = %fault, "cannot take a connection that asks for metrics");
                tokio::select! {
                    () = tokio::time::sleep(NO_ROOM) => {}
                    () = &mut stop => break,
                }
            }
        }
    }
    drop(listener);
    // Whoever sends half a request must not hold up the program's end.
    let _ = tokio::time::timeout(FAREWELL, answering.shutdown()).await;
    Ok(())
}

/// Whether the client has left before it was its turn.
fn gone_already(fault: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(fault.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
