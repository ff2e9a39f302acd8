//! The page for machines: metrics, health, and what each stream is doing.
//!
//! | route | answers |
//! | --- | --- |
//! | `/` | an index of the routes, plain text |
//! | `/metrics` | Prometheus's text exposition, version 0.0.4 |
//! | `/healthz` | 200 while the process works; 503 with what is stuck |
//! | `/readyz` | 200 once the model is warm and enough streams are up; 503 with what is missing |
//! | `/api/streams` | one JSON object a stream |
//!
//! Everything is read only. What is shown comes from a closure that returns a [`Snapshot`], so
//! this module never reaches into another, and passes the mask that logs pass.
//!
//! A request that is not whole within seconds is given up.
//!
//! Does not authenticate anybody and does not speak TLS: it listens on the loopback address
//! unless told otherwise, and belongs behind a proxy where others can reach it.

mod answers;
mod serve;
mod settings;
mod snapshot;

pub use serve::{WebError, WebState, bind, check_address, serve};
pub use settings::WebSettings;
pub use snapshot::{ActiveLabel, LastError, LastWindow, Snapshot, State, StreamSnapshot};
