//! An instrumentation that is turned off: messages are sent and handled as if there were none.

use crate::message::{Message, NOWHERE, Spans, TRACEPARENT, message, spans};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, Status, TraceContextExt, Tracer, TracerProvider};
use otel_messaging::adapter::{DeadLetter, Destination, Outcome, Relay};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::Finding;
use otel_messaging::producer::{DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE};
use otel_messaging::{Failure, Instrumentation};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Turned off, and with a provider that would make spans.
fn off(spans: &Spans) -> [Instrumentation; 2] {
    let with_provider = Instrumentation::disabled()
        .to_builder()
        .with_tracer_provider(&spans.provider)
        .build();
    [Instrumentation::disabled(), with_provider]
}

/// A span of the application's, around whatever is done with messages.
fn caller(spans: &Spans) -> Context {
    Context::new().with_span(spans.provider.tracer("caller").start("caller"))
}

fn current() -> SpanContext {
    Context::map_current(|context| context.span().span_context().clone())
}

#[test]
fn headers_stay_as_they_are() {
    let spans = spans();
    for by in off(&spans) {
        let caller = caller(&spans);
        let _attached = caller.clone().attach();
        let given = message().headers;
        for mut headers in [given, Default::default()] {
            let before = headers.clone();
            by.inject(&caller, &mut headers);
            assert_eq!(headers, before);
            let ways = [Relay::Forward, Relay::Republish];
            let relayed = ways.map(|way| {
                by.relay(
                    way,
                    Destination::unknown(),
                    "send",
                    &NOWHERE,
                    &mut headers,
                    None,
                )
            });
            for outgoing in relayed.into_iter().chain([by.outgoing("send", &NOWHERE)]) {
                for room in [None, Some(0), Some(9_999)] {
                    outgoing.inject(&mut headers, room);
                }
                assert_eq!(outgoing.context().span().span_context(), &current());
                outgoing.finish(Outcome::failed("refused", &"no such topic"));
            }
            assert_eq!(headers, before);
        }
        drop(_attached);
        caller.span().end();
    }
    for span in spans.ended() {
        assert_eq!(span.name, "caller");
        assert_eq!(span.status, Status::Unset, "it is the caller's");
    }
    assert_eq!(spans.ended().len(), 2);
}

/// What went wrong is the application's word, and no telemetry.
#[test]
fn a_dead_letter_says_what_went_wrong_all_the_same() {
    let spans = spans();
    for by in off(&spans) {
        let mut headers = message().headers;
        let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
        let letter = Relay::DeadLetter(&letter);
        let outgoing = by.relay(
            letter,
            Destination::unknown(),
            "send",
            &NOWHERE,
            &mut headers,
            None,
        );
        outgoing.inject(&mut headers, None);
        drop(outgoing);
        assert_eq!(
            headers.remove(DEAD_LETTER_ERROR).unwrap(),
            "no such article"
        );
        assert_eq!(headers.remove(DEAD_LETTER_SOURCE).unwrap(), "orders");
        assert_eq!(headers, message().headers);
    }
    assert!(spans.ended().is_empty());
}

#[test]
fn nothing_is_read() {
    let mut message = message();
    let baggage = ("baggage".to_owned(), "tenant=acme".to_owned());
    message.headers.extend([baggage]);
    for by in off(&spans()) {
        let context = by.extract(&message.headers);
        assert!(!context.has_active_span());
        assert!(context.baggage().is_empty());
    }
}

/// In every way of handling: the caller's span is current, and stays as it is.
#[test]
fn a_handler_runs_in_the_context_of_its_caller() {
    let (spans, message) = (spans(), message());
    let handler = |caller: SpanContext| {
        move |message: &Message| {
            assert_eq!(current(), caller, "at the call");
            assert_eq!(message.headers["traceparent"], TRACEPARENT);
            async move {
                assert_eq!(current(), caller, "in the future");
                Err::<(), _>("no such article")
            }
        }
    };
    let failure = |_: &&str| Some(Failure::new("article", "no such article"));
    for by in off(&spans) {
        let context = caller(&spans);
        let _attached = context.clone().attach();
        let consumer = by.consumer(ConsumerInfo::new().with_group("billing"));
        let handler = || handler(current());
        let handled = [
            by.with_message_context(&message, handler()).now_or_never(),
            by.try_with_message_context(&message, handler())
                .now_or_never(),
            by.try_with_message_context_with(&message, handler(), failure)
                .now_or_never(),
            by.try_with_message_context(&message, handler())
                .on_error(async |error| Err(error))
                .now_or_never(),
            consumer
                .with_message_context(&message, handler())
                .now_or_never(),
            consumer
                .try_with_message_context(&message, handler())
                .now_or_never(),
            consumer
                .try_with_message_context_with(&message, handler(), failure)
                .now_or_never(),
        ];
        assert!(
            handled
                .iter()
                .all(|handled| *handled == Some(Err("no such article")))
        );

        for span in [by.process(&message), consumer.process(&message)] {
            assert_eq!(span.context().span().span_context(), &current());
            let around = current();
            let entered = span.enter();
            entered.fail("article", "no such article");
            assert_eq!(current(), around);
            drop(entered);
            assert_eq!(current(), around);
        }
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _entered = by.process(&message).enter();
            panic!("the handler");
        }));
        assert!(panics.is_err());
        drop(_attached);
        assert!(
            spans.ended().iter().all(|span| span.name == "caller"),
            "nothing but the callers of before"
        );
        context.span().end();
    }
    assert_eq!(spans.ended().len(), 2);
    for span in spans.ended() {
        assert_eq!(span.status, Status::Unset);
        assert!(span.attributes.is_empty());
    }
}

/// A handler that runs elsewhere keeps the context of the call.
#[tokio::test]
async fn the_context_is_that_of_the_call() {
    let spans = spans();
    for by in off(&spans) {
        let message = message();
        let handling = {
            let _attached = caller(&spans).attach();
            let expected = current();
            let handling = by.process(&message).run(async move {
                assert_eq!(current(), expected);
                tokio::task::yield_now().await;
                assert_eq!(current(), expected);
            });
            tokio::spawn(handling)
        };
        handling.await.expect("no panic");
    }
}

#[test]
fn a_self_check_says_nothing_else() {
    for off in off(&spans()) {
        assert_eq!(off.self_check(), [Finding::Disabled]);
    }
}
