//! What readers in other languages make of a context, as it was seen with these versions on real brokers.

use crate::message::System::{self, Kafka, Nats, RabbitMq};
use serde::Serialize;

/// What there is about a message's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// One `traceparent` in lower case, of version 00, with flags 00 or 01.
    Plain,
    /// `Traceparent`, and no other spelling.
    TitleCase,
    /// `traceparent` and `Traceparent`, of equal value.
    BothSpellings,
    /// `traceparent` and `Traceparent`, of different values.
    DifferentSpellings,
    /// An AMQP byte array.
    Bytes,
    /// `traceparent` twice, of equal values.
    RepeatedTraceparent,
    /// `traceparent` twice, of different values.
    DifferentTraceparents,
    RepeatedTracestate,
    RepeatedBaggage,
    /// Sampled, with the flag random trace id.
    Flags03,
    FlagsFf,
    Version01,
    UpperCase,
    /// Around the traceparent.
    WhiteSpace,
    MalformedTracestate,
}

impl Condition {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Condition::Plain => "plain traceparent",
            Condition::TitleCase => "Traceparent only",
            Condition::BothSpellings => "both spellings, equal",
            Condition::DifferentSpellings => "both spellings, different",
            Condition::Bytes => "byte array",
            Condition::RepeatedTraceparent => "traceparent twice, equal",
            Condition::DifferentTraceparents => "traceparent twice, different",
            Condition::RepeatedTracestate => "tracestate twice",
            Condition::RepeatedBaggage => "baggage twice",
            Condition::Flags03 => "flags 03",
            Condition::FlagsFf => "flags ff",
            Condition::Version01 => "version 01",
            Condition::UpperCase => "upper-case digits",
            Condition::WhiteSpace => "white space around",
            Condition::MalformedTracestate => "malformed tracestate",
        }
    }
}

/// A reader in another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    pub(crate) system: System,
    /// With which it was run.
    pub(crate) versions: &'static str,
}

/// What one reader made of one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) reader: Reader,
    pub(crate) condition: Condition,
    pub(crate) result: &'static str,
}

/// The rows of these conditions; only those of `system`, if there is one.
pub(crate) fn rows(conditions: &[Condition], system: Option<System>) -> Vec<Row> {
    let is_asked = |row: &&Row| {
        conditions.contains(&row.condition)
            && system.is_none_or(|system| system == row.reader.system)
    };
    ROWS.iter().filter(is_asked).copied().collect()
}

const fn reader(name: &'static str, system: System, versions: &'static str) -> Reader {
    Reader {
        name,
        system,
        versions,
    }
}

const JAVA_KAFKA: Reader = reader("Java agent", Kafka, "agent 2.33.1, kafka-clients 4.4.0");
const JAVA_RABBITMQ: Reader = reader("Java agent", RabbitMq, "agent 2.33.1, amqp-client 5.37.0");
const JAVA_NATS: Reader = reader("Java agent", Nats, "agent 2.33.1, jnats 2.26.2");
const KOTEL: Reader = reader("Go, kotel", Kafka, "otel 1.47, franz-go 1.22, kotel 1.7");
const SARAMA: Reader = reader("Go, otelsarama", Kafka, "otel 1.47, sarama 1.61");
const GO_AMQP: Reader = reader(
    "Go, amqp091 carrier",
    RabbitMq,
    "otel 1.47, amqp091-go 1.16",
);
const GO_NATS: Reader = reader("Go, NATS HTTP carrier", Nats, "otel 1.47, nats.go 1.55");
const KAFKAJS: Reader = reader(
    "Node, kafkajs",
    Kafka,
    "JS 3.1, kafkajs 2.2.4, instrumentation 0.33",
);
const PLATFORMATIC: Reader = reader(
    "Node, platformatic",
    Kafka,
    "JS 3.1, @platformatic/kafka 2.12, instrumentation 0.5",
);
const AMQPLIB: Reader = reader(
    "Node, amqplib",
    RabbitMq,
    "JS 3.1, amqplib 2.3, instrumentation 0.71",
);
const NODE_NATS: Reader = reader("Node, nats", Nats, "JS 3.1, nats 3.4");
const PYTHON_NATS: Reader = reader("Python, NATS", Nats, "not noted");
const CONFLUENT: Reader = reader("Python, confluent-kafka", Kafka, "not noted");

