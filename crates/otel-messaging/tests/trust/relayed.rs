//! Received messages that are sent on.

use crate::program::{Headers, Message, Program, SAMPLED, full, headers, sender, to};
use opentelemetry::trace::{SpanId, TraceContextExt};
use otel_messaging::adapter::{DeadLetter, Describe, Destination, Outgoing, Relay};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::producer::{DEAD_LETTER_ERROR, DEAD_LETTER_TRACEPARENT};
use otel_messaging::trust::IncomingPolicy::{Continue, RestartWithLink, RestartWithoutLink};
use otel_messaging::trust::{BaggageFilter, Messages, OutgoingPolicy};
use otel_messaging::{Instrumentation, opentelemetry};

/// Sends a message on to `parcels`.
fn send_on(by: &Instrumentation, relay: Relay<'_>, message: &Message) -> (Outgoing, Headers) {
    let mut headers = message.headers.clone();
    let next = to::<&str>(["parcels", "", ""], []);
    let source = message.destination();
    let outgoing = by.relay(relay, source, "send", &next, &mut headers, Some(10_000));
    outgoing.inject(&mut headers, Some(10_000));
    (outgoing, headers)
}

fn tells_of_sender(headers: &Headers) -> bool {
    let sender = sender();
    let ids = [sender.trace_id().to_string(), sender.span_id().to_string()];
    let all = format!("{headers:?}");
    ids.iter().any(|id| all.contains(id)) || all.contains("vendor") || all.contains("user=")
}

#[test]
fn what_a_handler_does_not_believe_it_does_not_send_on() {
    let program = Program::new();
    for policy in [RestartWithLink, RestartWithoutLink] {
        let by = program
            .builder()
            .with_incoming(Messages::all(), policy)
            .with_incoming_baggage(BaggageFilter::None)
            .build();
        // Another producer, without a rule of its own.
        let others = program.builder().build();
        let message = full();
        let handling = by.process(&message);
        let trace_id = handling.context().span().span_context().trace_id();
        let entered = handling.enter();
        let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
        for relay in [Relay::Forward, Relay::Republish, Relay::DeadLetter(&letter)] {
            for producer in [&by, &others] {
                let (outgoing, sent) = send_on(producer, relay, &message);
                assert!(!outgoing.keeps_context());
                assert!(!tells_of_sender(&sent), "{sent:?}");
                assert!(
                    sent["traceparent"].contains(&trace_id.to_string()),
                    "{sent:?}"
                );
                assert!(!sent.contains_key(DEAD_LETTER_TRACEPARENT));
                let is_letter = matches!(relay, Relay::DeadLetter(_));
                assert_eq!(sent.contains_key(DEAD_LETTER_ERROR), is_letter);
            }
        }
        drop(entered);
    }
}

#[test]
fn outside_of_a_handler_the_rules_decide_by_the_source() {
    let program = Program::new();
    let by = program.believing(Messages::to("internal"));
    let came = [("traceparent", SAMPLED), ("tracestate", "vendor=1")];
    let internal = to(["internal", "", ""], came);
    let (outgoing, sent) = send_on(&by, Relay::Forward, &internal);
    assert!(outgoing.keeps_context());
    assert_eq!(sent, internal.headers);
    drop(outgoing);
    let (outgoing, sent) = send_on(&by, Relay::Forward, &to(["partner", "", ""], came));
    assert!(!outgoing.keeps_context());
    assert!(!tells_of_sender(&sent), "{sent:?}");
    drop(outgoing);
    let spans = program.ended();
    let links = |place: usize| -> Vec<SpanId> {
        let links = spans[place].links.iter();
        links.map(|link| link.span_context.span_id()).collect()
    };
    assert_eq!(
        [links(0), links(1)],
        [[sender().span_id()], [sender().span_id()]]
    );
    assert!(spans[1].links.iter().all(|link| {
        !link.span_context.is_sampled() && link.span_context.trace_state().header().is_empty()
    }));
}

