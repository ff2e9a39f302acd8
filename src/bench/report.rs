//! The results, for people as a table and for programs as JSON.

use std::fmt;

use super::byte_array::ByteArrayReport;
use super::line_report::LineReport;
use super::machine::Machine;

/// What `percept bench` prints, or writes with `--json`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct BenchReport {
    pub machine: Machine,
    /// This program's version.
    pub percept: &'static str,
    pub byte_array: ByteArrayReport,
    /// `None` where this build runs no models.
    pub model: Option<ModelReport>,
    /// `None` where no clip was given.
    pub line: Option<LineReport>,
}

#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct ModelReport {
    /// Name and version.
    pub name: String,
    pub provider: &'static str,
    /// Version of the library.
    pub onnx_runtime: String,
    /// Milliseconds to write one window into its slot, its frames' times changed.
    pub write_ms: f64,
    pub throughput: Vec<Throughput>,
}

#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Throughput {
    pub threads: usize,
    pub batch: usize,
    pub windows_a_second: f64,
}

impl BenchReport {
    /// One JSON document over several lines.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain numbers and words")
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "machine       {}, {} cores, {} {}",
            machine.cpu, machine.cores, machine.os, machine.arch
        )?;
        writeln!(
            f,
            "percept       {}{}",
            self.percept,
            if machine.optimised { "" } else { ", NOT OPTIMISED" }
        )?;
        if let Some(model) = &self.model {
            writeln!(f, "onnx runtime  {}, provider {}", model.onnx_runtime, model.provider)?;
        }
        writeln!(f, "\n{}", self.byte_array)?;
        self.model.as_ref().map_or(Ok(()), |model| write!(f, "\n{model}"))?;
        self.line.as_ref().map_or(Ok(()), |line| write!(f, "\n{line}"))
    }
}

impl fmt::Display for ByteArrayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = (self.rows * self.channels * 4) as f64 / 1e6;
        writeln!(
            f,
            "byte array of a 224x224 image: {} rows, {} channels, {megabytes:.1} MB",
            self.rows, self.channels
        )?;
        for (name, time, ratio) in [
            ("rewrite the bytes in the resident array", self.rewrite_ms, 1.0),
            (
                "the same, out of the caches",
                self.rewrite_cold_ms,
                self.rewrite_cold_ms / self.rewrite_ms,
            ),
            ("copy a ready array over it", self.copy_ms, self.copy_ratio),
            ("build it anew, features and all", self.rebuild_ms, self.rebuild_ratio),
        ] {
            writeln!(f, "  {name:<40} {time:>9.3} ms {ratio:>8.1} x")?;
        }
        Ok(())
    }
}

/// Of slow models more decimals count.
fn figure(windows_a_second: f64) -> String {
    let decimals = if windows_a_second < 10.0 { 2 } else { 1 };
    format!("{windows_a_second:.decimals$}")
}

impl fmt::Display for ModelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "model {}: windows a second (and {:.3} ms to write a window)",
            self.name, self.write_ms
        )?;
        let mut batches: Vec<_> = self.throughput.iter().map(|one| one.batch).collect();
        batches.sort_unstable();
        batches.dedup();
        let mut threads: Vec<_> = self.throughput.iter().map(|one| one.threads).collect();
        threads.dedup();
        write!(f, "  {:<10}", "threads")?;
        batches.iter().try_for_each(|batch| write!(f, "{:>12}", format!("batch {batch}")))?;
        writeln!(f)?;
        for threads in threads {
            write!(f, "  {threads:<10}")?;
            for batch in &batches {
                let one = self
                    .throughput
                    .iter()
                    .find(|one| one.threads == threads && one.batch == *batch);
                write!(f, "{:>12}", one.map_or("-".into(), |one| figure(one.windows_a_second)))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_column_a_batch_and_a_row_a_thread_count() {
        let one =
            |threads, batch, windows_a_second| Throughput { threads, batch, windows_a_second };
        let model = ModelReport {
            name: "tiny 1.0.0".into(),
            throughput: vec![one(1, 1, 20.04), one(1, 8, 25.0), one(2, 1, 38.0)],
            ..ModelReport::default()
        };
        let table = model.to_string();
        let lines: Vec<Vec<_>> =
            table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["threads", "batch", "1", "batch", "8"]);
        assert_eq!(lines[1], ["1", "20.0", "25.0"]);
        assert_eq!(lines[2], ["2", "38.0", "-"]);
    }
}
