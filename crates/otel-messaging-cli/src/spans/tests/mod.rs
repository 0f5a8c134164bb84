//! Spans as exporters write them, and what comes of them.

mod findings;
mod forms;
mod hostile;
mod jaeger;
mod states;

use super::index::Index;
use super::read::{Ending, read};
use super::wanted::Wanted;
use super::{Joined, Sent, hops};
use crate::message::{Place, System};
use crate::report::{Finding, HopState};
use opentelemetry::{SpanId, TraceId};
use serde_json::{Value, json};

/// The trace of the messages.
const TRACE: u128 = 0x4bf92f3577b34da6a3ce929d0e0e4736;
/// A trace that a consumer began.
const OTHER: u128 = 0x0af7651916cd43dd8448eb211c80319c;
/// The producer's span.
const SENDER: u64 = 0x00f067aa0ba902b7;

/// A message on partition 0 of `orders`, with the offset `nth`, whose context is that of the producer's span.
fn message(nth: i64) -> Sent {
    Sent {
        destination: "orders".to_owned(),
        name: None,
        producer: "key order-…".to_owned(),
        place: Place::Offset {
            partition: 0,
            offset: nth,
        },
        id: None,
        context: Some((TraceId::from(TRACE), SpanId::from(SENDER), true)),
    }
}

/// A span in OTLP's JSON.
struct Told(Value);

impl Told {
    fn new(kind: u8, trace: u128, id: u64, parent: u64) -> Self {
        let parent = match parent {
            0 => String::new(),
            parent => format!("{parent:016x}"),
        };
        Self(json!({
            "traceId": format!("{trace:032x}"),
            "spanId": format!("{id:016x}"),
            "parentSpanId": parent,
            "kind": kind,
            "attributes": [],
        }))
    }

    /// The producer's span of the messages.
    fn sender() -> Self {
        Self::new(4, TRACE, SENDER, 0)
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            // As the JSON mapping of protobuf has 64 bits.
            Value::Number(number) => json!({ "intValue": number.to_string() }),
            value => json!({ "stringValue": value }),
        };
        let attributes = self.0["attributes"].as_array_mut().unwrap();
        attributes.push(json!({ "key": key, "value": value }));
        self
    }

    fn linked(mut self, trace: u128, id: u64) -> Self {
        let link = json!({"traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}")});
        self.0["links"] = json!([link]);
        self
    }
}

/// The line that the collector writes for spans of one service.
fn line(service: &str, spans: impl IntoIterator<Item = Told>) -> String {
    let spans: Vec<Value> = spans.into_iter().map(|told| told.0).collect();
    let resource =
        json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]});
    let scope = json!({"scope": {"name": "test"}, "spans": spans});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).to_string() + "\n"
}

fn joined(text: &str, sent: &[Sent], system: System) -> Joined {
    let mut index = Index::new(Wanted::new(sent, system));
    assert_eq!(read(text.as_bytes(), &mut index).unwrap(), Ending::Whole);
    index.sort();
    hops::join(&index, sent, |_| true, "spans.json".to_owned())
}

/// What is compared of a hop.
type Row<'h> = (Option<&'h str>, Option<&'h str>, HopState, u64);

/// Each hop: the producer, the consumer, the state, and how many messages.
fn hops(joined: &Joined) -> Vec<Row<'_>> {
    let hops = joined.hops.hops.iter();
    hops.map(|hop| {
        let (producer, consumer) = (hop.producer.as_deref(), hop.consumer.as_deref());
        (producer, consumer, hop.state, hop.messages)
    })
    .collect()
}

/// Each finding: the code, and how many messages of how many.
fn codes(findings: &[Finding]) -> Vec<(&str, u64, u64)> {
    let findings = findings.iter();
    findings
        .map(|finding| (finding.code, finding.messages, finding.of))
        .collect()
}