#[test]
fn another_message_in_the_same_handler_is_judged_by_itself() {
    let program = Program::new();
    let by = program
        .builder()
        .with_incoming(Messages::to("internal"), Continue)
        .with_incoming_baggage(BaggageFilter::keys(["tenant"]))
        .with_incoming(Messages::all(), RestartWithLink)
        .build();
    let came = [("traceparent", SAMPLED)];
    let _entered = by.process(&to(["internal", "", ""], came)).enter();
    // The same ids, from somebody else.
    let (outgoing, sent) = send_on(&by, Relay::Forward, &to(["partner", "", ""], came));
    assert!(!outgoing.keeps_context());
    assert!(!sent["traceparent"].contains(&sender().span_id().to_string()));
}

#[test]
fn a_decision_by_queue_counts_in_the_handler() {
    let program = Program::new();
    let by = program.believing(Messages::all().in_queue("internal"));
    let message = full();
    let consumer = by.consumer(ConsumerInfo::new().with_queue("internal"));
    let entered = consumer.process(&message).enter();
    let (outgoing, sent) = send_on(&by, Relay::Forward, &message);
    assert!(outgoing.keeps_context());
    assert_eq!(sent, message.headers);
    drop(entered);
    // Outside of it nobody knows the queue.
    assert!(!send_on(&by, Relay::Forward, &message).0.keeps_context());
}

#[test]
fn baggage_that_does_not_count_is_not_sent_on() {
    let program = Program::new();
    let listed = BaggageFilter::keys(["tenant"]);
    let by = program.builder().with_incoming_baggage(listed).build();
    let others = program.builder().build();
    let message = full();
    let _entered = by.process(&message).enter();
    for producer in [&by, &others] {
        let (outgoing, sent) = send_on(producer, Relay::Forward, &message);
        assert!(!outgoing.keeps_context());
        assert_eq!(sent["traceparent"], SAMPLED, "the context stays");
        assert_eq!(sent["tracestate"], "vendor=1");
        assert_eq!(sent["baggage"], "tenant=acme");
        // Once more, as if the destination had refused its size.
        let mut bare = message.headers.clone();
        outgoing.leave_out(&mut bare);
        assert!(!bare.contains_key("baggage"), "{bare:?}");
    }
}

#[test]
fn what_leaves_the_house_has_no_context_in_any_format() {
    let program = Program::new();
    let by = program.builder().build().external();
    let mut message = full();
    message.headers.extend(headers([
        ("B3", "1-2-1"),
        ("X-B3-TraceId", "1"),
        ("uber-trace-id", "1"),
        ("x-datadog-trace-id", "1"),
        (DEAD_LETTER_TRACEPARENT, SAMPLED),
        ("sentry-trace", "1"),
        ("order", "7"),
    ]));
    let (outgoing, sent) = send_on(&by, Relay::Forward, &message);
    assert_eq!(sent, headers([("order", "7")]));
    let mut bare = message.headers.clone();
    outgoing.leave_out(&mut bare);
    assert_eq!(bare, headers([("order", "7")]));
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    let (_, sent) = send_on(&by, Relay::DeadLetter(&letter), &message);
    assert!(
        !sent.contains_key(DEAD_LETTER_TRACEPARENT) && !tells_of_sender(&sent),
        "{sent:?}"
    );
}

#[test]
fn what_is_forwarded_tells_as_much_as_its_policy() {
    let program = Program::new();
    let builder = program.builder();
    let only = OutgoingPolicy::TraceContextOnly;
    let by = builder.with_outgoing(Messages::to("parcels"), only).build();
    let (outgoing, sent) = send_on(&by, Relay::Forward, &full());
    assert_eq!(
        outgoing.context().span().span_context().span_id(),
        sender().span_id()
    );
    let expected = headers([("traceparent", SAMPLED), ("tracestate", "vendor=1")]);
    assert_eq!(sent, expected);
    let listed = BaggageFilter::keys(["tenant"]);
    let by = program.builder().with_outgoing_baggage(listed).build();
    assert_eq!(
        send_on(&by, Relay::Forward, &full()).1["baggage"],
        "tenant=acme"
    );
}

