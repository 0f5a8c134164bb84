//! What came of a look at messages, in the form that every report is written from.

mod clean;
#[cfg(test)]
mod fixture;
mod group;
mod hop_state;
pub(crate) mod html;
mod sentence;
pub(crate) mod text;
mod tone;

use crate::arguments::percent::Percent;
use crate::message::{Place, System};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// The whole report. `--json` writes it as it is.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Of this form of JSON. Fields may be added to it; none is removed or gets another meaning.
    pub(crate) version: u32,
    pub(crate) system: System,
    /// The server's address, without credentials.
    pub(crate) address: String,
    /// When the look began: RFC 3339, in UTC.
    pub(crate) started_at: String,
    pub(crate) seconds: f64,
    pub(crate) ended_by: End,
    /// How many messages were looked at.
    pub(crate) messages: u64,
    pub(crate) healthy: Share,
    /// How many of the valid ones some readers in other languages do not join, or read in another way.
    pub(crate) disputed: u64,
    pub(crate) destinations: Vec<Destination>,
    /// The most severe first.
    pub(crate) findings: Vec<Finding>,
    /// With `--spans` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hops: Option<Hops>,
    /// What a reader has to know of this look, such as what it did not see.
    pub(crate) notes: Vec<String>,
}

impl Report {
    pub(crate) const VERSION: u32 = 1;

    /// Whether so many messages have a valid context as `--fail-under` asks for. No messages at all do not pass: a
    /// check that sees nothing has checked nothing.
    pub(crate) fn passes(&self, fail_under: Option<Percent>) -> bool {
        let is_reached = |percent: Percent| percent.is_reached_by(self.healthy);
        fail_under.is_none_or(|percent| self.messages > 0 && is_reached(percent))
    }
}

/// How many of some messages have a valid context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Share {
    pub(crate) of: u64,
    pub(crate) valid: u64,
}

impl Share {
    /// In percent; of no messages at all, 100.
    pub(crate) fn percent(self) -> f64 {
        if self.of == 0 {
            return 100.0;
        }
        self.valid as f64 * 100.0 / self.of as f64
    }
}

/// Why the look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Every message that was asked for was looked at.
    Complete,
    /// `--max` messages were looked at.
    Max,
    /// The time of `--for` was over.
    Time,
    /// Ctrl-C.
    Interrupted,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Complete => "all messages that were asked for were read",
            End::Max => "the limit of --max was reached",
            End::Time => "the time of --for was over",
            End::Interrupted => "you interrupted it",
        })
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Destination {
    pub(crate) name: String,
    /// Those with the most messages first.
    pub(crate) producers: Vec<Producer>,
}

/// The messages of one producer to one destination, as far as messages tell their producer.
#[derive(Debug, Serialize)]
pub(crate) struct Producer {
    /// Such as `key order-…`, `routing key orders.eu, app_id billing`, `Datadog`.
    pub(crate) name: String,
    pub(crate) messages: u64,
    /// How many messages are of each health; those of all kinds make `messages`. JSON has every kind.
    #[serde(serialize_with = "every_health")]
    pub(crate) health: BTreeMap<Health, u64>,
    /// How many messages show each symptom; a message may show several.
    pub(crate) symptoms: BTreeMap<&'static str, u64>,
    /// How many messages carry each format of contexts, W3C's among them.
    pub(crate) formats: BTreeMap<&'static str, u64>,
    /// What the headers of a context take, names and values, in bytes.
    pub(crate) context_bytes: Option<Sizes>,
    pub(crate) baggage: BTreeMap<String, BaggageKey>,
    /// Keys beyond the first 64, which are not listed.
    pub(crate) more_baggage_keys: bool,
}

fn every_health<S: Serializer>(
    health: &BTreeMap<Health, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let count = |each| (each, health.get(&each).copied().unwrap_or(0));
    serializer.collect_map(Health::ALL.map(count))
}

/// What a message's context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    /// A consumer joins its trace.
    Valid,
    /// Without a header of any context.
    Missing,
    /// With a `traceparent` that no reader accepts, and without a valid one.
    Malformed,
    /// In another format only.
    Foreign,
    /// Several contexts that contradict each other.
    Contradicting,
}

impl Health {
    pub(crate) const ALL: [Health; 5] = [
        Health::Valid,
        Health::Missing,
        Health::Malformed,
        Health::Foreign,
        Health::Contradicting,
    ];
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Health::Valid => "valid",
            Health::Missing => "missing",
            Health::Malformed => "malformed",
            Health::Foreign => "other format",
            Health::Contradicting => "contradicting",
        })
    }
}

/// Of the messages that have it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Sizes {
    pub(crate) least: u64,
    pub(crate) mean: f64,
    pub(crate) greatest: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct BaggageKey {
    pub(crate) messages: u64,
    /// With `--show-values`: the first values, decoded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
}

/// What is wrong, where, why as a rule, and what to do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    /// Such as `not-injected`.
    pub(crate) code: &'static str,
    /// The producers' symptom that it stems from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) symptom: Option<&'static str>,
    pub(crate) severity: Severity,
    pub(crate) destination: String,
    pub(crate) producer: String,
    /// How many messages show it, of how many.
    pub(crate) messages: u64,
    pub(crate) of: u64,
    /// What was seen, in one sentence.
    pub(crate) what: String,
    /// The usual causes, the most frequent first.
    pub(crate) causes: Vec<String>,
    pub(crate) fix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) example: Option<Example>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// The trace breaks.
    Error,
    /// It breaks for some readers, or may.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        })
    }
}

/// One of the messages.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Example {
    pub(crate) place: Place,
    /// The header that shows it, cut and cleaned, such as `traceparent: 00-…`. Values of baggage are left out
    /// without `--show-values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<String>,
}

/// What the exported spans say of the messages.
#[derive(Debug, Serialize)]
pub(crate) struct Hops {
    /// Where the spans come from.
    pub(crate) spans_from: String,
    pub(crate) spans: u64,
    /// How many messages were joined with them.
    pub(crate) messages: u64,
    pub(crate) hops: Vec<Hop>,
    /// What a reader has to know of the spans. They become notes of the report.
    #[serde(skip)]
    pub(crate) notes: Vec<String>,
}

/// One producer's messages to one destination, and one service that consumes them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hop {
    /// The service of the producer's span, if that was exported.
    pub(crate) producer: Option<String>,
    pub(crate) destination: String,
    /// The service of the consumer's span, if there is one.
    pub(crate) consumer: Option<String>,
    pub(crate) state: HopState,
    pub(crate) messages: u64,
    /// One of the traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HopState {
    /// The consumer's span is a child of the producer's.
    Joined,
    /// The consumer's span has a link to the producer's, and is in a trace of its own.
    OnlyLinked,
    /// The consumer's span for this message is in a trace of its own, without a link.
    OwnTrace,
    /// No consumer's span for the message was exported.
    NoConsumer,
    /// The span that the message names was not exported.
    ProducerNotExported,
    /// The message's context is not sampled, so neither side is exported.
    Unsampled,
    /// The message has no context that could be joined.
    NoContext,
}
