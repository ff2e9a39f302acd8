//! Where the numbers come from.

use std::fs;

#[derive(Debug, Clone, serde::Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    pub os: &'static str,
    pub arch: &'static str,
    /// Whether this build is optimised; numbers of one that is not mean nothing.
    pub optimised: bool,
}

impl Machine {
    pub fn this() -> Self {
        let named = |text: String| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        Self {
            cpu: fs::read_to_string("/proc/cpuinfo")
                .ok()
                .and_then(named)
                .unwrap_or_else(|| "unknown".into()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            optimised: !cfg!(debug_assertions),
        }
    }
}
