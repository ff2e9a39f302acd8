//! `[labels]` and `[streams.labels]`: when labels start and end.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::checked::Labels;
use super::faults::{Faults, Placed};
use super::keys::LABEL;
use super::walk::{Field, Table};
use crate::label::{LabelRule, LabelSettings};

const HOLD: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(24 * 3600);

/// One table as written: what it does not say is `None`.
#[derive(Clone, Default)]
pub(super) struct LabelsTable {
    all: RuleTable,
    each: BTreeMap<String, Placed<RuleTable>>,
    watch: Option<Placed<Vec<String>>>,
    ignore: Option<Placed<Vec<String>>>,
    top_k: Option<Placed<usize>>,
}

#[derive(Clone, Default)]
struct RuleTable {
    enter: Option<Placed<f32>>,
    leave: Option<Placed<f32>>,
    start_after: Option<Placed<Duration>>,
    end_after: Option<Placed<Duration>>,
}

impl LabelsTable {
    pub fn read(table: &Table<'_>) -> Self {
        let each = table.rest().filter_map(|(label, field)| {
            // Anything but a table was noted as an unknown key.
            let rule = field.is_table().then(|| field.table(&LABEL))??;
            let value = RuleTable::read(&rule);
            Some((label.to_owned(), Placed { value, place: field.place.clone() }))
        });
        Self {
            each: each.collect(),
            all: RuleTable::read(table),
            watch: names(table, "watch"),
            ignore: names(table, "ignore"),
            top_k: table.get("top_k").and_then(|field| {
                field.placed(field.whole(1..=10_000).map(|number| number as usize))
            }),
        }
    }

    /// These settings of a stream before `general` ones: key by key; a stream's setting for
    /// all labels goes before a general one for a single label.
    pub fn over(&self, general: &Self, faults: &mut Faults) -> Labels {
        let mut labels = Labels::default();
        let all = self.all.over(&general.all);
        let rule = all.check("", &all, &mut labels, faults);
        labels.settings = LabelSettings {
            enter: rule.enter,
            leave: rule.leave,
            start_after: rule.start_after,
            end_after: rule.end_after,
            ..LabelSettings::default()
        };
        let names = self.each.keys().chain(general.each.keys());
        for name in names {
            let own = self.each.get(name);
            let other = general.each.get(name);
            let place = own.or(other).map(|rule| rule.place.clone());
            labels.places.extend(place.map(|place| (format!("labels.{name}"), place)));
            let none = RuleTable::default();
            let own = own.map_or(&none, |rule| &rule.value);
            let other = other.map_or(none.clone(), |rule| rule.value.without(&self.all));
            let rule = own.over(&other);
            let rule = rule.check(&format!("labels.{name}."), &all, &mut labels, faults);
            labels.settings.labels.insert(name.clone(), rule);
        }
        if let Some(watch) = self.watch.as_ref().or(general.watch.as_ref()) {
            labels.settings.watch = Some(watch.value.clone());
            labels.places.insert("watch".into(), watch.place.clone());
        }
        if let Some(ignore) = self.ignore.as_ref().or(general.ignore.as_ref()) {
            labels.settings.ignore.clone_from(&ignore.value);
            labels.places.insert("ignore".into(), ignore.place.clone());
        }
        if let Some(top_k) = self.top_k.as_ref().or(general.top_k.as_ref()) {
            labels.settings.top_k = Some(top_k.value);
            labels.places.insert("top_k".into(), top_k.place.clone());
        }
        labels
    }
}

fn names(table: &Table<'_>, key: &str) -> Option<Placed<Vec<String>>> {
    let field = table.get(key)?;
    let labels = field.list("write a list such as [\"shaking\"]")?;
    let value = labels.iter().filter_map(Field::text).collect();
    Some(Placed { value, place: field.place.clone() })
}

impl RuleTable {
    fn read(table: &Table<'_>) -> Self {
        let score = |name| table.get(name).and_then(|field| field.placed(field.score()));
        let hold = |name| table.get(name).and_then(|field| field.placed(field.duration(HOLD)));
        Self {
            enter: score("enter"),
            leave: score("leave"),
            start_after: hold("start_after"),
            end_after: hold("end_after"),
        }
    }

    fn over(&self, other: &Self) -> Self {
        Self {
            enter: self.enter.clone().or_else(|| other.enter.clone()),
            leave: self.leave.clone().or_else(|| other.leave.clone()),
            start_after: self.start_after.clone().or_else(|| other.start_after.clone()),
            end_after: self.end_after.clone().or_else(|| other.end_after.clone()),
        }
    }

    /// What is left where `other` says nothing.
    fn without(&self, other: &Self) -> Self {
        let without = |own: &Option<_>, other: &Option<_>| own.clone().filter(|_| other.is_none());
        let hold = |own: &Option<_>, other: &Option<_>| own.clone().filter(|_| other.is_none());
        Self {
            enter: without(&self.enter, &other.enter),
            leave: without(&self.leave, &other.leave),
            start_after: hold(&self.start_after, &other.start_after),
            end_after: hold(&self.end_after, &other.end_after),
        }
    }

    /// Notes a `leave` above the `enter` that it meets; `all` holds for what is not said here.
    fn check(
        &self,
        prefix: &str,
        all: &Self,
        labels: &mut Labels,
        faults: &mut Faults,
    ) -> LabelRule {
        let enter = self.enter.as_ref().or(all.enter.as_ref());
        let leave = self.leave.as_ref().or(all.leave.as_ref());
        if let (Some(enter), Some(leave)) = (enter, leave)
            && leave.value > enter.value
        {
            // Where only the enter is this table's own, it is the one to mend.
            let wrong = if self.leave.is_some() { leave } else { enter };
            faults.push(
                &wrong.place,
                format!("leave {} is above enter {}", leave.value, enter.value),
                "a label would end as it starts: set leave to enter or less",
            );
        }
        let mut place = |key: &str, place: Option<&super::Place>| {
            labels.places.extend(place.map(|place| (format!("{prefix}{key}"), place.clone())));
        };
        place("enter", self.enter.as_ref().map(|enter| &enter.place));
        place("leave", self.leave.as_ref().map(|leave| &leave.place));
        LabelRule {
            enter: self.enter.as_ref().map(|enter| enter.value),
            leave: self.leave.as_ref().map(|leave| leave.value),
            start_after: self.start_after.as_ref().map(|hold| hold.value),
            end_after: self.end_after.as_ref().map(|hold| hold.value),
        }
    }
}
