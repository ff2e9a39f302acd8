//! The one place that knows every module: builds the channels, starts the threads.
//!
//! ```text
//! one thread a stream                 one thread                      tokio
//! source ► decode ► window ──Inbox──► byte_array ► model ► label ──► publish, web
//! ```

mod inbox;
