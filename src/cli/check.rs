//! `percept check`: what `run` would refuse, without running. A port in use is no fault here.

use std::path::Path;

use super::args::CheckArgs;
use super::exit::Failure;
use super::prepare;
use crate::config::{Checked, Faults, Place};
use crate::source::Location;
use crate::{source, telemetry};

const LOOK: &str = "look at it with percept probe, or watch it with percept run";

pub fn check(args: &CheckArgs) -> Result<(), Failure> {
    let mut faults = Faults::new();
    let mut logging = false;
    for pipeline in &args.pipelines {
        if let Some(shown) = source_instead(pipeline) {
            let problem = "is a source, and what is checked are pipeline files (.toml)";
            faults.push(&Place::argument("PIPELINE.toml"), format!("{shown} {problem}"), LOOK);
            continue;
        }
        let machine = args.machine.config.as_deref();
        let (checked, mut found) = Checked::read(pipeline, machine);
        if !std::mem::replace(&mut logging, true) {
            let _ = telemetry::logging::init(&checked.machine.log);
            source::init();
        }
        let streams = checked.streams.len();
        prepare::check_address(&checked.machine, &mut found);
        match prepare::prepare(checked, found) {
            Ok(_) => println!("{}: nothing wrong, {streams} stream(s)", pipeline.display()),
            Err(found) => faults.append(found),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::refused(faults)) }
}

/// How a source that was given in place of a pipeline file is shown: without credentials.
fn source_instead(argument: &Path) -> Option<String> {
    let is_pipeline = argument.extension().is_some_and(|extension| extension == "toml");
    if is_pipeline && !argument.to_string_lossy().contains("://") {
        return None;
    }
    Location::parse_argument(argument.as_os_str()).ok().map(|location| location.redacted())
}
