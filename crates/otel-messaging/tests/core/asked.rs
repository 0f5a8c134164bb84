//! What a message is asked, and when: nothing but its headers where nobody listens.

use crate::counting::{Asked, asked};
use crate::message::{NOWHERE, TRACEPARENT, message, spans};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Attributes, DeadLetter, Destination, Outcome, Relay};
use otel_messaging::consumer::ConsumerInfo;
use std::cell::Cell;
use std::future::ready;
use std::time::Duration;

/// Sends the message, in each way, and says how often that asked it.
fn send(by: &Instrumentation, message: &Asked) -> (u32, u32) {
    let mut headers = message.headers.clone();
    by.outgoing("send", message).inject(&mut headers, None);
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    for relay in [Relay::Forward, Relay::Republish, Relay::DeadLetter(&letter)] {
        let outgoing = by.relay(
            relay,
            Destination::unknown(),
            "send",
            message,
            &mut headers,
            Some(9_999),
        );
        outgoing.inject(&mut headers, Some(9_999));
    }
    message.counts()
}

/// Handles the message, by the instrumentation and by a consumer of it.
fn handle(by: &Instrumentation, message: &Asked) -> (u32, u32) {
    drop(by.process(message));
    drop(by.consumer(ConsumerInfo::new()).process(message).enter());
    message.counts()
}

/// Receives and handles the message as a batch.
fn handle_batch(by: &Instrumentation, message: &Asked) -> (u32, u32) {
    drop(by.process_batch([message, message]));
    let consumer = by.consumer(ConsumerInfo::new());
    let polled = consumer.receive(ready(vec![message, message]));
    assert!(polled.now_or_never().is_some());
    message.counts()
}

#[test]
fn without_a_listener_a_message_is_not_asked() {
    let (message, by) = (asked(), Instrumentation::default());
    assert_eq!(send(&by, &message), (0, 0));
    assert_eq!(handle(&by, &message), (0, 0));
    assert_eq!(handle_batch(&by, &message), (0, 0));

    let spans = spans();
    let off = Instrumentation::disabled().to_builder();
    let off = off.with_link_after_deliveries(1);
    let off = off.with_tracer_provider(&spans.provider).build();
    assert_eq!(send(&off, &message), (0, 0));
    assert_eq!(handle(&off, &message), (0, 0));
    assert_eq!(handle_batch(&off, &message), (0, 0));

    let _suppressed = Context::enter_telemetry_suppressed_scope();
    assert_eq!(send(&spans.instrumentation, &message), (0, 0));
    assert_eq!(handle(&spans.instrumentation, &message), (0, 0));
    assert_eq!(handle_batch(&spans.instrumentation, &message), (0, 0));
}

/// Without a span there is no parent to decide about.
#[test]
fn a_policy_of_redelivery_does_not_ask_where_nobody_listens() {
    let message = asked();
    let by = Instrumentation::builder();
    for by in [
        by.clone().with_link_after_deliveries(1),
        by.clone().with_link_after_age(Duration::from_secs(1)),
    ] {
        assert_eq!(handle(&by.build(), &message), (0, 0));
    }
}

/// Metrics need what is known of a message, and no attributes of its system.
#[test]
fn metrics_ask_for_no_attributes() {
    let (message, meter) = (asked(), SdkMeterProvider::default());
    let by = Instrumentation::builder()
        .with_meter_provider(&meter)
        .build();
    let (_, attributes) = handle(&by, &message);
    assert_eq!(attributes, 0);
    let (_, attributes) = send(&by, &message);
    assert_eq!(attributes, 0);
    let (_, attributes) = handle_batch(&by, &message);
    assert_eq!(attributes, 0);
}

/// What samplers do not decide by is not computed where they decide against a span.
#[test]
fn a_span_that_is_not_sampled_asks_for_no_attributes() {
    let unsampled = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let message = asked();
    let by = Instrumentation::builder().with_tracer_provider(&unsampled);
    assert_eq!(handle(&by.build(), &message), (2, 0));
}

#[test]
fn a_listener_asks_once_for_each_span() {
    let (message, spans) = (asked(), spans());
    let by = &spans.instrumentation;
    assert_eq!(send(by, &message), (4, 4));
    assert_eq!(handle(by, &message), (2, 2));
    let by = by.to_builder().with_link_after_deliveries(9).build();
    assert_eq!(handle(&by, &message), (2, 2), "the policy's is used again");
}

/// As an adapter reads partition and offset from it.
#[test]
fn an_answer_is_read_only_where_a_span_records_it() {
    let calls = Cell::new(0);
    let answer = |attributes: &mut Attributes| {
        calls.set(calls.get() + 1);
        attributes.set("offset", 7);
    };
    let sender = Instrumentation::default().extract(&message().headers);
    let _attached = sender.attach();
    let unsampled = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let unsampled = Instrumentation::builder().with_tracer_provider(&unsampled);
    for by in [
        Instrumentation::default(),
        Instrumentation::disabled(),
        unsampled.build(),
    ] {
        by.outgoing("send", &NOWHERE)
            .finish(Outcome::Accepted(&answer));
        assert_eq!(calls.get(), 0);
    }

    let spans = spans();
    let outgoing = spans.instrumentation.outgoing("send", &NOWHERE);
    assert_ne!(
        outgoing
            .context()
            .span()
            .span_context()
            .span_id()
            .to_string(),
        TRACEPARENT[36..52]
    );
    outgoing.finish(Outcome::Accepted(&answer));
    assert_eq!(calls.get(), 1);
    assert_eq!(
        crate::errors::attribute(&spans.only(), "offset"),
        Some(7.into())
    );
}