/// A reader skips what is malformed, or too much. A filter must not let it pass.
#[test]
fn a_filter_lets_nothing_pass_that_was_not_read() {
    let program = Program::new();
    let long = format!("tenant=acme,long={}", "x".repeat(8_300));
    for baggage in ["bad key=secret", "tenant=acme,user name=ada", &long] {
        let message = to(
            ["orders", "", ""],
            [("traceparent", SAMPLED), ("baggage", baggage)],
        );
        for filter in [BaggageFilter::None, BaggageFilter::keys(["tenant"])] {
            let incoming = program.builder().with_incoming_baggage(filter.clone());
            let outgoing = program.builder().with_outgoing_baggage(filter.clone());
            for by in [incoming.build(), outgoing.build()] {
                for relay in [Relay::Forward, Relay::Republish] {
                    let (_, sent) = send_on(&by, relay, &message);
                    let told = sent.get("baggage").map_or("", String::as_str);
                    assert!(["", "tenant=acme"].contains(&told), "{filter:?}: {told}");
                }
            }
        }
    }
}

#[test]
fn the_handler_of_a_batch_does_not_send_on_what_it_does_not_believe() {
    let program = Program::new();
    let by = program
        .builder()
        .with_incoming(Messages::to("orders"), RestartWithLink)
        .with_incoming_baggage(BaggageFilter::None)
        .build();
    let others = program.builder().build();
    let messages = [full(), full()];
    let (span, batch) = by.process_batch(&messages);
    let entered = span.enter();
    for message in &messages {
        let (outgoing, sent) = send_on(&others, Relay::Forward, message);
        assert!(
            !outgoing.keeps_context() && !tells_of_sender(&sent),
            "{sent:?}"
        );
    }
    drop((batch, entered));
}

/// A program may describe a message in its own way, and still not believe its sender.
#[test]
fn a_decision_against_a_sender_counts_whatever_the_source_is_called() {
    let program = Program::new();
    let by = program.incoming(RestartWithLink);
    let others = program.builder().build();
    let _entered = by.process(&full()).enter();
    let mut called_otherwise = full();
    called_otherwise.parts = ["wrapped", "", ""];
    let (outgoing, sent) = send_on(&others, Relay::Forward, &called_otherwise);
    assert!(!outgoing.keeps_context());
    assert!(!sent["traceparent"].contains(&sender().span_id().to_string()));
}

#[test]
fn a_strict_producer_stays_strict() {
    let program = Program::new();
    let listed = BaggageFilter::keys(["tenant"]);
    let believing = program.builder().with_incoming_baggage(listed).build();
    let strict = program.incoming(RestartWithoutLink);
    let message = full();
    let _entered = believing.process(&message).enter();
    let (outgoing, sent) = send_on(&strict, Relay::Forward, &message);
    assert!(!outgoing.keeps_context());
    assert!(!sent["traceparent"].contains(&sender().span_id().to_string()));
}

#[test]
fn a_sender_who_is_not_believed_is_not_in_other_formats_either() {
    let program = Program::new();
    let by = program.incoming(RestartWithoutLink);
    let others = program.builder().build();
    let fields = [
        ("b3", "1-2-1"),
        (DEAD_LETTER_TRACEPARENT, SAMPLED),
        ("order", "7"),
    ];
    let malformed = || to(["orders", "", ""], [("traceparent", "00-bad")]);
    for message in [full(), malformed(), to::<&str>(["orders", "", ""], [])] {
        let mut message = message;
        message.headers.extend(headers(fields));
        let names = |producer| {
            let (_, sent) = send_on(producer, Relay::Forward, &message);
            sent.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(&by), ["order", "traceparent"]);
        // Also by a producer without rules, inside the handler.
        let _entered = by.process(&message).enter();
        assert_eq!(names(&others), ["order", "traceparent"]);
    }
}
