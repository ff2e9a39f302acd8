//! Reads TOML tables key by key, and gathers what is wrong with them.
//!
//! Every reader gives `None` after it has noted a fault, so that the caller goes on and
//! finds the next one. Does not know what any key means: see [`super::keys`].

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml_edit::{ArrayOfTables, Item, TableLike, Value};

use super::environment::{self, Lookup};
use super::faults::{Faults, Place, Placed};
use super::keys::Keys;

/// One file while it is read.
pub(super) struct Source<'a> {
    pub text: &'a str,
    pub environment: Lookup<'a>,
    pub faults: RefCell<Faults>,
}

impl Source<'_> {
    /// Lines count from 1.
    pub fn line(&self, span: Option<Range<usize>>) -> Option<usize> {
        let start = span?.start.min(self.text.len());
        Some(1 + self.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count())
    }

    pub fn fault(&self, place: &Place, problem: impl Into<String>, fix: impl Into<String>) {
        self.faults.borrow_mut().push(place, problem, fix);
    }
}

/// A table whose keys were compared with those known.
pub(super) struct Table<'a> {
    source: &'a Source<'a>,
    entries: &'a dyn TableLike,
    keys: &'static Keys,
    pub place: Place,
}

impl<'a> Table<'a> {
    /// Notes a fault for each key that `keys` does not have.
    pub fn new(
        source: &'a Source<'a>,
        entries: &'a dyn TableLike,
        keys: &'static Keys,
        place: Place,
    ) -> Self {
        let table = Self { source, entries, keys, place };
        for (name, item) in entries.iter() {
            let open = keys.rest.is_some() && (keys.rest_table.is_none() || item.is_table_like());
            if keys.get(name).is_none() && !open && !item.is_none() {
                let place = table.place.within(name, table.line_of(name));
                source.fault(&place, "unknown key", unknown_key_fix(name, keys));
            }
        }
        table
    }

    pub fn get(&self, name: &str) -> Option<Field<'a>> {
        let key = self.keys.get(name);
        debug_assert!(key.is_some(), "{name} is read but not in the table of keys");
        self.field(name, key.is_some_and(|key| key.secret))
    }

    /// Entries whose names are the user's own: labels, FFmpeg options.
    pub fn rest(&self) -> impl Iterator<Item = (&'a str, Field<'a>)> + '_ {
        let names = self.entries.iter().map(|(name, _)| name);
        names
            .filter(|name| self.keys.get(name).is_none())
            .filter_map(|name| Some((name, self.field(name, self.keys.rest_is_secret)?)))
    }

    fn field(&self, name: &str, secret: bool) -> Option<Field<'a>> {
        let (key, item) = self.entries.get_key_value(name)?;
        let node = Node::of(item)?;
        let line = self.source.line(item.span().or_else(|| key.span()));
        Some(Field { source: self.source, node, secret, place: self.place.within(name, line) })
    }

    pub fn source(&self) -> &'a Source<'a> {
        self.source
    }

    /// Notes a fault of a key that may be missing.
    pub fn fault(&self, name: &str, problem: impl Into<String>, fix: impl Into<String>) {
        let place = self.get(name).map(|field| field.place);
        let place = place.unwrap_or_else(|| self.place.within(name, None));
        self.source.fault(&place, problem, fix);
    }

    /// Whether an unknown key is most likely meant to be `name`.
    pub fn misspells(&self, name: &str) -> bool {
        let known: Vec<_> = self.keys.keys.iter().map(|key| key.name).collect();
        let mut unknown = self.entries.iter().map(|(key, _)| key);
        unknown.any(|key| self.keys.get(key).is_none() && nearest(key, &known) == Some(name))
    }

    fn line_of(&self, name: &str) -> Option<usize> {
        self.source.line(self.entries.get_key_value(name)?.0.span())
    }
}

