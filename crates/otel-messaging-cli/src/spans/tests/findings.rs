//! What is told of the failure modes.

use super::*;
use crate::report::Severity;

#[test]
fn a_consumer_that_stands_alone_is_inferred_and_said_so() {
    let own = |nth: u64| {
        Told::new(5, OTHER + u128::from(nth), nth, 0).with("messaging.destination", "orders")
    };
    let sender = line("shop", [Told::sender()]);
    let text = sender.clone() + &line("billing", [own(1), own(2)]);
    let messages = [message(1), message(2)];
    let found = joined(&text, &messages, System::Kafka);
    assert_eq!(
        hops(&found),
        [(Some("shop"), Some("billing"), HopState::OwnTrace, 2)]
    );
    let finding = found.findings.first().unwrap();
    assert_eq!(
        (finding.code, finding.severity),
        ("consumer-own-trace", Severity::Error)
    );
    assert_eq!(
        finding.what,
        "No span of a consumer has to do with the context of 2 of 2 messages, such as trace \
         4bf92f3577b34da6a3ce929d0e0e4736. But billing has 2 spans for this destination at the root of a trace, without \
         links, such as trace 0af7651916cd43dd8448eb211c80319d. So the consumer seems to begin traces of its \
         own: this is inferred, because these spans do not tell which message they are for."
    );
    assert_eq!(finding.causes.len(), 5);
    let example = finding.example.as_ref().unwrap();
    assert_eq!(example.place, message(1).place);
    assert_eq!(
        example.header.as_deref(),
        Some("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    );

    // As many messages without a context explain as many spans.
    let mut messages = vec![message(1), message(2), message(3)];
    messages[1].context = None;
    messages[2].context = None;
    let found = joined(&text, &messages, System::Kafka);
    assert_eq!(codes(&found.findings), [("no-consumer-span", 1, 3)]);
    // A service that joins a message of the destination does not begin traces of its own.
    let child = Told::new(5, TRACE, 0x77, SENDER);
    let text = text + &line("billing", [child]);
    let found = joined(&text, &[message(1)], System::Kafka);
    assert_eq!(codes(&found.findings), []);
    // Another destination says nothing.
    let other = Told::new(5, OTHER, 1, 0).with("messaging.destination.name", "payments");
    let found = joined(
        &(sender + &line("mail", [other])),
        &[message(1)],
        System::Kafka,
    );
    assert_eq!(codes(&found.findings), [("no-consumer-span", 1, 1)]);
}

#[test]
fn work_that_escaped_is_seen_in_what_its_service_sends() {
    let child = Told::new(5, TRACE, 0x11, SENDER);
    let inside = Told::new(4, TRACE, 0x12, 0x11);
    let escaped = Told::new(4, OTHER, 0x13, 0);
    let text = line("shop", [Told::sender()]) + &line("billing", [child, inside]);
    let found = joined(&text, &[message(1)], System::Kafka);
    assert_eq!(codes(&found.findings), []);
    let found = joined(
        &(text + &line("billing", [escaped])),
        &[message(1)],
        System::Kafka,
    );
    assert_eq!(codes(&found.findings), [("work-escaped", 1, 1)]);
    let what = &found.findings.first().unwrap().what;
    assert!(
        what.contains("billing joins") && what.contains("also has 1 span with which it sends"),
        "{what}"
    );
    assert!(what.contains("0af7651916cd43dd8448eb211c80319c"), "{what}");
}

#[test]
fn findings_are_counted_for_each_producer_and_sorted() {
    let mut other = message(3);
    other.producer = "key refund-…".to_owned();
    other.context = Some((TraceId::from(OTHER), SpanId::from(1), true));
    let messages = [message(1), message(2), other];
    let text = line("shop", [Told::sender()]);
    let found = joined(&text, &messages, System::Kafka);
    assert_eq!(
        codes(&found.findings),
        [
            ("producer-span-not-exported", 1, 1),
            ("no-consumer-span", 2, 2),
        ]
    );
    let producers: Vec<&str> = found.findings.iter().map(|f| f.producer.as_str()).collect();
    assert_eq!(producers, ["key refund-…", "key order-…"]);
}

#[test]
fn what_is_read_cannot_reach_a_terminal_as_it_is() {
    let text = line("shop", [Told::sender()])
        + &line("\u{1b}[31mbilling\n", [Told::new(5, TRACE, 0x11, SENDER)]);
    let found = joined(&text, &[message(1)], System::Kafka);
    assert_eq!(
        hops(&found),
        [(
            Some("shop"),
            Some("\u{fffd}[31mbilling\u{fffd}"),
            HopState::Joined,
            1
        )]
    );
}

/// A subject with an id in it is a destination of its own to its consumers, but not to the report.
#[test]
fn subjects_of_one_name_are_one_hop_and_one_finding() {
    let of = |order: i64| Sent {
        destination: format!("orders.{order}.placed"),
        name: Some("orders.*.placed".to_owned()),
        ..message(order)
    };
    let messages = [of(1), of(2), of(3)];
    let own = |id: u64, subject: &str| {
        let span = Told::new(5, OTHER + u128::from(id), id, 0);
        span.with("messaging.destination.name", subject)
    };
    let spans = [
        own(1, "orders.1.placed"),
        own(2, "orders.2.placed"),
        own(3, "orders.*.placed"),
        own(4, "orders.4.placed"),
        own(5, "orders.*.paid"),
    ];
    let text = line("shop", [Told::sender()]) + &line("billing", spans);
    let found = joined(&text, &messages, System::Nats);
    assert_eq!(
        hops(&found),
        [(Some("shop"), Some("billing"), HopState::OwnTrace, 3)]
    );
    assert_eq!(found.hops.hops[0].destination, "orders.*.placed");
    assert_eq!(codes(&found.findings), [("consumer-own-trace", 3, 3)]);
    let finding = found.findings.first().unwrap();
    assert_eq!(finding.destination, "orders.*.placed");
    assert!(
        finding.what.contains("billing has 3 spans"),
        "{}",
        finding.what
    );
}
