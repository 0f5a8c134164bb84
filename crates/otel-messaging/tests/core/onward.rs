//! Messages that are sent on, and messages that come again.

use crate::limited::Limited;
use crate::message::{Message, Sent, TRACEPARENT, TestClient, message, spans};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceContextExt};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{
    Attributes, DeadLetter, Describe, Destination, Meaning, MessageInfo, Outcome, Relay, TextMap,
};
use otel_messaging::producer::{DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE, DEAD_LETTER_TRACEPARENT};
use otel_messaging::{Instrumentation, Received, extract};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

type Headers = BTreeMap<String, String>;

fn headers(fields: &[(&str, &str)]) -> Headers {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    fields.iter().map(own).collect()
}

const PARCELS: Sent = Sent(Destination::named("parcels"));

fn sender() -> SpanContext {
    let context = extract(&headers(&[("traceparent", TRACEPARENT)]));
    context.span().span_context().clone()
}

fn links(span: &SpanData) -> Vec<SpanId> {
    span.links
        .iter()
        .map(|link| link.span_context.span_id())
        .collect()
}

#[test]
fn what_is_forwarded_keeps_what_it_has() {
    let spans = spans();
    // Not as this crate would write it.
    let mut carried = headers(&[("Traceparent", TRACEPARENT), ("baggage", "b=2 , a = 1")]);
    let before = carried.clone();
    let by = &spans.instrumentation;
    let sending = by.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut carried,
        None,
    );
    assert!(sending.keeps_context());
    assert_eq!(sending.context().span().span_context(), &sender());
    sending.inject(&mut carried, None);
    sending.inject(&mut carried, Some(0));
    assert_eq!(carried, before);
    drop(sending);
    let span = spans.only();
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(links(&span), [sender().span_id()]);
}

/// By its context a client that mixes up its answers can tell a message from another.
#[test]
fn a_message_is_known_by_its_context() {
    let spans = spans();
    let by = &spans.instrumentation;
    let mut forwarded = headers(&[("traceparent", TRACEPARENT)]);
    let forward = by.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut forwarded,
        None,
    );
    let start = by.outgoing("send", &PARCELS);
    let mut started = Headers::new();
    start.inject(&mut started, None);
    assert!(start.may_have(Some(&started)));
    assert!(forward.may_have(Some(&forwarded)));
    assert!(!start.may_have(Some(&forwarded)));
    assert!(!forward.may_have(Some(&started)));
    for sending in [start, forward] {
        assert!(sending.may_have(Some(&headers(&[("traceparent", "00-malformed")]))));
        assert!(sending.may_have(None::<&Headers>));
    }
}

/// There is nothing that could be kept, so it is sent as any other.
#[test]
fn what_has_no_context_gets_one_when_forwarded() {
    for fields in [&[][..], &[("traceparent", "00-malformed")]] {
        let spans = spans();
        let mut carried = headers(fields);
        let by = &spans.instrumentation;
        let sending = by.relay(
            Relay::Forward,
            Destination::unknown(),
            "send",
            &PARCELS,
            &mut carried,
            None,
        );
        assert!(!sending.keeps_context());
        sending.inject(&mut carried, None);
        drop(sending);
        let span = spans.only();
        assert_eq!(span.span_kind, SpanKind::Producer);
        assert_eq!(links(&span), [SpanId::INVALID; 0]);
        let id = format!("{:016x}", span.span_context.span_id());
        assert_eq!(carried["traceparent"][36..52], id);
    }
    let by = Instrumentation::global();
    let sending = by.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut Headers::new(),
        None,
    );
    assert!(!sending.keeps_context());
}

#[test]
fn a_relay_without_a_tracer_forwards_too() {
    let relay = Instrumentation::default();
    let mut carried = headers(&[("traceparent", TRACEPARENT), ("tracestate", "a=1")]);
    let before = carried.clone();
    let sending = relay.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut carried,
        None,
    );
    sending.inject(&mut carried, None);
    assert_eq!(carried, before);
}

#[test]
fn what_is_republished_is_linked_to_what_it_was() {
    let spans = spans();
    let mut carried = headers(&[("traceparent", TRACEPARENT), ("tracestate", "a=1")]);
    let by = &spans.instrumentation;
    let sending = by.relay(
        Relay::Republish,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut carried,
        None,
    );
    sending.inject(&mut carried, None);
    drop(sending);
    let span = spans.only();
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert_eq!(links(&span), [sender().span_id()]);
    assert_eq!(carried.len(), 1, "{carried:?}");
}

