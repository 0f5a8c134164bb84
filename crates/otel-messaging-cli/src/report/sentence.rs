//! The result in one sentence, as every report begins.

use crate::report::clean::clean;
use crate::report::{Finding, Health, HopState, Hops, Report, Severity, Share};
use indicatif::HumanCount as Count;
use std::collections::BTreeMap;
use std::fmt;

/// A sentence with a name in it, which each report sets apart in its own way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) before: String,
    pub(crate) name: Option<String>,
    pub(crate) after: String,
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.before)?;
        if let Some(name) = &self.name {
            write!(f, "`{name}`")?;
        }
        f.write_str(&self.after)
    }
}

impl Report {
    /// Who breaks the trace, and how many messages a consumer can join.
    pub(crate) fn result(&self) -> Sentence {
        let (many, name) = match self.destinations.as_slice() {
            [one] => (String::new(), Some(clean(&one.name, 80))),
            several => (format!("{} destinations", several.len()), None),
        };
        if self.messages == 0 {
            let many = if self.destinations.is_empty() {
                format!("{} at {}", self.system, clean(&self.address, 200))
            } else {
                many
            };
            return Sentence {
                before: format!("There was no message to look at in {many}"),
                name,
                after: ".".to_owned(),
            };
        }
        let producers = self.destinations.iter().flat_map(|each| &each.producers);
        let (mut all, mut broken) = (0u64, 0u64);
        for producer in producers {
            all += 1;
            let valid = producer.health.get(&Health::Valid).copied();
            broken += u64::from(valid.unwrap_or(0) < producer.messages);
        }
        let (who, does) = match (broken, all) {
            (0, 1) if self.disputed > 0 => ("The producer".to_owned(), "may break"),
            (0, _) if self.disputed > 0 => (format!("The {} producers", Count(all)), "may break"),
            (0, 1) => ("The producer".to_owned(), "does not break"),
            (0, _) => (format!("None of {} producers", Count(all)), "breaks"),
            (_, 1) => ("The producer".to_owned(), "breaks"),
            _ if broken == all => (format!("All {} producers", Count(all)), "break"),
            (1, _) => (format!("1 of {} producers", Count(all)), "breaks"),
            _ => (
                format!("{} of {} producers", Count(broken), Count(all)),
                "break",
            ),
        };
        Sentence {
            before: format!("{who} to {many}"),
            name,
            after: format!(
                " {does} the trace: {}.",
                can_be_joined(self.healthy, self.disputed)
            ),
        }
    }

    /// Such as `2 errors and 1 warning`.
    pub(crate) fn severities(&self) -> String {
        let count = |severity| {
            let of_it = |finding: &&Finding| finding.severity == severity;
            let count = self.findings.iter().filter(of_it).count();
            let ending = if count == 1 { "" } else { "s" };
            (count > 0).then(|| format!("{count} {severity}{ending}"))
        };
        let all = [Severity::Error, Severity::Warning, Severity::Note];
        let counts: Vec<String> = all.into_iter().filter_map(count).collect();
        match counts.as_slice() {
            [] => "none".to_owned(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
        }
    }

    /// How many messages of all are of each health.
    pub(crate) fn health(&self) -> BTreeMap<Health, u64> {
        let mut total = BTreeMap::new();
        for producer in self.destinations.iter().flat_map(|each| &each.producers) {
            for (health, count) in &producer.health {
                *total.entry(*health).or_default() += count;
            }
        }
        total
    }
}

impl Hops {
    pub(crate) fn result(&self) -> String {
        let all: u64 = self.hops.iter().map(|hop| hop.messages).sum();
        let joined = self.hops.iter().filter(|hop| hop.state == HopState::Joined);
        let joined: u64 = joined.map(|hop| hop.messages).sum();
        format!(
            "By {} exported spans, {} of {} hops continue the trace of their producer.",
            Count(self.spans),
            Count(joined),
            Count(all)
        )
    }
}

/// Such as `1 message` or `1,200 messages`.
pub(crate) fn messages(count: u64) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} message{ending}", Count(count))
}

fn can_be_joined(share: Share, disputed: u64) -> String {
    let (context, but) = match disputed {
        0 => ("context that a consumer can join", String::new()),
        disputed => (
            "context that otel-messaging joins",
            not_by_all(share, disputed),
        ),
    };
    let joined = match (share.valid, share.of) {
        (0, 1) => format!("the only message has no {context}"),
        (1, 1) => format!("the only message has a {context}"),
        (0, of) => format!("none of {} messages has a {context}", Count(of)),
        (1, of) => format!("1 of {} messages has a {context}", Count(of)),
        (valid, of) if valid == of => format!("all {} messages have a {context}", Count(of)),
        (valid, of) => format!(
            "{} of {} messages have a {context}",
            Count(valid),
            Count(of)
        ),
    };
    joined + &but
}

