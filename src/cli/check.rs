//! `percept check`: what `run` would refuse, without running.

use super::args::CheckArgs;
use super::exit::Failure;
use super::prepare;
use crate::config::{Checked, Faults};
use crate::{source, telemetry};

pub fn check(args: &CheckArgs) -> Result<(), Failure> {
    let mut faults = Faults::new();
    let mut logging = false;
    for pipeline in &args.pipelines {
        let machine = args.machine.config.as_deref();
        let checked = match Checked::load(pipeline, machine) {
            Ok(checked) => checked,
            Err(found) => {
                faults.append(found);
                continue;
            }
        };
        if !std::mem::replace(&mut logging, true) {
            let _ = telemetry::logging::init(&checked.machine.log);
            source::init();
        }
        let streams = checked.streams.len();
        match prepare::prepare(checked) {
            Ok(_) => println!("{}: nothing wrong, {streams} stream(s)", pipeline.display()),
            Err(found) => faults.append(found),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::refused(faults)) }
}