#[test]
fn a_dead_letter_says_what_it_is() {
    let spans = spans();
    let long = format!("line\r\nend {}", "ü".repeat(1000));
    let mut carried = headers(&[("traceparent", TRACEPARENT), ("order", "7")]);
    let letter = DeadLetter::new(Destination::named("orders"), &long);
    let letter = letter.with_detail("offset", "12");
    let by = &spans.instrumentation;
    let letter = Relay::DeadLetter(&letter);
    let sending = by.relay(
        letter,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut carried,
        Some(9999),
    );
    sending.inject(&mut carried, None);
    drop(sending);
    let error = &carried[DEAD_LETTER_ERROR];
    assert!(error.starts_with("line  end ü") && error.len() <= 1024 && error.len() > 1020);
    assert_eq!(carried[DEAD_LETTER_SOURCE], "orders");
    assert_eq!(carried[DEAD_LETTER_TRACEPARENT], TRACEPARENT);
    assert_eq!(carried["offset"], "12");
    assert_eq!(carried["order"], "7");
    assert_ne!(carried["traceparent"], TRACEPARENT);
    assert_eq!(links(&spans.only()), [sender().span_id()]);

    // Once more: the newest error, and where it all began.
    let letter = DeadLetter::new(Destination::named("orders.dead"), &"again");
    let letter = letter.with_detail("offset", "13");
    let letter = Relay::DeadLetter(&letter);
    let _ = by.relay(
        letter,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut carried,
        Some(9999),
    );
    assert_eq!(carried[DEAD_LETTER_ERROR], "again");
    assert_eq!(carried[DEAD_LETTER_SOURCE], "orders");
    assert_eq!(carried[DEAD_LETTER_TRACEPARENT], TRACEPARENT);
    assert_eq!(carried["offset"], "12");
}

/// `to_string` panics on it.
#[test]
fn an_error_that_cannot_be_written_is_no_panic() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no such")?;
            Err(fmt::Error)
        }
    }
    let mut carried = Headers::new();
    let letter = DeadLetter::new(Destination::named("orders"), &Broken);
    let letter = Relay::DeadLetter(&letter);
    let by = Instrumentation::global();
    drop(by.relay(
        letter,
        Destination::unknown(),
        "send",
        &PARCELS,
        &mut carried,
        Some(9999),
    ));
    assert_eq!(carried[DEAD_LETTER_ERROR], "no such");

    let spans = spans();
    let sending = spans.instrumentation.outgoing("send", &PARCELS);
    sending.finish(Outcome::failed("broken", &Broken));
    assert_eq!(spans.only().status, Status::error("no such"));
}

/// What it says never makes a message too large; what is too large already is left to the client.
#[test]
fn a_dead_letter_without_room_says_nothing() {
    for (limit, says) in [(3, true), (2, true), (1, false)] {
        let mut carried = Limited::by_count(headers(&[("order", "7")]));
        let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
        let letter = Relay::DeadLetter(&letter);
        let room = Some(2 + limit - 1usize);
        let before = carried.headers.len();
        let by = Instrumentation::global();
        let _ = by.relay(
            letter,
            Destination::unknown(),
            "send",
            &PARCELS,
            &mut carried,
            room,
        );
        assert_eq!(carried.headers.len() > before, says, "{limit}");
    }
}

/// What a broker acts on changes its name, so that it does not act once more.
#[test]
fn what_acts_on_the_next_delivery_changes_its_name() {
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    let ways = [
        (Relay::Forward, "received-", [false, false, false, true]),
        (Relay::Republish, "received-", [false, false, true, true]),
        (
            Relay::DeadLetter(&letter),
            "dead-letter-",
            [false, true, true, true],
        ),
    ];
    for (relay, prefix, expected) in ways {
        let meanings = [
            Meaning::Content,
            Meaning::Kind,
            Meaning::Sender,
            Meaning::Delivery,
        ];
        assert_eq!(meanings.map(|meaning| relay.renames(meaning)), expected);
        assert_eq!(relay.prefix(), prefix);
    }
}

/// A message of a queue that counts its deliveries and knows when it was sent.
struct Redelivered {
    message: Message,
    count: u64,
    sent_at: SystemTime,
}

impl Describe<TextMap> for Redelivered {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        self.message.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.message
            .message_info()
            .with_delivery_count(Some(self.count))
            .with_sent_at(Some(self.sent_at))
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        let count = info.delivery_count().expect("it is counted");
        attributes.set_count("deliveries", count);
    }
}

impl Received<TextMap> for Redelivered {
    type Headers = Headers;

    fn message_headers(&self) -> Option<&Headers> {
        self.message.message_headers()
    }
}

#[test]
fn a_retry_does_not_grow_its_senders_trace() {
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::now();
    for (count, sent_at, is_child) in [(1, now, true), (2, now, false), (1, now - 2 * day, false)] {
        let spans = spans();
        let mut message = message();
        let headers = &mut message.headers;
        headers.insert("baggage".to_owned(), "tenant=acme".to_owned());
        let message = Redelivered {
            message,
            count,
            sent_at,
        };
        let by = spans.instrumentation.to_builder();
        let by = by.with_link_after_deliveries(1).with_link_after_age(day);
        let by = by.build();
        let processing = by.process(&message);
        let tenant = processing.context().baggage().get("tenant").cloned();
        assert_eq!(tenant.expect("baggage stays").as_str(), "acme");
        drop(processing);

        let span = spans.only();
        let is_in_trace = span.span_context.trace_id() == sender().trace_id();
        assert_eq!(is_in_trace, is_child);
        assert_eq!(span.parent_span_id == sender().span_id(), is_child);
        assert_eq!(links(&span), [sender().span_id()]);
        let deliveries = span
            .attributes
            .iter()
            .find(|kv| kv.key.as_str() == "deliveries");
        assert_eq!(
            deliveries.expect("counted").value,
            i64::try_from(count).unwrap().into()
        );

        // Without a tracer there is no trace of its own: what came in goes out.
        let by = Instrumentation::builder()
            .with_link_after_deliveries(1)
            .build();
        let context = by.process(&message).context().clone();
        assert_eq!(context.span().span_context(), &sender());
    }
}
