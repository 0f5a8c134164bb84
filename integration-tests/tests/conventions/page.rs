//! The page `CONVENTIONS.md` of the core, and the names of the conventions.

use crate::golden::{Case, Emitted, Head};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The page's tables of attributes and metrics.
pub(crate) struct Page {
    sections: BTreeMap<String, Vec<Table>>,
}

/// A table: its rows by the headings of its columns.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A row of a table of attributes, with its columns that are operations or metrics.
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) levels: BTreeMap<String, String>,
    pub(crate) source: String,
}

/// A metric of the page.
pub(crate) struct MetricRow {
    pub(crate) name: String,
    instrument: String,
    unit: String,
    buckets: String,
    pub(crate) source: String,
}

/// A log event of the page.
pub(crate) struct EventRow {
    pub(crate) name: String,
    severity: String,
    pub(crate) source: String,
}

/// The headings of the clients, by the names of their golden texts.
const CLIENTS: [(&str, &str); 5] = [
    ("rabbitmq", "RabbitMQ ("),
    ("celery", "Celery ("),
    ("kafka", "Kafka ("),
    ("nats", "NATS ("),
    ("envelope", "Envelope ("),
];

impl Page {
    pub(crate) fn read() -> Self {
        Self::parse(&Self::text())
    }

    pub(crate) fn text() -> String {
        let path = "../crates/otel-messaging/CONVENTIONS.md";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        fs::read_to_string(path).expect("the page")
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut sections: BTreeMap<String, Vec<Table>> = BTreeMap::new();
        let (mut section, mut is_in_table) = (String::new(), false);
        for line in text.lines() {
            if line.starts_with('#') {
                line.trim_start_matches(['#', ' ']).clone_into(&mut section);
            }
            let cells = line
                .strip_prefix("| ")
                .and_then(|rest| rest.strip_suffix(" |"));
            let Some(cells) = cells else {
                is_in_table = false;
                continue;
            };
            let cells: Vec<_> = cells
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect();
            let tables = sections.entry(section.clone()).or_default();
            match tables.last_mut().filter(|_| is_in_table) {
                Some(table) if cells.iter().all(|cell| cell == "---") => {
                    assert_eq!(cells.len(), table.columns.len(), "{section}");
                }
                Some(table) => {
                    assert_eq!(cells.len(), table.columns.len(), "{line}");
                    table.rows.push(cells);
                }
                None => tables.push(Table {
                    columns: cells,
                    rows: Vec::new(),
                }),
            }
            is_in_table = true;
        }
        Self { sections }
    }

    fn tables(&self, section: &str, first: &str) -> impl Iterator<Item = &Table> {
        let sections = self.sections.iter();
        let found = sections.filter(move |(name, _)| name.starts_with(section));
        let tables = found.flat_map(|(_, tables)| tables);
        tables.filter(move |table| code(&table.columns[0]) == first)
    }

    fn table(&self, section: &str, first: &str) -> &Table {
        let table = self.tables(section, first).next();
        table.unwrap_or_else(|| panic!("{section}: no table of each {first}"))
    }

    /// The rows of a client itself.
    pub(crate) fn own_attributes(&self, client: &str) -> Vec<Attribute> {
        let heading = CLIENTS.iter().find(|(name, _)| *name == client);
        let (_, heading) = heading.expect("a client of the page");
        let tables = self.tables(heading, "attribute");
        let all: Vec<_> = tables.flat_map(Table::attributes).collect();
        assert!(!all.is_empty(), "{heading}: no table of attributes");
        all
    }

    /// The rows of a client, with those that it shares with another one.
    pub(crate) fn attributes(&self, client: &str) -> Vec<Attribute> {
        let mut all = self.own_attributes(client);
        if client == "celery" {
            all.extend(self.own_attributes("rabbitmq"));
        }
        all
    }

    /// The attributes of metrics, by metric.
    pub(crate) fn metric_attributes(&self) -> Vec<Attribute> {
        self.table("Metrics", "attribute").attributes()
    }

    pub(crate) fn metrics(&self) -> Vec<MetricRow> {
        let table = self.table("Metrics", "metric");
        let rows = table.rows.iter().map(|row| MetricRow {
            name: table.text(row, "metric"),
            instrument: table.text(row, "instrument"),
            unit: table.text(row, "unit"),
            buckets: table.text(row, "buckets"),
            source: table.text(row, "source"),
        });
        rows.collect()
    }

    /// The attributes of log events, by event.
    pub(crate) fn event_attributes(&self) -> Vec<Attribute> {
        self.table("Events", "attribute").attributes()
    }

    pub(crate) fn events(&self) -> Vec<EventRow> {
        let table = self.table("Events", "event");
        let rows = table.rows.iter().map(|row| EventRow {
            name: table.text(row, "event"),
            severity: table.text(row, "severity"),
            source: table.text(row, "source"),
        });
        rows.collect()
    }

    /// The names of an attribute's values.
    pub(crate) fn outcomes(&self) -> BTreeSet<String> {
        let table = self.table("Metrics", "otel_messaging.propagation.outcome");
        table.rows.iter().map(|row| code(&row[0])).collect()
    }

    pub(crate) fn assert_buckets(&self, metric: &str, found: &[f64]) {
        let known = self.metrics();
        let row = known.iter().find(|row| row.name == metric);
        let row = row.unwrap_or_else(|| panic!("the page does not list the metric {metric}"));
        let buckets = self.table("Metrics", "buckets");
        let listed = buckets.rows.iter().find(|it| it[0] == row.buckets);
        let listed = listed.unwrap_or_else(|| panic!("{metric}: no buckets {}", row.buckets));
        let listed = listed[1]
            .split(' ')
            .map(|text| text.parse().expect("a number"));
        assert_eq!(found, listed.collect::<Vec<f64>>(), "buckets of {metric}");
    }

