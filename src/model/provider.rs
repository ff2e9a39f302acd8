//! Starts a session on the first execution provider of a list that works.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CUDA, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::error::ModelError;
use super::library::Runtime;
use super::settings::{ModelSettings, Need, Provider, ProviderKind};

/// A preferred provider that did not start.
#[derive(Debug)]
pub struct PassedOver {
    provider: ProviderKind,
    why: String,
}

impl PassedOver {
    /// Warns of it, once a process.
    pub fn warn(&self) {
        static WARNED: AtomicBool = AtomicBool::new(false);
        if !WARNED.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                provider = self.provider.as_str(),
                why = self.why,
                "preferred execution provider did not start"
            );
        }
    }
}

/// A session, the provider that it really runs on, and those that were to go before it.
///
/// ONNX Runtime falls back to the CPU without a word, so each provider is asked to fail. The CPU
/// comes last always.
pub fn start(
    runtime: &Runtime,
    settings: &ModelSettings,
) -> Result<(Session, ProviderKind, Vec<PassedOver>), ModelError> {
    let mut passed_over = Vec::new();
    let cpu = Provider::required(ProviderKind::Cpu);
    for provider in settings.providers.iter().chain([&cpu]) {
        runtime.said.take();
        let error = match session(runtime, settings, provider.kind) {
            Ok(session) => return Ok((session, provider.kind, passed_over)),
            Err(error) => error.to_string(),
        };
        if provider.kind == ProviderKind::Cpu {
            return Err(ModelError::Load { path: settings.path.clone(), why: error });
        }
        let why = explain(&error, &runtime.said.take(), &runtime.path);
        if provider.need == Need::Required {
            return Err(ModelError::Provider { provider: provider.kind.as_str(), why });
        }
        passed_over.push(PassedOver { provider: provider.kind, why });
    }
    unreachable!("the chain above ends with the CPU, which returns")
}

fn session(
    runtime: &Runtime,
    settings: &ModelSettings,
    kind: ProviderKind,
) -> ort::Result<Session> {
    // Idle threads that spin steal cores from the decoders.
    let mut builder = Session::builder(&runtime.environment)?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(settings.threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?;
    if let Some(provider) = dispatch(kind) {
        builder = builder.with_execution_providers([provider.error_on_failure()])?;
    }
    builder.commit_from_file(&settings.path)
}

/// How ONNX Runtime is asked for a provider; the CPU is always there.
fn dispatch(kind: ProviderKind) -> Option<ExecutionProviderDispatch> {
    match kind {
        // An exhaustive search would try every algorithm anew for each batch size.
        ProviderKind::Cuda => {
            Some(CUDA::default().with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic).build())
        }
        ProviderKind::Cpu => None,
    }
}

/// Why a provider did not start, with the missing library's name where ONNX Runtime logged it.
fn explain(error: &str, logged: &[String], library: &Path) -> String {
    let library = library.display();
    if let Some(missing) =
        std::iter::once(error).chain(logged.iter().map(String::as_str)).find_map(missing_library)
    {
        return format!(
            "the library {missing} is missing; install it, or let ONNX Runtime find it (LD_LIBRARY_PATH)"
        );
    }
    if error.contains("not enabled in this build") {
        return format!(
            "{library} is built without it; point to a build that has it, such as onnxruntime-gpu's"
        );
    }
    match logged.last() {
        Some(last) if last != error => format!("{error} ({last})"),
        _ => error.to_owned(),
    }
}

/// `libcudart.so.13` of `...: libcudart.so.13: cannot open shared object file: ...`.
fn missing_library(message: &str) -> Option<&str> {
    let before = message.split_once(": cannot open shared object file")?.0;
    before.rsplit(|c: char| c.is_whitespace() || c == ':').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_library_is_named() {
        let logged = "Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot \
                      open shared object file: No such file or directory";
        assert_eq!(missing_library(logged), Some("libcublasLt.so.13"));
        assert!(
            explain("Failed to load shared library", &[logged.into()], Path::new("x"))
                .contains("libcublasLt.so.13")
        );
        assert_eq!(missing_library("out of memory"), None);
    }

    #[test]
    fn what_the_runtime_logged_last_is_told_where_its_error_says_less() {
        let why = explain("no device", &["one".into(), "CUDA failure 100".into()], Path::new("x"));
        assert_eq!(why, "no device (CUDA failure 100)");
    }
}
