//! Polls, and relations other than the default, under a subscriber of `tracing`.

use crate::message::{Message, message, spans};
use crate::{assert_child, named, subscribe};
use futures_util::FutureExt;
use opentelemetry::trace::{SpanId, SpanKind, TraceContextExt};
use otel_messaging::Instrumentation;
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::Relation;
use std::future::{pending, poll_fn, ready};
use std::task::Poll;
use std::time::SystemTime;
use tracing::info_span;

#[test]
fn a_poll_has_a_span_of_its_own_length() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let consumer = Instrumentation::default().consumer(ConsumerInfo::new());
        let around = info_span!("around").entered();
        let mut polled = 0;
        let slow = poll_fn(|_| {
            polled += 1;
            match polled {
                1 => Poll::Pending,
                _ => Poll::Ready(Some(message())),
            }
        });
        let mut receiving = Box::pin(consumer.receive(slow));
        drop(around);
        assert!(receiving.as_mut().now_or_never().is_none());
        let between = SystemTime::now();
        assert!(matches!(receiving.as_mut().now_or_never(), Some(Some(_))));
        let span = named(&spans, "receive orders");
        assert_eq!(span.span_kind, SpanKind::Client);
        assert!(span.start_time <= between && between <= span.end_time);
        assert_child(&span, &named(&spans, "around").span_context);
        let sender = otel_messaging::extract(&message().headers);
        let [link] = &*span.links.links else {
            panic!("{:?}", span.links);
        };
        assert_eq!(&link.span_context, sender.span().span_context());
    }
}

#[test]
fn a_poll_that_gives_nothing_or_is_dropped_is_not_exported() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    let consumer = Instrumentation::default().consumer(ConsumerInfo::new());
    let none: Option<Message> = None;
    assert!(consumer.receive(ready(none)).now_or_never().is_some());
    let never = consumer.receive(pending::<Message>());
    assert!(never.now_or_never().is_none());
    assert_eq!(spans.ended(), []);
}

#[test]
fn a_child_of_the_current_span_is_one_of_tracings() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let consumer = Instrumentation::default().consumer(ConsumerInfo::new());
        let within = consumer.with_relation(Relation::ChildOfCurrent);
        let apart = consumer.with_relation(Relation::Link);
        let around = info_span!("around").entered();
        drop(within.process(&message()));
        drop(around);
        let span = named(&spans, "process orders");
        let around = named(&spans, "around").span_context;
        assert_child(&span, &around);
        assert_eq!(span.links.len(), 1);

        drop(apart.process(&message()));
        let span = spans.ended().pop().expect("a span");
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        assert_ne!(span.span_context.trace_id(), around.trace_id());
        assert_eq!(span.links.len(), 1);
    }
}
