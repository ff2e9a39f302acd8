//! `percept run`.

use tokio::runtime::Runtime;

use super::args::RunArgs;
use super::exit::Failure;
use super::open_files;
use super::prepare::{self, Prepared};
use super::progress::Progress;
use super::signals;
use crate::publish::Hub;
use crate::source;
use crate::supervise::Stop;
use crate::telemetry::logging;
use crate::telemetry::metrics::Metrics;
use crate::topology::{self, Batching, Report, Setup};

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let (checked, mut faults) = prepare::load(args)?;
    logging::init(&checked.machine.log).map_err(|error| Failure::refused_by(&error))?;
    let open_files = open_files::raise();
    source::init();
    // Before the model is loaded, which takes a while.
    let runtime = runtime().map_err(|error| Failure::failed(&error))?;
    let stop = Stop::new();
    signals::watch(&runtime, &stop).map_err(|error| Failure::failed(&error))?;
    let listener = prepare::listen(&checked.machine, &mut faults);
    let Prepared { checked, model, streams, sinks } =
        prepare::prepare(checked, faults).map_err(Failure::refused)?;
    model.warn_of_passed_over();
    let live = streams.iter().filter(|(job, _)| job.source.location.is_live()).count();
    open_files::warn_if_low(open_files, live);
    let manifest = model.manifest();
    tracing::info!(
        model = %format_args!("{} {}", manifest.name, manifest.version),
        provider = model.provider(),
        onnx_runtime = model.runtime_version(),
        streams = streams.len(),
        "model loaded"
    );
    if let Some(listener) = &listener
        && let Ok(address) = listener.local_addr()
    {
        tracing::info!(metrics = %format_args!("http://{address}/metrics"), "listening");
    }

    let metrics = Metrics::new();
    let hub = Hub::start(&sinks, &metrics, runtime.handle())
        .map_err(|error| Failure::refused_by(&error))?;
    let mut progress = Progress::new(streams.iter().map(|(job, _)| job));
    let batching = Batching { max_windows: model.max_batch(), max_wait: checked.machine.max_wait };
    let setup = Setup {
        model,
        streams,
        batching,
        hub,
        metrics,
        listener,
        ready_share: checked.machine.http.ready_share,
        deadline: checked.machine.deadline,
        runtime,
    };
    let report = topology::run(setup, &stop, |snapshot| progress.show(snapshot))
        .map_err(|error| Failure::failed(&error))?;
    judge(&report)
}

/// tokio runs the edges only: two threads are plenty.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("edge")
        .enable_all()
        .build()
}

/// What could not be done makes the exit status 1.
fn judge(report: &Report) -> Result<(), Failure> {
    let mut problems = Vec::new();
    if report.given_up > 0 {
        problems.push(format!("{} stream(s) were given up, see the log above", report.given_up));
    }
    if report.unread > 0 {
        problems
            .push(format!("{} file(s) could not be looked at, see the log above", report.unread));
    }
    if report.empty > 0 && report.watched == 0 {
        problems.push(format!(
            "nothing was looked at: {} source(s) ended before there was one window; give longer \
             ones, or see the log above",
            report.empty
        ));
    }
    if report.skipped > 0 {
        problems.push(format!(
            "the model gave no numbers for {} window(s), see the log above",
            report.skipped
        ));
    }
    for sink in report.close.sinks.iter().filter(|sink| sink.unwritten + sink.events_dropped > 0) {
        let lost = sink.unwritten + sink.events_dropped;
        problems.push(format!(
            "{lost} event(s) could not be written to {}: check its space and whoever reads it",
            sink.target
        ));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::failed_saying(problems.join("\n"))) }
}