const fn row(reader: Reader, condition: Condition, result: &'static str) -> Row {
    Row {
        reader,
        condition,
        result,
    }
}

const CHILD: &str = "child of the sender";
const NEW: &str = "new trace";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(JAVA_KAFKA, Condition::Plain, "child of the sender (messaging preview: child and link; receive telemetry: a new trace with a link, baggage lost)"),
    row(JAVA_KAFKA, Condition::TitleCase, NEW),
    row(JAVA_KAFKA, Condition::RepeatedTraceparent, "the last counts"),
    row(JAVA_KAFKA, Condition::DifferentTraceparents, "the last counts"),
    row(JAVA_KAFKA, Condition::RepeatedTracestate, "the last counts"),
    row(JAVA_KAFKA, Condition::RepeatedBaggage, "both are joined"),
    row(JAVA_KAFKA, Condition::FlagsFf, "accepted"),
    row(JAVA_KAFKA, Condition::Version01, "accepted"),
    row(JAVA_KAFKA, Condition::UpperCase, NEW),
    row(JAVA_KAFKA, Condition::WhiteSpace, NEW),
    row(JAVA_RABBITMQ, Condition::Plain, "child of the sender (messaging preview: child and link)"),
    row(JAVA_RABBITMQ, Condition::TitleCase, NEW),
    row(JAVA_RABBITMQ, Condition::Bytes, NEW),
    row(JAVA_RABBITMQ, Condition::FlagsFf, "accepted"),
    row(JAVA_RABBITMQ, Condition::Version01, "accepted"),
    row(JAVA_RABBITMQ, Condition::UpperCase, NEW),
    row(JAVA_RABBITMQ, Condition::WhiteSpace, NEW),
    row(JAVA_NATS, Condition::Plain, "child of the sender (messaging preview: child and link)"),
    row(JAVA_NATS, Condition::TitleCase, NEW),
    row(JAVA_NATS, Condition::BothSpellings, CHILD),
    row(JAVA_NATS, Condition::RepeatedTraceparent, "the first counts"),
    row(JAVA_NATS, Condition::DifferentTraceparents, "the first counts"),
    row(JAVA_NATS, Condition::RepeatedTracestate, "the first counts"),
    row(JAVA_NATS, Condition::RepeatedBaggage, "the first counts"),
    row(JAVA_NATS, Condition::FlagsFf, "accepted"),
    row(JAVA_NATS, Condition::Version01, "accepted"),
    row(JAVA_NATS, Condition::UpperCase, NEW),
    row(JAVA_NATS, Condition::WhiteSpace, CHILD),
    row(KOTEL, Condition::Plain, "child of the sender (receive, and process under it)"),
    row(KOTEL, Condition::TitleCase, NEW),
    row(KOTEL, Condition::RepeatedTraceparent, "the first counts"),
    row(KOTEL, Condition::DifferentTraceparents, "the first counts"),
    row(KOTEL, Condition::RepeatedBaggage, "the first counts"),
    row(KOTEL, Condition::Flags03, "child of the sender; new trace with otel 1.28 to 1.46"),
    row(KOTEL, Condition::UpperCase, NEW),
    row(KOTEL, Condition::WhiteSpace, NEW),
    row(KOTEL, Condition::MalformedTracestate, "child of the sender, without tracestate"),
    row(SARAMA, Condition::Plain, CHILD),
    row(SARAMA, Condition::TitleCase, NEW),
    row(SARAMA, Condition::RepeatedTraceparent, "the first counts"),
    row(SARAMA, Condition::DifferentTraceparents, "the first counts"),
    row(SARAMA, Condition::RepeatedBaggage, "the first counts"),
    row(SARAMA, Condition::Flags03, "child of the sender; new trace with otel 1.28 to 1.46"),
    row(SARAMA, Condition::UpperCase, NEW),
    row(SARAMA, Condition::WhiteSpace, NEW),
    row(SARAMA, Condition::MalformedTracestate, "child of the sender, without tracestate"),
    row(GO_AMQP, Condition::Plain, CHILD),
    row(GO_AMQP, Condition::TitleCase, NEW),
    row(GO_AMQP, Condition::Bytes, NEW),
    row(GO_AMQP, Condition::Flags03, "child of the sender; new trace with otel 1.28 to 1.46"),
    row(GO_AMQP, Condition::UpperCase, NEW),
    row(GO_AMQP, Condition::WhiteSpace, NEW),
    row(GO_AMQP, Condition::MalformedTracestate, "child of the sender, without tracestate"),
    row(GO_NATS, Condition::Plain, "new trace: it reads Traceparent in title case only"),
    row(GO_NATS, Condition::TitleCase, CHILD),
    row(GO_NATS, Condition::BothSpellings, "child of the sender; new trace behind NATS servers 2.11 and 2.12, which rewrite both to lower case"),
    row(GO_NATS, Condition::RepeatedTraceparent, "new trace: it reads Traceparent in title case only"),
    row(GO_NATS, Condition::DifferentTraceparents, "new trace: it reads Traceparent in title case only"),
    row(KAFKAJS, Condition::Plain, "child of the sender (eachBatch: a new trace with links)"),
    row(KAFKAJS, Condition::TitleCase, CHILD),
    row(KAFKAJS, Condition::RepeatedTraceparent, NEW),
    row(KAFKAJS, Condition::DifferentTraceparents, NEW),
    row(KAFKAJS, Condition::RepeatedTracestate, "both are joined"),
    row(KAFKAJS, Condition::RepeatedBaggage, "both are joined"),
    row(PLATFORMATIC, Condition::Plain, CHILD),
    row(PLATFORMATIC, Condition::RepeatedTraceparent, "the last counts"),
    row(PLATFORMATIC, Condition::DifferentTraceparents, "the last counts"),
    row(PLATFORMATIC, Condition::RepeatedTracestate, "the last counts"),
    row(PLATFORMATIC, Condition::RepeatedBaggage, "the last counts"),
    row(AMQPLIB, Condition::Plain, "child of the sender (useLinksForConsume: a new trace with a link)"),
    row(AMQPLIB, Condition::Bytes, NEW),
    row(AMQPLIB, Condition::RepeatedTraceparent, "the last counts"),
    row(AMQPLIB, Condition::DifferentTraceparents, "the last counts"),
    row(AMQPLIB, Condition::RepeatedTracestate, "the last counts"),
    row(AMQPLIB, Condition::RepeatedBaggage, "the last counts"),
    row(NODE_NATS, Condition::Plain, CHILD),
    row(NODE_NATS, Condition::TitleCase, NEW),
    row(NODE_NATS, Condition::BothSpellings, CHILD),
    row(PYTHON_NATS, Condition::Plain, CHILD),
    row(PYTHON_NATS, Condition::TitleCase, NEW),
    row(PYTHON_NATS, Condition::BothSpellings, CHILD),
    row(CONFLUENT, Condition::Plain, "a new trace with a link"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_has_one_row_for_a_condition() {
        for (at, row) in ROWS.iter().enumerate() {
            let same =
                |other: &&Row| (other.reader, other.condition) == (row.reader, row.condition);
            assert_eq!(
                ROWS.iter().position(|other| same(&other)),
                Some(at),
                "{row:?}"
            );
        }
    }

    #[test]
    fn the_readers_of_one_system_are_told_apart() {
        let names = |system| -> Vec<_> {
            let rows = rows(&[Condition::TitleCase], system);
            rows.iter()
                .map(|row| (row.reader.name, row.result))
                .collect()
        };
        let kafka = [
            ("Java agent", NEW),
            ("Go, kotel", NEW),
            ("Go, otelsarama", NEW),
            ("Node, kafkajs", CHILD),
        ];
        assert_eq!(names(Some(Kafka)), kafka);
        let nats = [
            ("Java agent", NEW),
            ("Go, NATS HTTP carrier", CHILD),
            ("Node, nats", NEW),
            ("Python, NATS", NEW),
        ];
        assert_eq!(names(Some(Nats)), nats);
        assert_eq!(names(None).len(), 10);
        assert_eq!(rows(&[], None), []);
    }
}
