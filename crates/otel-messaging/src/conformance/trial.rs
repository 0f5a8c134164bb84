//! One carrier on trial: its cases, and what is kept of them for the report.

use super::report::{Report, Violation, Violations};
use super::rule::Rule;
use super::subject::{Entry, Subject, Value};
use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What came of a rule; if it is broken, how.
pub(super) type Verdict = Result<(), String>;

/// The name and the value of a header as the subject lists them.
pub(super) type Raw = (Vec<u8>, Vec<u8>);

pub(super) struct Trial<'a, S> {
    pub(super) subject: &'a S,
    /// The headers and what was done to them, for people.
    case: String,
    /// How many cases the current rule had.
    cases: usize,
    untested: Vec<Rule>,
    violations: Vec<Violation>,
}

impl<'a, S: Subject> Trial<'a, S> {
    pub(super) fn new(subject: &'a S) -> Self {
        Self {
            subject,
            case: String::new(),
            cases: 0,
            untested: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// Tries one rule. A panic is a violation of the rule at whose trial it happens.
    pub(super) fn rule(&mut self, rule: Rule, check: impl FnOnce(&mut Self) -> Verdict) {
        self.case.clear();
        self.cases = 0;
        let verdict = catch_unwind(AssertUnwindSafe(|| check(self)))
            .unwrap_or_else(|panic| Err(format!("a panic: {}", message(&*panic))));
        match verdict {
            Ok(()) if self.cases == 0 => self.untested.push(rule),
            Ok(()) => {}
            Err(how) => self.violations.push(Violation {
                rule,
                case: format!("{}: {how}", self.case),
            }),
        }
    }

    /// Whether the subject is wrong, and the verdicts on its carrier would be.
    pub(super) fn is_unfit(&self) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.rule == Rule::Subject)
    }

    pub(super) fn end(self) -> Result<Report, Violations> {
        if self.violations.is_empty() {
            Ok(Report {
                untested: self.untested,
            })
        } else {
            Err(Violations {
                all: self.violations,
            })
        }
    }

    /// Begins a case with these headers, if the protocol has them.
    pub(super) fn headers(&mut self, entries: &[Entry<'_>]) -> Option<S::Headers> {
        self.case = format!("headers [{}]", Shown(entries));
        let headers = self.subject.build(entries)?;
        self.cases += 1;
        Some(headers)
    }

    /// Whether the protocol has this header.
    pub(super) fn builds(&self, entry: &Entry<'_>) -> bool {
        self.subject.build(std::slice::from_ref(entry)).is_some()
    }

    /// Begins a case with as many of these headers as the protocol has, beside one another.
    pub(super) fn most(&mut self, entries: &[Entry<'_>]) -> Option<S::Headers> {
        let mut taken = Vec::new();
        for entry in entries {
            taken.push(*entry);
            self.case = format!("headers [{}]", Shown(&taken));
            if self.subject.build(&taken).is_none() {
                taken.pop();
            }
        }
        self.headers(&taken)
    }

    /// Goes on with the case.
    pub(super) fn then(&mut self, step: impl fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.case, ", then {step}");
    }

    /// The headers of this name, in any spelling.
    pub(super) fn named(&self, headers: &S::Headers, name: &str) -> Vec<Raw> {
        let mut list = self.subject.list(headers);
        list.retain(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        list
    }

    /// All headers but those of these names, in an order that can be compared.
    pub(super) fn others(&self, headers: &S::Headers, names: &[&str]) -> Vec<Raw> {
        let mut list = self.subject.list(headers);
        list.retain(|(key, _)| {
            let mut names = names.iter();
            !names.any(|name| key.eq_ignore_ascii_case(name.as_bytes()))
        });
        if !S::ORDERED {
            // Stable: the values of one name keep their order.
            list.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        list
    }
}

/// Whether `what` is as it has to be.
pub(super) fn same<T: PartialEq + fmt::Debug>(
    what: impl fmt::Display,
    found: T,
    expected: T,
) -> Verdict {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
    let (found, expected) = (shorten(&found), shorten(&expected));
    Err(format!("{what} is {found}, and has to be {expected}"))
}

/// As `{:?}`, but of a length to be read.
pub(super) fn shown(text: &str) -> String {
    match beginning(text) {
        Some(beginning) => format!("{beginning:?}... ({} bytes)", text.len()),
        None => format!("{text:?}"),
    }
}

fn shorten(text: &str) -> Cow<'_, str> {
    match beginning(text) {
        Some(beginning) => format!("{beginning}... ({} bytes)", text.len()).into(),
        None => text.into(),
    }
}

/// What is shown of a text that is too long to be read.
fn beginning(text: &str) -> Option<&str> {
    const MOST: usize = 300;
    let (end, _) = text.char_indices().nth(MOST)?;
    text.get(..end)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    shorten(text.unwrap_or("without a message")).into_owned()
}

struct Shown<'a>(&'a [Entry<'a>]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        for (index, entry) in self.0.iter().take(MOST).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let name = entry.name.escape_ascii().to_string();
            write!(f, "{comma}{}: ", shorten(&name))?;
            match entry.value {
                Value::Text(text) => f.write_str(&shown(text))?,
                Value::Bytes(bytes) => write!(f, "bytes {}", bytes.escape_ascii())?,
                Value::Null => f.write_str("null")?,
                Value::Other => f.write_str("a value that is not text")?,
            }
        }
        if self.0.len() > MOST {
            write!(f, ", ... ({} headers)", self.0.len())?;
        }
        Ok(())
    }
}