    /// Asserts that the page has everything that was emitted, and that what it says is always there is.
    pub(crate) fn assert_lists(&self, client: &str, cases: &[Case]) {
        let rows = self.attributes(client);
        let (metrics, on_metrics) = (self.metrics(), self.metric_attributes());
        let (events, on_events) = (self.events(), self.event_attributes());
        for case in cases {
            for emitted in &case.emitted {
                let place = format!("{client}, {}", case.name);
                if let Head::Event { name, severity, .. } = &emitted.head {
                    let row = events.iter().find(|row| row.name == *name);
                    let row = row.unwrap_or_else(|| panic!("{place}: no event {name} is listed"));
                    assert_eq!(row.severity, *severity, "{place}: {name}");
                    assert_row(&place, emitted, &on_events, name);
                    continue;
                }
                let Head::Metric {
                    name,
                    instrument,
                    unit,
                    ..
                } = &emitted.head
                else {
                    assert_row(&place, emitted, &rows, emitted.operation());
                    continue;
                };
                let row = metrics.iter().find(|row| row.name == *name);
                let row = row
                    .unwrap_or_else(|| panic!("{place}: the page does not list the metric {name}"));
                let listed = (&row.instrument, &row.unit);
                assert_eq!(listed, (instrument, unit), "{place}: {name}");
                assert_row(&place, emitted, &on_metrics, name);
                assert_on_spans(&place, emitted, &rows);
            }
        }
    }
}

impl Table {
    fn text(&self, row: &[String], column: &str) -> String {
        let place = self.columns.iter().position(|name| name == column);
        code(&row[place.unwrap_or_else(|| panic!("no column {column}"))])
    }

    fn attributes(&self) -> Vec<Attribute> {
        let facts = ["attribute", "source", "when it is there"];
        let rows = self.rows.iter().map(|row| {
            let cells = self.columns.iter().zip(row);
            let levels = cells.filter(|(column, _)| !facts.contains(&column.as_str()));
            Attribute {
                name: self.text(row, "attribute"),
                levels: levels
                    .map(|(column, level)| (code(column), level.clone()))
                    .collect(),
                source: self.text(row, "source"),
            }
        });
        rows.collect()
    }
}

impl Attribute {
    /// Whether the row is about this attribute. `{name}` stands for any text.
    pub(crate) fn is_of(&self, attribute: &str) -> bool {
        match self.name.strip_suffix("{name}") {
            Some(prefix) => attribute.starts_with(prefix),
            None => attribute == self.name,
        }
    }

    /// The operations or metrics that have it.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        let levels = self.levels.iter();
        levels
            .filter(|(_, level)| *level != "-")
            .map(|(place, _)| place.as_str())
    }
}

/// Asserts that each attribute stands in the table's column, and that each required one is there.
fn assert_row(place: &str, emitted: &Emitted, rows: &[Attribute], column: &str) {
    for (name, _) in &emitted.attributes {
        let is_listed = rows
            .iter()
            .any(|row| row.is_of(name) && row.places().any(|place| place == column));
        assert!(
            is_listed,
            "{place}: {name} is emitted, and the page does not list it under {column}"
        );
    }
    if matches!(emitted.head, Head::Link { .. }) {
        // The span has the rest.
        return;
    }
    let failed_poll = column == "receive" && emitted.attribute("error.type").is_some();
    for row in rows {
        let is_required = row.levels.get(column).is_some_and(|level| level == "R");
        let is_excepted = failed_poll && row.name == "messaging.destination.name";
        assert!(
            !is_required || is_excepted || emitted.attribute(&row.name).is_some(),
            "{place}: {} is required under {column}, and it is not there",
            row.name
        );
    }
}

/// Asserts that a metric has nothing that no span of the client has.
fn assert_on_spans(place: &str, emitted: &Emitted, rows: &[Attribute]) {
    for (name, _) in &emitted.attributes {
        let is_on_spans = rows.iter().any(|row| row.is_of(name));
        assert!(
            is_on_spans || name == "otel_messaging.propagation.outcome",
            "{place}: {name} is on a metric, and the page lists it on no span"
        );
    }
}

/// The text without the marks of code.
fn code(cell: &str) -> String {
    cell.replace('`', "")
}

/// The names of semantic conventions 1.45, with their kinds and states.
pub(crate) struct Registry(BTreeMap<(String, String), String>);

impl Registry {
    pub(crate) fn read() -> Self {
        let lines = include_str!("../../semconv-1.45.tsv").lines();
        let names = lines.filter(|line| !line.starts_with('#')).map(|line| {
            let cells: Vec<_> = line.split('\t').collect();
            let [name, kind, status] = cells[..] else {
                panic!("not a name, a kind and a state: {line}");
            };
            ((kind.to_owned(), name.to_owned()), status.to_owned())
        });
        Self(names.collect())
    }

    /// What is wrong with a name of this kind, `attr` or `metric`, that the page says is from there: or is
    /// this project's own.
    pub(crate) fn objection(&self, kind: &str, name: &str, source: &str) -> Option<String> {
        let status = self.0.get(&(kind.to_owned(), name.to_owned()));
        let is_own = ["ours", "python"].contains(&source);
        match status {
            Some(status) if status.starts_with("deprecated") => Some(format!("{name} is {status}")),
            Some(_) if is_own => Some(format!("{name} is a name of the conventions")),
            None if !is_own => Some(format!("{name} is not a name of the conventions 1.45")),
            None if name.starts_with("messaging.") => Some(format!(
                "{name} is a name of our own in the conventions' namespace"
            )),
            _ => None,
        }
    }
}
