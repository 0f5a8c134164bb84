//! Several subscribers on one thread, whose layers are unlike: one makes the context of a span that is entered current
//! to OpenTelemetry, and the other does not.

use crate::message::{NOWHERE, Spans, TRACEPARENT, message, spans};
use crate::subscriber;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::{Instrumentation, process};
use tracing::{dispatcher, info_span};

fn publish(name: &'static str) {
    drop(Instrumentation::global().outgoing(name, &NOWHERE));
}

/// Publishes in the handler of a message, in a span of the handler's, and after that.
fn handle(inside: impl FnOnce()) {
    let _entered = process(&message()).enter();
    publish("before");
    info_span!("work").in_scope(|| {
        publish("within");
        inside();
        publish("still within");
    });
    publish("after");
}

/// The names of the spans below this one, sorted.
fn below<'a>(span: &SpanData, ended: &'a [SpanData]) -> Vec<&'a str> {
    let id = span.span_context.span_id();
    let children = ended.iter().filter(|child| child.parent_span_id == id);
    let mut names: Vec<_> = children.map(|child| &*child.name).collect();
    names.sort_unstable();
    names
}

/// So many messages were handled, and what was sent is a child of the span in which it was sent.
fn assert_sent(spans: &Spans, messages: usize) {
    let ended = spans.ended();
    let (mut processed, mut worked) = (0, 0);
    for span in &ended {
        match &*span.name {
            "process orders" => {
                processed += 1;
                assert_eq!(span.parent_span_id.to_string(), TRACEPARENT[36..52]);
                assert_eq!(below(span, &ended), ["after", "before", "work"]);
            }
            "work" => {
                worked += 1;
                assert_eq!(below(span, &ended), ["still within", "within"]);
            }
            _ => assert!(below(span, &ended).is_empty(), "{}", span.name),
        }
    }
    assert_eq!(
        (processed, worked, ended.len()),
        (messages, messages, 6 * messages)
    );
}

#[test]
fn what_a_handler_sends_is_a_child_of_its_messages_span_under_each() {
    for first in [true, false] {
        let (one, other) = (spans(), spans());
        let subscribers = [subscriber(&one, first), subscriber(&other, !first)];
        for _ in 0..20 {
            for subscriber in &subscribers {
                dispatcher::with_default(subscriber, || handle(|| ()));
            }
        }
        assert_sent(&one, 20);
        assert_sent(&other, 20);
    }
}

/// The handler of one message handles another one under the other subscriber.
#[test]
fn a_handler_under_one_may_be_inside_a_handler_under_the_other() {
    for first in [true, false] {
        let (one, other) = (spans(), spans());
        let [outer, inner] = [subscriber(&one, first), subscriber(&other, !first)];
        for _ in 0..20 {
            dispatcher::with_default(&outer, || {
                handle(|| dispatcher::with_default(&inner, || handle(|| ())));
            });
        }
        assert_sent(&one, 20);
        assert_sent(&other, 20);
    }
}

/// What is known of a subscriber is forgotten when there are many others, and found out again.
#[test]
fn more_subscribers_than_are_known_are_told_apart() {
    let all: Vec<_> = (0..40)
        .map(|n| {
            let spans = spans();
            (subscriber(&spans, n % 2 == 0), spans)
        })
        .collect();
    for _ in 0..3 {
        for (subscriber, _) in &all {
            dispatcher::with_default(subscriber, || handle(|| ()));
        }
    }
    for (_, spans) in &all {
        assert_sent(spans, 3);
    }
}
