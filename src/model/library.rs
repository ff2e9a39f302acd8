//! Finds ONNX Runtime's shared library and loads it, once a process.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;

use super::error::ModelError;
use super::version;

/// The loaded library, and what it has logged.
#[derive(Clone)]
pub struct Runtime {
    pub environment: Environment,
    pub path: PathBuf,
    /// Such as `1.31.1`.
    pub version: String,
    pub said: Said,
}

/// The newest warnings and errors of ONNX Runtime: its error values leave out what it logs,
/// such as which library a provider misses.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    const MOST: usize = 16;

    fn note(&self, message: &str) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == Self::MOST {
            messages.remove(0);
        }
        messages.push(message.trim().to_owned());
    }

    /// Takes all messages since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime, loaded now or before. There is one a process: a second path is refused.
///
/// Looked for in this order: `chosen`, the environment variable `ORT_DYLIB_PATH`, `lib` and `../lib`
/// beside the executable, `.deps/onnxruntime` in the working directory, the system's library path.
/// What is chosen by name is not passed over when it fails.
pub fn runtime(chosen: Option<&Path>) -> Result<Runtime, ModelError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*loaded {
        let other = chosen.filter(|path| !same(path, &runtime.path));
        return match other {
            None => Ok(runtime.clone()),
            Some(path) => {
                let held = runtime.path.display();
                Err(failed(vec![format!(
                    "{}: {held} is loaded already, and there is one a process",
                    path.display()
                )]))
            }
        };
    }
    let mut tried = Vec::new();
    for candidate in candidates(chosen) {
        match load(&candidate.path) {
            Ok(runtime) => return Ok(loaded.insert(runtime).clone()),
            Err(why) => {
                tried.push(format!("{} ({}): {why}", candidate.path.display(), candidate.from))
            }
        }
        if candidate.by_name {
            break;
        }
    }
    Err(failed(tried))
}

fn failed(tried: Vec<String>) -> ModelError {
    ModelError::Library { wanted: ort::MINOR_VERSION, tried }
}

struct Candidate {
    path: PathBuf,
    from: &'static str,
    /// Someone named it, so nothing else will do.
    by_name: bool,
}

fn candidates(chosen: Option<&Path>) -> Vec<Candidate> {
    let named = |path: PathBuf, from| {
        let path = if path.is_dir() {
            newest_in(&path).unwrap_or_else(|| path.join(plain_name()))
        } else {
            path
        };
        Candidate { path, from, by_name: true }
    };
    if let Some(path) = chosen {
        return vec![named(path.to_owned(), "as configured")];
    }
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return vec![named(path.into(), "from ORT_DYLIB_PATH")];
    }
    let mut folders = Vec::new();
    if let Some(beside) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.extend([
            (beside.join("lib"), "beside percept"),
            (beside.join("../lib"), "beside percept"),
            (beside.join("../lib/percept"), "beside percept"),
            (beside.join("../../.deps/onnxruntime/lib"), "where percept was built"),
        ]);
    }
    for folder in [".deps/onnxruntime", ".deps/onnxruntime/lib"] {
        // Absolute, for ort takes a relative path to be relative to the executable.
        if let Ok(folder) = std::path::absolute(folder) {
            folders.push((folder, "from make deps"));
        }
    }
    let mut found: Vec<_> = folders
        .into_iter()
        .filter_map(|(folder, from)| {
            Some(Candidate { path: newest_in(&folder)?, from, by_name: false })
        })
        .collect();
    found.push(Candidate {
        path: plain_name().into(),
        from: "from the system's library path",
        by_name: false,
    });
    found
}

fn plain_name() -> String {
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

/// The library of the highest version in a folder: `libonnxruntime.so.1.31.1` or `libonnxruntime.so`.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let start = format!("{DLL_PREFIX}onnxruntime.");
    let extension = DLL_SUFFIX.trim_start_matches('.');
    let version =
        |name: &str| -> Vec<u32> { name.split('.').filter_map(|part| part.parse().ok()).collect() };
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&start) && name.split('.').any(|part| part == extension))
        .max_by_key(|name| version(name))
        .map(|name| folder.join(name))
}

fn same(one: &Path, other: &Path) -> bool {
    let one = if one.is_dir() {
        newest_in(one).unwrap_or_else(|| one.to_owned())
    } else {
        one.to_owned()
    };
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn load(path: &Path) -> Result<Runtime, String> {
    // A bare name is for the system to find; of a path we can say more plainly that it is not there.
    if path.components().count() > 1 {
        match path.metadata() {
            Err(error) => return Err(error.to_string()),
            Ok(metadata) if !metadata.is_file() => return Err("it is not a file".into()),
            Ok(_) => {}
        }
    }
    let said = Said::default();
    let builder = ort::init_from(path).map_err(|error| match error {
        LoadDynamicError::Dlopen { error, .. } => {
            let why = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            format!("it does not load: {why}")
        }
        LoadDynamicError::MissingApi { .. } => "it is not ONNX Runtime".into(),
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!("its version is {version_str}, which is too old")
        }
        LoadDynamicError::InvalidVersionString => "it does not tell its version".into(),
    })?;
    let logger = said.clone();
    let environment = builder
        .with_name("percept")
        .with_telemetry(false)
        .with_logger(Arc::new(
            move |level, _category: &str, _id: &str, place: &str, message: &str| {
                // What matters comes back as an error value, and is told there.
                tracing::debug!(target: "onnxruntime", ?level, place, message, "onnx runtime log");
                if matches!(level, LogLevel::Warning | LogLevel::Error | LogLevel::Fatal) {
                    logger.note(message);
                }
            },
        ))
        .build()
        .map_err(|error| format!("it does not start: {error}"))?;
    environment.set_log_level(LogLevel::Warning);
    let version = version::of(path).unwrap_or_else(|| "unknown".into());
    Ok(Runtime { environment, path: path.to_owned(), version, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_in_a_folder_is_taken_and_providers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest_in(folder.path()), None);
        for name in [
            "libonnxruntime.so.1.9.2",
            "libonnxruntime.so.1.31.1",
            "libonnxruntime_providers_shared.so",
            "x",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(newest_in(folder.path()), Some(folder.path().join("libonnxruntime.so.1.31.1")));
    }

    #[test]
    fn what_is_chosen_by_name_stands_alone() {
        let candidates = candidates(Some(Path::new("/nowhere/libonnxruntime.so")));
        assert_eq!(candidates.len(), 1);
        assert!(candidates[0].by_name);
    }
}
