//! Reports for the tests of what is written from them.

mod hostile;

use crate::message::{Place, System};
use crate::report::*;
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use hostile::{crowded, hostile};

const W3C: &str = "W3C Trace Context";

/// Fails where the text is not that of the file. `GOLDEN=write` writes the file.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        golden == text,
        "not as in {}; GOLDEN=write writes it:\n{text}",
        file.display()
    );
}

pub(crate) fn producer(name: &str, health: &[(Health, u64)]) -> Producer {
    Producer {
        name: name.to_owned(),
        messages: health.iter().map(|(_, count)| count).sum(),
        health: health.iter().copied().collect(),
        symptoms: BTreeMap::new(),
        formats: BTreeMap::new(),
        context_bytes: None,
        baggage: BTreeMap::new(),
        more_baggage_keys: false,
    }
}

fn baggage(keys: &[(&str, u64)]) -> BTreeMap<String, BaggageKey> {
    let key = |(key, messages): &(&str, u64)| {
        let (messages, values) = (*messages, Vec::new());
        ((*key).to_owned(), BaggageKey { messages, values })
    };
    keys.iter().map(key).collect()
}

fn sizes(least: u64, mean: f64, greatest: u64) -> Option<Sizes> {
    Some(Sizes {
        least,
        mean,
        greatest,
    })
}

pub(crate) fn finding(
    code: &'static str,
    severity: Severity,
    producer: &str,
    messages: u64,
    of: u64,
) -> Finding {
    Finding {
        code,
        symptom: Some(code),
        severity,
        destination: "orders".to_owned(),
        producer: producer.to_owned(),
        messages,
        of,
        what: String::new(),
        causes: Vec::new(),
        fix: String::new(),
        example: None,
    }
}

fn example(offset: i64, header: Option<&str>) -> Option<Example> {
    let place = Place::Offset {
        partition: 0,
        offset,
    };
    let header = header.map(str::to_owned);
    Some(Example { place, header })
}

