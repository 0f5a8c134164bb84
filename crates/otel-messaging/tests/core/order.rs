//! Messages that differ, each in a trace of its own, for the tests of batches.

use crate::message::TestClient;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, TextMap};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// One of many messages.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) destination: &'static str,
    pub(crate) partition: u32,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) sent_at: Option<SystemTime>,
}

impl Describe<TextMap> for Order {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named(self.destination)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination())
            .with_message_id(Some(&self.id))
            .with_partition(Some(self.partition))
            .with_sent_at(self.sent_at)
    }

    fn body_size(&self) -> Option<usize> {
        Some(7)
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        attributes.set_count("test.offset", self.number);
        attributes.set("test.topic_version", 3);
    }
}

impl Received<TextMap> for Order {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

/// The trace of a message.
pub(crate) fn trace_id(number: u64) -> TraceId {
    TraceId::from(0xabcd_0000_0000_0000_0000_0000_0000 + u128::from(number))
}

/// The span that sent it.
pub(crate) fn sender(number: u64) -> SpanId {
    SpanId::from(0x5e4d_0000_0000 + number)
}

/// The order with this number, in a trace of its own.
pub(crate) fn order(number: u64) -> Order {
    let traceparent = format!("00-{:032x}-{:016x}-01", trace_id(number), sender(number));
    Order {
        headers: BTreeMap::from([("traceparent".to_owned(), traceparent)]),
        ..bare(number)
    }
}

/// One without a context.
pub(crate) fn bare(number: u64) -> Order {
    Order {
        number,
        id: format!("order-{number}"),
        destination: "orders",
        partition: 4,
        headers: BTreeMap::new(),
        sent_at: None,
    }
}

pub(crate) fn orders(numbers: std::ops::Range<u64>) -> Vec<Order> {
    numbers.map(order).collect()
}

/// The span that is current here.
pub(crate) fn current() -> SpanContext {
    Context::current().span().span_context().clone()
}

/// Asserts that the span that sent this message is current.
#[track_caller]
pub(crate) fn assert_current(number: u64) {
    let current = current();
    assert_eq!(current.trace_id(), trace_id(number), "message {number}");
    assert_eq!(current.span_id(), sender(number), "message {number}");
}

/// The value of an attribute in a list, which must not stand there twice.
pub(crate) fn value_in(list: &[KeyValue], key: &str) -> Option<String> {
    let mut found = list.iter().filter(|kv| kv.key.as_str() == key);
    let value = found.next().map(|kv| kv.value.to_string());
    assert!(found.next().is_none(), "{key} stands twice: {list:?}");
    value
}