fn not_by_all(share: Share, disputed: u64) -> String {
    let which = match disputed {
        _ if share.valid == 1 => "it is".to_owned(),
        _ if disputed == share.valid => "none of them is".to_owned(),
        1 => "1 of them is".to_owned(),
        disputed => format!("{} of them are", Count(disputed)),
    };
    // Each of them shows a finding that names the services.
    let read = if which.starts_with("none") {
        "read"
    } else {
        "not read"
    };
    format!(", but {which} {read} by every other service (see the findings)")
}

impl Share {
    /// Rounded down: only what is whole is 100%.
    pub(crate) fn rounded(self) -> String {
        let tenths = (self.percent() * 10.0).floor();
        if tenths % 10.0 == 0.0 {
            format!("{:.0}%", tenths / 10.0)
        } else {
            format!("{:.1}%", tenths / 10.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Destination;
    use crate::report::fixture::{broken, producer};

    /// The result for producers, by their valid messages and all of them.
    fn result(producers: &[(u64, u64)], destinations: usize, disputed: u64) -> String {
        let mut report = broken();
        report.disputed = disputed;
        let producers = producers.iter().map(|(valid, of)| {
            producer(
                "p",
                &[(Health::Valid, *valid), (Health::Missing, of - valid)],
            )
        });
        let producers: Vec<_> = producers.collect();
        report.messages = producers.iter().map(|each| each.messages).sum();
        let valid = producers.iter().map(|each| each.health[&Health::Valid]);
        report.healthy = Share {
            of: report.messages,
            valid: valid.sum(),
        };
        let empty = || Destination {
            name: "b".to_owned(),
            producers: Vec::new(),
        };
        report.destinations = (0..destinations).map(|_| empty()).collect();
        if let Some(first) = report.destinations.first_mut() {
            first.producers = producers;
        }
        report.result().to_string()
    }

    #[test]
    fn each_result_is_a_sentence() {
        let can = "context that a consumer can join";
        for (producers, destinations, sentence) in [
            (
                &[][..],
                0,
                "There was no message to look at in Kafka at localhost:9092.".to_owned(),
            ),
            (&[], 1, "There was no message to look at in `b`.".to_owned()),
            (
                &[(1, 1)],
                1,
                format!(
                    "The producer to `b` does not break the trace: the only message has a {can}."
                ),
            ),
            (
                &[(0, 1)],
                1,
                format!("The producer to `b` breaks the trace: the only message has no {can}."),
            ),
            (
                &[(0, 1_234)],
                1,
                format!(
                    "The producer to `b` breaks the trace: none of 1,234 messages has a {can}."
                ),
            ),
            (
                &[(1, 9)],
                1,
                format!("The producer to `b` breaks the trace: 1 of 9 messages has a {can}."),
            ),
            (
                &[(3, 3), (4, 4)],
                1,
                format!(
                    "None of 2 producers to `b` breaks the trace: all 7 messages have a {can}."
                ),
            ),
            (
                &[(3, 3), (1, 4)],
                1,
                format!("1 of 2 producers to `b` breaks the trace: 4 of 7 messages have a {can}."),
            ),
            (
                &[(3, 3), (1, 4), (0, 2)],
                1,
                format!("2 of 3 producers to `b` break the trace: 4 of 9 messages have a {can}."),
            ),
            (
                &[(2, 3), (1, 4)],
                2,
                format!(
                    "All 2 producers to 2 destinations break the trace: 3 of 7 messages have a {can}."
                ),
            ),
        ] {
            assert_eq!(result(producers, destinations, 0), sentence);
        }
    }

    #[test]
    fn readers_that_differ_are_in_the_sentence() {
        let joins = "context that otel-messaging joins, but";
        let by = "by every other service (see the findings).";
        for (producers, disputed, sentence) in [
            (
                &[(1, 1)][..],
                1,
                format!(
                    "The producer to `b` may break the trace: the only message has a {joins} it is not read {by}"
                ),
            ),
            (
                &[(600, 600)],
                12,
                format!(
                    "The producer to `b` may break the trace: all 600 messages have a {joins} 12 of them are not read {by}"
                ),
            ),
            (
                &[(3, 3), (4, 4)],
                7,
                format!(
                    "The 2 producers to `b` may break the trace: all 7 messages have a {joins} none of them is read {by}"
                ),
            ),
            (
                &[(3, 3), (1, 4)],
                1,
                format!(
                    "1 of 2 producers to `b` breaks the trace: 4 of 7 messages have a {joins} 1 of them is not read {by}"
                ),
            ),
            (
                &[(1, 4)],
                1,
                format!(
                    "The producer to `b` breaks the trace: 1 of 4 messages has a {joins} it is not read {by}"
                ),
            ),
        ] {
            assert_eq!(result(producers, 1, disputed), sentence);
        }
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        for (valid, of, percent) in [
            (999_999, 1_000_000, "99.9%"),
            (600, 600, "100%"),
            (1, 3, "33.3%"),
            (1, 4, "25%"),
            (1, 1_000_000, "0%"),
            (0, 0, "100%"),
        ] {
            assert_eq!(Share { of, valid }.rounded(), percent);
        }
    }
}
