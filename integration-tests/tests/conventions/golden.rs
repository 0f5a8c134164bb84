//! The golden texts: what the operations of a client emit, case by case.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// One call, and what it emits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) emitted: Vec<Emitted>,
}

/// A span, a link of it that has attributes, a log event, or one time series of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emitted {
    pub(crate) head: Head,
    /// Sorted by name.
    pub(crate) attributes: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Head {
    Span {
        kind: String,
        status: String,
        links: usize,
        scope: String,
        name: String,
    },
    Link {
        /// Of its span.
        operation: String,
    },
    Event {
        severity: String,
        scope: String,
        name: String,
    },
    Metric {
        name: String,
        instrument: String,
        unit: String,
        /// The sum of a counter, or how many values a histogram has.
        count: u64,
    },
}

impl Emitted {
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let (_, value) = attributes.find(|(name, _)| name == key)?;
        Some(value)
    }

    /// The operation by the page's words. A forwarded message keeps its context, so its kind is CLIENT.
    pub(crate) fn operation(&self) -> &str {
        let is_batch = self.attribute("messaging.batch.message_count").is_some();
        match (&self.head, self.attribute("messaging.operation.type")) {
            (Head::Span { .. }, Some("send")) if is_batch => "batch",
            (Head::Span { kind, .. }, Some("send")) if kind == "Client" => "forward",
            (Head::Span { .. }, Some(operation)) => operation,
            (Head::Link { operation }, _) => operation,
            _ => panic!("not the span of an operation: {self}"),
        }
    }
}

impl fmt::Display for Emitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.head {
            Head::Span {
                kind,
                status,
                links,
                scope,
                name,
            } => writeln!(f, "span {kind} {status} links={links} {scope}: {name}")?,
            Head::Link { operation } => writeln!(f, "link {operation}")?,
            Head::Event {
                severity,
                scope,
                name,
            } => writeln!(f, "event {severity} {scope}: {name}")?,
            Head::Metric {
                name,
                instrument,
                unit,
                count,
            } => writeln!(f, "metric {name} {instrument} {unit} = {count}")?,
        }
        for (name, value) in &self.attributes {
            writeln!(f, "    {name} = {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.name)?;
        self.emitted.iter().try_for_each(|it| write!(f, "{it}"))
    }
}

fn path(client: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conventions/golden");
    folder.join(client).with_extension("txt")
}

/// The golden cases of a client.
pub(crate) fn read(client: &str) -> Vec<Case> {
    let path = path(client);
    let text = fs::read_to_string(&path);
    parse(&text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("# ") {
            let (name, emitted) = (name.to_owned(), Vec::new());
            cases.push(Case { name, emitted });
            continue;
        }
        let emitted = &mut cases.last_mut().expect("a case first").emitted;
        if let Some(attribute) = line.strip_prefix("    ") {
            let (name, value) = attribute.split_once(" = ").expect("a name and a value");
            let attributes = &mut emitted.last_mut().expect("a span first").attributes;
            attributes.push((name.to_owned(), value.to_owned()));
        } else {
            let (head, attributes) = (head(line), Vec::new());
            emitted.push(Emitted { head, attributes });
        }
    }
    cases
}

fn head(line: &str) -> Head {
    let parsed = || {
        if let Some(span) = line.strip_prefix("span ") {
            let (facts, name) = span.split_once(": ")?;
            let facts: Vec<_> = facts.split(' ').collect();
            let [kind, status, links, scope] = facts[..] else {
                return None;
            };
            return Some(Head::Span {
                kind: kind.to_owned(),
                status: status.to_owned(),
                links: links.strip_prefix("links=")?.parse().ok()?,
                scope: scope.to_owned(),
                name: name.to_owned(),
            });
        }
        if let Some(operation) = line.strip_prefix("link ") {
            let operation = operation.to_owned();
            return Some(Head::Link { operation });
        }
        if let Some(event) = line.strip_prefix("event ") {
            let (facts, name) = event.split_once(": ")?;
            let (severity, scope) = facts.split_once(' ')?;
            return Some(Head::Event {
                severity: severity.to_owned(),
                scope: scope.to_owned(),
                name: name.to_owned(),
            });
        }
        let words: Vec<_> = line.split(' ').collect();
        let ["metric", name, instrument, unit, "=", count] = words[..] else {
            return None;
        };
        Some(Head::Metric {
            name: name.to_owned(),
            instrument: instrument.to_owned(),
            unit: unit.to_owned(),
            count: count.parse().ok()?,
        })
    };
    parsed()
        .unwrap_or_else(|| panic!("neither a span nor a link nor an event nor a metric: {line}"))
}

/// Compares with the golden text, or writes it anew if `GOLDEN` is `write`.
pub(crate) fn assert_golden(client: &str, found: &[Case]) {
    if env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        let texts: Vec<_> = found.iter().map(Case::to_string).collect();
        fs::write(path(client), texts.join("\n")).expect("the text is written");
        return;
    }
    let golden = read(client);
    let mut differences = String::new();
    for case in found {
        let expected = golden.iter().find(|golden| golden.name == case.name);
        let expected = expected.map(Case::to_string).unwrap_or_default();
        let found = case.to_string();
        if expected != found {
            let difference = difference(&expected, &found);
            let _ = writeln!(
                differences,
                "{client}, {}:\n{difference}\nfound:\n{found}",
                case.name
            );
        }
    }
    let names = |cases: &[Case]| -> Vec<_> { cases.iter().map(|it| it.name.clone()).collect() };
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(names(found), names(&golden), "cases of {client}");
}

/// The lines that only one of both has.
fn difference(expected: &str, found: &str) -> String {
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(ToOwned::to_owned).collect() };
    let (expected, found) = (lines(expected), lines(found));
    let gone = expected.difference(&found).map(|line| format!("- {line}"));
    let new = found.difference(&expected).map(|line| format!("+ {line}"));
    let all: Vec<_> = gone.chain(new).collect();
    if all.is_empty() {
        return "the same lines, in another place or number".to_owned();
    }
    all.join("\n")
}

#[test]
fn a_text_is_read_as_it_is_written() {
    let span = Head::Span {
        kind: "Producer".to_owned(),
        status: "Unset".to_owned(),
        links: 1,
        scope: "otel-messaging-lapin".to_owned(),
        name: "publish shop: orders".to_owned(),
    };
    let link = Head::Link {
        operation: "process".to_owned(),
    };
    let event = Head::Event {
        severity: "WARN".to_owned(),
        scope: "otel-messaging-lapin".to_owned(),
        name: "messaging.send.exception".to_owned(),
    };
    let metric = Head::Metric {
        name: "messaging.client.sent.messages".to_owned(),
        instrument: "counter".to_owned(),
        unit: "{message}".to_owned(),
        count: 7,
    };
    let attributes = vec![("a.b".to_owned(), "c = d".to_owned())];
    let emitted = [span, link, event, metric].map(|head| Emitted {
        head,
        attributes: attributes.clone(),
    });
    let case = Case {
        name: "a call".to_owned(),
        emitted: emitted.into(),
    };
    assert_eq!(parse(&case.to_string()), [case]);
}