fn hop(producer: Option<&str>, consumer: Option<&str>, state: HopState, messages: u64) -> Hop {
    Hop {
        producer: producer.map(str::to_owned),
        destination: "orders".to_owned(),
        consumer: consumer.map(str::to_owned),
        state,
        messages,
        trace_id: (state != HopState::NoContext)
            .then(|| "4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
    }
}

/// Five producers to one topic, each with another health, with findings of each severity and with spans.
pub(crate) fn broken() -> Report {
    let mut checkout = producer("key order-…", &[(Health::Valid, 412), (Health::Missing, 3)]);
    checkout.context_bytes = sizes(98, 141.6, 8_230);
    checkout.baggage = baggage(&[("tenant", 412), ("user.id", 388), ("session", 12)]);
    checkout.formats = BTreeMap::from([(W3C, 412)]);
    checkout.symptoms = BTreeMap::from([("large-context", 4), ("missing", 3), ("unsampled", 60)]);
    let mut importer = producer("key import-…", &[(Health::Missing, 96)]);
    importer.symptoms = BTreeMap::from([("missing", 96)]);
    let mut payments = producer("key pay-…", &[(Health::Malformed, 40), (Health::Valid, 12)]);
    payments.context_bytes = sizes(66, 66.0, 66);
    payments.formats = BTreeMap::from([(W3C, 52)]);
    payments.symptoms = BTreeMap::from([("malformed-traceparent", 40)]);
    let mut legacy = producer("Datadog", &[(Health::Foreign, 28)]);
    legacy.formats = BTreeMap::from([("B3", 4), ("Datadog", 28)]);
    legacy.symptoms = BTreeMap::from([("other-format", 28)]);
    legacy.context_bytes = sizes(102, 108.25, 119);
    let mut bridge = producer("key bridge-…", &[(Health::Contradicting, 9)]);
    bridge.formats = BTreeMap::from([(W3C, 9)]);
    bridge.symptoms = BTreeMap::from([("contradicting", 9)]);
    bridge.context_bytes = sizes(132, 132.0, 132);
    bridge.baggage = baggage(&[("tenant", 9)]);

    let mut not_injected = finding("not-injected", Severity::Error, "key import-…", 96, 96);
    not_injected.symptom = Some("missing");
    not_injected.what = "The messages have no header of any context.".to_owned();
    not_injected.causes = vec![
        "The producer does not inject: its instrumentation is missing, or does not cover this client.".to_owned(),
        "The span was not current when the message was sent, so there was nothing to inject.".to_owned(),
        "Headers were removed on the way, by a bridge or a shovel.".to_owned(),
    ];
    not_injected.fix =
        "Enable the instrumentation of the client in the producer, or inject the context before each send.".to_owned();
    not_injected.example = example(17, None);
    let mut some = not_injected.clone();
    (some.producer, some.messages, some.of) = ("key order-…".to_owned(), 3, 415);
    some.example = example(204, None);
    let mut upper = finding(
        "malformed-traceparent",
        Severity::Error,
        "key pay-…",
        40,
        52,
    );
    upper.what = "The traceparent is not valid: its trace id has upper-case letters.".to_owned();
    upper.causes = vec!["The id was formatted by hand, in upper case.".to_owned()];
    upper.fix = "Let the propagator write the header, or format the ids in lower case.".to_owned();
    upper.example = example(
        31,
        Some("traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"),
    );
    let mut foreign = finding("other-format", Severity::Error, "Datadog", 28, 28);
    foreign.what = "The messages carry a context in Datadog's format only.".to_owned();
    foreign.causes = vec!["The two sides are configured with different propagators.".to_owned()];
    foreign.fix = "Set DD_TRACE_PROPAGATION_STYLE=datadog,tracecontext in the producer.".to_owned();
    foreign.example = example(57, Some("x-datadog-trace-id: 11803532876627986230"));
    let mut duplicate = finding("contradicting", Severity::Error, "key bridge-…", 9, 9);
    duplicate.what = "The messages have two traceparent headers that differ.".to_owned();
    duplicate.causes = vec![
        "A bridge forwards the headers that it received and adds its own.".to_owned(),
        "The producer appends a header where it should replace it.".to_owned(),
    ];
    duplicate.fix = "Remove the old headers before the new context is injected.".to_owned();
    duplicate.example = example(
        90,
        Some("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    );
    let mut large = finding("large-context", Severity::Warning, "key order-…", 4, 415);
    large.what = "The headers of the context take up to 8,230 bytes, in each message.".to_owned();
    large.causes = vec!["Baggage collects what every service on the way adds.".to_owned()];
    large.fix = "Keep baggage to a few short keys.".to_owned();
    let mut unsampled = finding("unsampled", Severity::Note, "key order-…", 60, 415);
    unsampled.what = "The context is not sampled, so its trace is not exported.".to_owned();
    unsampled.causes = vec!["The sampler of the producer keeps a share of the traces.".to_owned()];
    unsampled.fix = "Nothing, if that is intended.".to_owned();

    Report {
        version: Report::VERSION,
        system: System::Kafka,
        address: "localhost:9092".to_owned(),
        started_at: "2026-11-30T09:12:44Z".to_owned(),
        seconds: 2.34,
        ended_by: End::Complete,
        messages: 600,
        healthy: Share {
            of: 600,
            valid: 424,
        },
        disputed: 0,
        destinations: vec![Destination {
            name: "orders".to_owned(),
            producers: vec![checkout, importer, payments, legacy, bridge],
        }],
        findings: vec![
            not_injected,
            some,
            upper,
            foreign,
            duplicate,
            large,
            unsampled,
        ],
        hops: Some(Hops {
            spans_from: "spans.json".to_owned(),
            spans: 1_893,
            messages: 600,
            hops: vec![
                hop(Some("checkout"), Some("billing"), HopState::Joined, 352),
                hop(Some("payments"), Some("billing"), HopState::OwnTrace, 12),
                hop(Some("checkout"), Some("audit"), HopState::OnlyLinked, 352),
                hop(None, Some("billing"), HopState::ProducerNotExported, 9),
                hop(Some("payments"), None, HopState::NoConsumer, 40),
                hop(None, None, HopState::Unsampled, 60),
                hop(None, Some("billing"), HopState::NoContext, 127),
            ],
            notes: Vec::new(),
        }),
        notes: vec![
            "Producers are told apart by the prefix of the record's key.".to_owned(),
            "Retention removed 1,204 messages while they were read.".to_owned(),
        ],
    }
}

/// Everything is in order.
pub(crate) fn sound() -> Report {
    let mut report = broken();
    let mut checkout = producer(
        "routing key orders.eu, app_id checkout",
        &[(Health::Valid, 1_250_000)],
    );
    checkout.context_bytes = sizes(98, 98.0, 98);
    report.system = System::RabbitMq;
    report.address = "localhost:5672".to_owned();
    report.seconds = 125.4;
    report.ended_by = End::Time;
    report.messages = 1_250_000;
    report.healthy = Share {
        of: 1_250_000,
        valid: 1_250_000,
    };
    report.destinations[0].producers = vec![checkout];
    report.findings.clear();
    report.hops = None;
    report.notes.clear();
    report
}

/// Nothing was there.
pub(crate) fn empty() -> Report {
    let mut report = sound();
    report.messages = 0;
    report.healthy = Share { of: 0, valid: 0 };
    report.destinations.clear();
    report
}
