//! `pipelines/*.toml`: what to watch.

use std::path::PathBuf;

use super::checked::{Sink, Stream};
use super::faults::{Faults, Placed};
use super::keys;
use super::labels::LabelsTable;
use super::stream::{self, Common};
use super::walk::Table;
use crate::publish::SinkSettings;

#[derive(Default)]
pub(super) struct Pipeline {
    /// As [`super::Checked::model_known`].
    pub model_known: bool,
    pub model: Option<Placed<PathBuf>>,
    pub streams: Vec<Stream>,
    pub sinks: Vec<Sink>,
}

pub(super) fn read(table: &Table<'_>) -> Pipeline {
    let mut faults = Faults::new();
    let defaults = table.get("defaults").and_then(|field| field.table(&keys::DEFAULTS));
    let defaults = defaults.map(|table| Common::read(&table)).unwrap_or_default();
    let labels = table.get("labels").and_then(|field| field.table(&keys::LABELS));
    let labels = labels.map(|table| LabelsTable::read(&table)).unwrap_or_default();
    let tables = match table.get("streams") {
        Some(field) => field.tables(&keys::STREAM),
        None => Some(Vec::new()),
    };
    if tables.as_ref().is_some_and(Vec::is_empty) {
        let fix = "write [[streams]] with a name and a source";
        table.fault("streams", "there is nothing to watch", fix);
    }
    let mut streams: Vec<Stream> = Vec::new();
    // A stream that is wrong otherwise has a name all the same.
    let mut names: Vec<(String, usize)> = Vec::new();
    for table in tables.unwrap_or_default() {
        if let Some(name) = table.get("name").and_then(|field| field.text()) {
            if let Some((_, line)) = names.iter().find(|(known, _)| *known == name) {
                let problem = format!("\"{name}\" is also the stream of line {line}");
                table.fault("name", problem, "give each stream its own name");
            }
            names.push((name, table.place.line().unwrap_or_default()));
        }
        streams.push(stream::read(&table, &defaults, &labels, &mut faults));
    }
    table.source().faults.borrow_mut().append(faults);
    let model = path(table, "model");
    let model_known = match table.get("model") {
        Some(_) => model.is_some(),
        None => !table.misspells("model"),
    };
    Pipeline { model_known, model, streams, sinks: sinks(table) }
}

fn path(table: &Table<'_>, name: &str) -> Option<Placed<PathBuf>> {
    let field = table.get(name)?;
    let text = field.text()?;
    if text.is_empty() {
        field.wrong("is no path", "write one, or leave the key out");
        return None;
    }
    field.placed(Some(PathBuf::from(text)))
}

fn sinks(table: &Table<'_>) -> Vec<Sink> {
    let Some(field) = table.get("sinks") else { return vec![Sink::stdout(table.place.clone())] };
    let mut sinks: Vec<Sink> = Vec::new();
    for table in field.tables(&keys::SINK).unwrap_or_default() {
        let Some(sink) = sink(&table) else { continue };
        if sinks.iter().any(|known| known.target.value == sink.target.value) {
            let key = if sink.target.value == SinkSettings::Stdout { "type" } else { "path" };
            table.fault(key, "another sink writes to the same place", "leave one of them out");
        }
        sinks.push(sink);
    }
    sinks
}

fn sink(table: &Table<'_>) -> Option<Sink> {
    let windows = table.get("windows").map_or(Some(true), |field| field.flag());
    let path = path(table, "path");
    let Some(kind) = table.get("type") else {
        table.fault("type", "is missing", "write type = \"stdout\" or type = \"file\"");
        return None;
    };
    let target = if kind.choice(&[("stdout", false), ("file", true)])? {
        if table.get("path").is_none() {
            table.fault("path", "is missing", "write path = \"events.jsonl\"");
        }
        let Placed { value: path, place } = path?;
        Placed { value: SinkSettings::File { path }, place }
    } else {
        if path.is_some() {
            table.fault("path", "standard output has no path", "write type = \"file\"");
        }
        Placed { value: SinkSettings::Stdout, place: kind.place.clone() }
    };
    Some(Sink { target, windows: windows? })
}