/// The nearest known name, if any is near, and all of them.
fn unknown_key_fix(name: &str, keys: &Keys) -> String {
    let names: Vec<_> = keys.keys.iter().map(|key| key.name).collect();
    let mut fix = match nearest(name, &names) {
        Some(known) => format!("did you mean \"{known}\"? "),
        None => String::new(),
    };
    fix.push_str(&format!("known here: {}", names.join(", ")));
    if let Some(rest) = keys.rest {
        fix.push_str(&format!(", and {rest}"));
    }
    fix
}

/// The name that `written` was most likely meant to be.
pub(super) fn nearest<'n>(written: &str, names: &[&'n str]) -> Option<&'n str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&written.to_lowercase(), name);
    let near = names.iter().copied().min_by_key(|name| distance(name))?;
    (distance(near) <= 1 + near.len() / 4).then_some(near)
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Value(&'a Value),
    Table(&'a dyn TableLike),
    Tables(&'a ArrayOfTables),
}

impl<'a> Node<'a> {
    fn of(item: &'a Item) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(Self::of_value(value)),
            Item::Table(table) => Some(Self::Table(table)),
            Item::ArrayOfTables(tables) => Some(Self::Tables(tables)),
        }
    }

    fn of_value(value: &'a Value) -> Self {
        match value {
            Value::InlineTable(table) => Self::Table(table),
            value => Self::Value(value),
        }
    }
}

/// What a key holds, and where.
pub(super) struct Field<'a> {
    source: &'a Source<'a>,
    node: Node<'a>,
    secret: bool,
    pub place: Place,
}

impl<'a> Field<'a> {
    pub fn source(&self) -> &'a Source<'a> {
        self.source
    }

    pub fn is_table(&self) -> bool {
        matches!(self.node, Node::Table(_))
    }

    pub fn has_variables(&self) -> bool {
        matches!(self.node, Node::Value(Value::String(text)) if text.value().contains("${"))
    }

    /// `value`, with its place.
    pub fn placed<T>(&self, value: Option<T>) -> Option<Placed<T>> {
        value.map(|value| Placed { value, place: self.place.clone() })
    }

    /// Notes that this value is wrong; `problem` follows the value as written.
    pub fn wrong(&self, problem: &str, fix: impl Into<String>) {
        self.source.fault(&self.place, format!("{} {problem}", self.shown()), fix);
    }

    /// Text, with its environment variables filled in.
    pub fn text(&self) -> Option<String> {
        Some(self.expanded()?.text)
    }

    /// [`Field::text`], and what the variables held.
    pub fn expanded(&self) -> Option<environment::Expanded> {
        let Node::Value(Value::String(text)) = self.node else {
            self.wrong("is not text", "write it in quotes");
            return None;
        };
        match environment::expand(text.value(), self.source.environment) {
            Ok(expanded) => Some(expanded),
            Err(errors) => {
                for error in errors {
                    self.source.fault(&self.place, error.to_string(), error.fix());
                }
                None
            }
        }
    }

    /// Text, or a number or flag as text.
    pub fn scalar(&self) -> Option<String> {
        match self.node {
            Node::Value(Value::Integer(number)) => Some(number.value().to_string()),
            Node::Value(Value::Float(number)) => Some(number.value().to_string()),
            Node::Value(Value::Boolean(flag)) => Some(flag.value().to_string()),
            _ => self.text(),
        }
    }

    pub fn flag(&self) -> Option<bool> {
        if let Node::Value(Value::Boolean(flag)) = self.node {
            return Some(*flag.value());
        }
        self.wrong("is neither true nor false", "write true or false, without quotes");
        None
    }

    pub fn whole(&self, range: RangeInclusive<u32>) -> Option<u32> {
        if let Node::Value(Value::Integer(number)) = self.node
            && let Ok(number) = u32::try_from(*number.value())
            && range.contains(&number)
        {
            return Some(number);
        }
        let (least, most) = range.into_inner();
        self.wrong("is not a whole number that fits", format!("write {least} to {most}"));
        None
    }

    /// A number in `[0, 1]`.
    pub fn fraction(&self) -> Option<f64> {
        let fraction = self.number().filter(|number| (0.0..=1.0).contains(number));
        if fraction.is_none() {
            self.wrong("is not a number from 0 to 1", "write a fraction such as 0.5");
        }
        fraction
    }

