//! Work that a handler hands over, in programs with the `tracing` crate: inside the entered span of a
//! worker's loop, and whether or not the layer activates contexts.

use crate::message::{message, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::{
    Envelope, Job, closure_in_context, current_context, extract, future_in_context, get_context,
    process, with_message_context,
};
use std::collections::BTreeMap;
use tracing::{Instrument, info, info_span, instrument};

#[instrument(fields(otel.name = format!("print label {number}")))]
fn print_label(number: u32) {
    info!("printed");
}

fn assert_printed(label: &SpanData) {
    let events: Vec<_> = label.events.iter().map(|event| &*event.name).collect();
    assert_eq!(events, ["printed"]);
}

/// Does work in the span of a worker's loop.
fn in_a_loop<T>(work: impl FnOnce() -> T) -> T {
    info_span!("loop").in_scope(work)
}

#[tokio::test]
async fn what_a_handler_hands_over_is_its_child() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let message = message();
        let (closure, future, job) = with_message_context(&message, async |_| {
            (
                closure_in_context(|| print_label(1)),
                future_in_context(async {
                    tokio::task::yield_now().await;
                    print_label(2);
                }),
                Job::new(3),
            )
        })
        .await;
        in_a_loop(closure);
        future.instrument(info_span!("another loop")).await;
        info_span!("third loop").in_scope(|| job.call(print_label));

        let processed = named(&spans, "process orders").span_context;
        for number in 1..=3 {
            let label = named(&spans, &format!("print label {number}"));
            assert_child(&label, &processed);
            assert_printed(&label);
        }
        let worker = named(&spans, "loop").span_context;
        assert_ne!(worker.trace_id(), processed.trace_id());
    }
}

/// What is handed over inside a span of the handler is that span's child. It ends with its own work
/// where the layer activates contexts, and else with what it has handed over.
#[tokio::test]
async fn the_innermost_span_counts() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let message = message();
        let closure = with_message_context(&message, async |_| {
            let order = info_span!("order").entered();
            let order_id = current_context().span().span_context().span_id();
            let closure = closure_in_context(|| print_label(1));
            drop(order);
            (closure, order_id)
        });
        let (closure, order_id) = closure.await;
        let has_ended = spans.ended().iter().any(|span| span.name == "order");
        assert_eq!(has_ended, activation);
        in_a_loop(closure);
        let order = named(&spans, "order").span_context;
        assert_eq!(order.span_id(), order_id);
        assert_child(&named(&spans, "print label 1"), &order);
    }
}

/// The baggage that a handler attached to its context is newer than its span.
#[tokio::test]
async fn what_was_attached_at_the_call_goes_along() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let message = message();
        let closure = with_message_context(&message, async |_| {
            let baggage = [KeyValue::new("tenant", "acme")];
            let _attached = Context::current_with_baggage(baggage).attach();
            closure_in_context(|| get_context().into_iter().collect::<BTreeMap<_, _>>())
        });
        let carried = in_a_loop(closure.await);
        assert_eq!(carried["baggage"], "tenant=acme");
        let processed = named(&spans, "process orders").span_context;
        assert!(carried["traceparent"].contains(&processed.span_id().to_string()));
    }
}

/// Of a context that somebody gives, a layer that does not activate contexts knows nothing, but it
/// goes by the current context where no span is entered.
#[test]
fn a_job_of_a_given_context_publishes_in_it() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let sender = extract(&message().headers);
        let trace_id = sender.span().span_context().trace_id();
        let job = Job::with_context(1, sender);
        let carried = in_a_loop(|| {
            job.call(|number| {
                print_label(number);
                let _inside = info_span!("inside").entered();
                get_context().into_iter().collect::<BTreeMap<_, _>>()
            })
        });
        assert!(carried["traceparent"].contains(&trace_id.to_string()));
        for name in ["print label 1", "inside"] {
            assert_eq!(named(&spans, name).span_context.trace_id(), trace_id);
        }
    }
}

/// Nothing was current at the call, and so nothing is in the work.
#[test]
fn no_context_is_taken_along_too() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let closure = closure_in_context(|| {
            print_label(1);
            current_context().has_active_span()
        });
        assert!(!in_a_loop(closure));
        let label = named(&spans, "print label 1");
        let worker = named(&spans, "loop").span_context;
        assert_ne!(label.span_context.trace_id(), worker.trace_id());
    }
}

#[test]
fn a_stored_context_and_an_envelope_carry_the_span() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let (carrier, envelope) =
            info_span!("order").in_scope(|| (get_context(), Envelope::new(7)));
        let order = named(&spans, "order").span_context;
        let stored = carrier.context().span().span_context().clone();
        assert_eq!(stored.span_id(), order.span_id());

        // A handling of its own: whatever span the loop has.
        let envelope = envelope.received_from("redis", "orders");
        in_a_loop(|| {
            let _entered = process(&envelope).enter();
            print_label(1);
        });
        let processed = named(&spans, "process orders");
        assert_child(&processed, &order);
        assert_child(&named(&spans, "print label 1"), &processed.span_context);
    }
}

/// What a task of `.in_current_span()` has: OpenTelemetry's current span, what a message carries, and
/// baggage.
async fn in_a_task() -> (SpanId, SpanId, bool) {
    drop(info_span!("of the task"));
    let span_id = |context: &Context| context.span().span_context().span_id();
    let of_message = current_context();
    let has_baggage = !of_message.baggage().is_empty();
    let of_opentelemetry = Context::map_current(span_id);
    (of_opentelemetry, span_id(&of_message), has_baggage)
}

#[tokio::test]
async fn a_task_in_the_current_span_has_a_part_of_it() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let message = message();
        let tasks = with_message_context(&message, async |_| {
            let tenant = [KeyValue::new("tenant", "acme")];
            let _attached = Context::current_with_baggage(tenant).attach();
            [
                tokio::spawn(in_a_task().in_current_span()),
                tokio::spawn(future_in_context(in_a_task())),
            ]
        });
        let [in_current_span, in_context] = tasks.await;
        let processed = named(&spans, "process orders").span_context;
        let of_message = processed.span_id();
        let of_opentelemetry = if activation {
            of_message
        } else {
            SpanId::INVALID
        };
        let found = in_current_span.await.expect("a task");
        assert_eq!(found, (of_opentelemetry, of_message, false));
        let found = in_context.await.expect("a task");
        assert_eq!(found, (of_message, of_message, true));
        let ended = spans.ended();
        let of_tasks: Vec<_> = ended.iter().filter(|it| it.name == "of the task").collect();
        assert_eq!(of_tasks.len(), 2);
        for span in of_tasks {
            assert_child(span, &processed);
        }
    }
}

/// The message's span is one of OpenTelemetry alone, of which `tracing` knows nothing.
#[tokio::test]
async fn a_task_in_the_current_span_knows_no_span_of_a_given_provider() {
    for activation in [true, false] {
        let (spans, of_layer) = (spans(), crate::message::spans());
        let _subscribed = subscribe(&of_layer, activation);
        let message = message();
        let by = &spans.instrumentation;
        let tasks = by.with_message_context(&message, async |_| {
            [
                tokio::spawn(in_a_task().in_current_span()),
                tokio::spawn(future_in_context(in_a_task())),
            ]
        });
        let [in_current_span, in_context] = tasks.await;
        let of_message = spans.only().span_context.span_id();
        let found = in_current_span.await.expect("a task");
        assert_eq!(found, (SpanId::INVALID, SpanId::INVALID, false));
        let found = in_context.await.expect("a task");
        assert_eq!(found, (of_message, of_message, false));
    }
}
