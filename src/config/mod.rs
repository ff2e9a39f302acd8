//! Settings: read from TOML, checked once, handed on as values that cannot be wrong.
//!
//! A pipeline (`pipelines/*.toml`) says what to watch; the machine's file
//! (`config/percept.toml`) says how this machine runs. Every fault of both is found
//! before anything is said, each with its file, line, key and fix; no fault shows the
//! value of a key that may hold a credential.
//!
//! Relative paths are relative to the working directory.
//!
//! Does not open models or streams: what only they can tell is checked later, and the
//! [`Place`]s kept here let such faults name file and line too.

mod bridge;
mod checked;
mod environment;
mod faults;
pub mod keys;
mod labels;
mod load;
mod machine;
mod overrides;
mod pipeline;
mod secret;
mod stream;
mod walk;

pub use bridge::Watch;
pub use checked::{Checked, Labels, Machine, Sink, Stream};
pub use faults::{ConfigFault, Faults, Place, Placed};
pub use load::load_machine;
pub use overrides::{Overrides, parse_decode, parse_hop, parse_listen};
pub use secret::Secret;
