//! `percept model` and `percept bench`.

use super::args::{BenchArgs, MachineArgs, ModelCommand};
use super::exit::Failure;
use crate::config;
use crate::model::{self, ModelSettings, read_manifest};
use crate::telemetry::logging::{self, LogSettings};

pub fn model(command: &ModelCommand) -> Result<(), Failure> {
    match command {
        ModelCommand::Show { file, json } => {
            let manifest = read_manifest(file).map_err(|error| Failure::refused_by(&error))?;
            if *json {
                let json = serde_json::to_string_pretty(&manifest).expect("a manifest is JSON");
                println!("{json}");
            } else {
                print!("{}", model::describe(&manifest));
            }
            Ok(())
        }
        #[cfg(feature = "onnx")]
        ModelCommand::Verify { file, machine } => {
            let settings = ModelSettings { path: file.clone(), ..machine_settings(machine)? };
            let model = model::Model::load(&settings).map_err(|e| Failure::refused_by(&e))?;
            model.warn_of_passed_over();
            println!(
                "{}: fit to run here, on {} with ONNX Runtime {}",
                file.display(),
                model.provider(),
                model.runtime_version()
            );
            Ok(())
        }
        #[cfg(all(feature = "ffmpeg", feature = "onnx"))]
        ModelCommand::Test { file, clips, json, machine } => {
            // Clips are looked at one after another.
            let settings =
                ModelSettings { path: file.clone(), max_batch: 1, ..machine_settings(machine)? };
            super::test_clip::test(&settings, clips, *json)
        }
        #[allow(unreachable_patterns, reason = "which commands are left depends on the features")]
        _ => Err(Failure::left_out()),
    }
}

pub fn bench(args: &BenchArgs) -> Result<(), Failure> {
    use crate::bench::{self, BenchSettings};
    let mut settings =
        BenchSettings { model: machine_settings(&args.machine)?, ..Default::default() };
    if let Some(model) = &args.model {
        settings.model.path.clone_from(model);
    }
    settings.clip.clone_from(&args.clip);
    let report = bench::run(&settings).map_err(|error| match error.is_refusal() {
        true => Failure::refused_by(&error),
        false => Failure::failed(&error),
    })?;
    if args.json {
        println!("{}", report.to_json())
    } else {
        print!("{report}")
    }
    Ok(())
}

/// How this machine runs models, by its file; starts logging.
fn machine_settings(args: &MachineArgs) -> Result<ModelSettings, Failure> {
    let machine = config::load_machine(args.config.as_deref()).map_err(Failure::refused)?;
    let filter = args.log.clone().unwrap_or(machine.log.filter);
    let log = LogSettings { filter, ..machine.log };
    logging::init(&log).map_err(|error| Failure::refused_by(&error))?;
    Ok(machine.model)
}