    /// A number in `(0, 1]`.
    pub fn score(&self) -> Option<f32> {
        let score = self.number().filter(|number| *number > 0.0 && *number <= 1.0);
        if score.is_none() {
            self.wrong("is not a score above 0 and at most 1", "write one such as 0.6");
        }
        score.map(|score| score as f32)
    }

    fn number(&self) -> Option<f64> {
        match self.node {
            Node::Value(Value::Float(number)) => Some(*number.value()),
            Node::Value(Value::Integer(number)) => Some(*number.value() as f64),
            _ => None,
        }
    }

    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        if !matches!(self.node, Node::Value(Value::String(_))) {
            self.wrong("is not a duration", DURATION_FIX);
            return None;
        }
        match duration(&self.text()?, range) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.wrong(error.problem, error.fix);
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let known = format!("known: {}", quoted.join(", "));
            let fix = match nearest(&text, &names) {
                Some(near) => format!("did you mean \"{near}\"? {known}"),
                None => known,
            };
            self.wrong("is not one of the words known here", fix);
        }
        found.map(|(_, value)| *value)
    }

    pub fn table(&self, keys: &'static Keys) -> Option<Table<'a>> {
        let Node::Table(entries) = self.node else {
            self.wrong("is not a table", format!("write [{}]", self.place.key()));
            return None;
        };
        Some(Table::new(self.source, entries, keys, self.place.clone()))
    }

    /// The elements of a list.
    pub fn list(&self, fix: &str) -> Option<Vec<Field<'a>>> {
        let Node::Value(Value::Array(array)) = self.node else {
            self.wrong("is not a list", fix);
            return None;
        };
        let elements = array.iter().map(Node::of_value).zip(array.iter().map(Value::span));
        Some(elements.enumerate().map(|(i, (node, span))| self.element(i, node, span)).collect())
    }

    /// The tables of `[[key]]`, or of a list of inline tables.
    pub fn tables(&self, keys: &'static Keys) -> Option<Vec<Table<'a>>> {
        let fix = format!("write [[{}]]", self.place.key());
        let elements = match self.node {
            Node::Tables(tables) => tables
                .iter()
                .enumerate()
                .map(|(i, table)| self.element(i, Node::Table(table), table.span()))
                .collect(),
            Node::Table(_) => {
                self.wrong("stands where a list of tables belongs", fix);
                return None;
            }
            Node::Value(_) => self.list(&fix)?,
        };
        Some(elements.iter().filter_map(|element| element.table(keys)).collect())
    }

    fn element(&self, index: usize, node: Node<'a>, span: Option<Range<usize>>) -> Field<'a> {
        let place = self.place.within(&format!("[{index}]"), self.source.line(span));
        Field { source: self.source, node, secret: self.secret, place }
    }

    /// The value as the file has it (variables not filled in), unless it may be secret.
    fn shown(&self) -> String {
        match self.node {
            Node::Table(_) => "a table".into(),
            Node::Tables(_) => "a list of tables".into(),
            Node::Value(_) if self.secret => "the value (not shown)".into(),
            Node::Value(value) => {
                let span = value.span().unwrap_or_default();
                let text = self.source.text.get(span).unwrap_or_default();
                let line = text.lines().next().unwrap_or_default();
                let mut shown: String = line.chars().take(60).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                shown
            }
        }
    }
}

const DURATION_FIX: &str = "write it like \"2s\" or \"500ms\"";

pub(super) struct DurationError {
    pub problem: &'static str,
    pub fix: String,
}

/// Reads `500ms`, `2s`, `1m 30s`; the unit may not be left out.
pub(super) fn duration(
    text: &str,
    range: RangeInclusive<Duration>,
) -> Result<Duration, DurationError> {
    let Ok(duration) = humantime::parse_duration(text) else {
        return Err(DurationError { problem: "is not a duration", fix: DURATION_FIX.into() });
    };
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = range.into_inner();
    let [least, most] = [least, most].map(humantime::format_duration);
    Err(DurationError { problem: "is out of range", fix: format!("write {least} to {most}") })
}
