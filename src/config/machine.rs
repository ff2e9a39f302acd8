//! `config/percept.toml`: how this machine runs.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::checked::Machine;
use super::keys;
use super::keys::Keys;
use super::walk::{Field, Table};
use crate::model::{ModelSettings, Need, Provider, ProviderKind};
use crate::supervise::Reconnect;
use crate::telemetry::logging::{LogFilter, LogFormat};

const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
const BATCH_WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(10);
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);
const KINDS: [(&str, ProviderKind); 2] = [("cuda", ProviderKind::Cuda), ("cpu", ProviderKind::Cpu)];
const NEEDS: [(&str, Need); 2] = [("required", Need::Required), ("preferred", Need::Preferred)];
const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

pub(super) fn read(table: &Table<'_>) -> Machine {
    let section = |name: &str, keys: &'static Keys| table.get(name)?.table(keys);
    let mut machine = Machine::default();
    if let Some(table) = section("model", &keys::MODEL) {
        model(&table, &mut machine.model);
    }
    if let Some(table) = section("batch", &keys::BATCH) {
        set(&mut machine.model.max_batch, table.get("max_windows"), |field| whole(field, 1024));
        set(&mut machine.max_wait, table.get("max_wait"), |field| field.duration(BATCH_WAIT));
    }
    if let Some(table) = section("decode", &keys::DECODER) {
        set(&mut machine.decoder_threads, table.get("threads"), |field| whole(field, 64));
    }
    if let Some(table) = section("http", &keys::HTTP) {
        set(&mut machine.http.listen, table.get("listen"), listen_field);
        set(&mut machine.http.ready_share, table.get("ready_share"), |field| field.fraction());
    }
    if let Some(table) = section("reconnect", &keys::RECONNECT) {
        reconnect(&table, &mut machine.reconnect);
    }
    if let Some(table) = section("log", &keys::LOG) {
        set(&mut machine.log.filter, table.get("level"), log_filter);
        set(&mut machine.log.format, table.get("format"), |field| field.choice(&FORMATS));
    }
    if let Some(table) = section("shutdown", &keys::SHUTDOWN) {
        set(&mut machine.deadline, table.get("deadline"), |field| field.duration(DEADLINE));
    }
    machine
}

/// Leaves the default where nothing, or something wrong, is written.
fn set<T>(value: &mut T, field: Option<Field<'_>>, read: impl FnOnce(&Field<'_>) -> Option<T>) {
    if let Some(read) = field.as_ref().and_then(read) {
        *value = read;
    }
}

fn whole(field: &Field<'_>, most: u32) -> Option<usize> {
    field.whole(1..=most).map(|number| number as usize)
}

fn model(table: &Table<'_>, model: &mut ModelSettings) {
    let ModelSettings { threads, library, providers, .. } = model;
    set(threads, table.get("threads"), |field| whole(field, 1024));
    set(library, table.get("library"), |field| field.text().map(|path| Some(PathBuf::from(path))));
    let Some(field) = table.get("providers") else { return };
    let Some(tables) = field.tables(&keys::PROVIDER) else { return };
    if tables.is_empty() {
        field.wrong("names no provider", "write [[model.providers]] with kind = \"cpu\"");
    }
    let mut read: Vec<Provider> = Vec::new();
    for table in &tables {
        let Some(kind) = table.get("kind") else {
            table.fault("kind", "is missing", "write kind = \"cpu\" or kind = \"cuda\"");
            continue;
        };
        let Some(kind) = kind.choice(&KINDS) else { continue };
        if read.iter().any(|known| known.kind == kind) {
            table.fault("kind", "is listed before", "leave one of them out");
        }
        let mut need = Need::Preferred;
        set(&mut need, table.get("need"), |field| field.choice(&NEEDS));
        read.push(Provider { kind, need });
    }
    if !read.is_empty() {
        *providers = read;
    }
}

fn reconnect(table: &Table<'_>, reconnect: &mut Reconnect) {
    let Reconnect { first, most, unauthorized } = reconnect;
    set(first, table.get("first"), |field| field.duration(WAIT));
    set(most, table.get("most"), |field| field.duration(WAIT));
    set(unauthorized, table.get("unauthorized"), |field| field.duration(WAIT));
    if first > most {
        let key = if table.get("most").is_some() { "most" } else { "first" };
        let [first, most] = [*first, *most].map(humantime::format_duration);
        let problem = format!("the longest wait {most} is shorter than the first {first}");
        table.fault(key, problem, "set most to first or more");
    }
}

fn log_filter(field: &Field<'_>) -> Option<LogFilter> {
    let filter = field.text()?.parse();
    if filter.is_err() {
        let fix = "write off, error, warn, info, debug or trace, or directives such as \
                   \"info,percept::source=debug\"";
        field.wrong("is not a log level", fix);
    }
    filter.ok()
}

fn listen_field(field: &Field<'_>) -> Option<Option<SocketAddr>> {
    let address = listen(&field.text()?);
    if address.is_none() {
        field.wrong("is not an address and port", LISTEN_FIX);
    }
    address
}

pub(super) const LISTEN_FIX: &str = "write \"127.0.0.1:9184\", \"0.0.0.0:9184\" or \"off\"";

/// `ADDRESS:PORT`, or `off`; `None` where it is neither.
pub(super) fn listen(text: &str) -> Option<Option<SocketAddr>> {
    if text == "off" { Some(None) } else { text.parse().ok().map(Some) }
}
