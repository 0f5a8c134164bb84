//! What was entered last counts, whichever trace it is in.

use crate::message::{Message, Sent, message, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use otel_messaging::adapter::Destination;
use otel_messaging::{
    Instrumentation, Job, closure_in_context, current_context, future_in_context, get_context,
    process, with_message_context,
};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tracing::{Span, debug_span, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

fn send(name: &'static str) {
    let sent = Sent(Destination::named(name));
    drop(Instrumentation::global().outgoing("send", &sent));
}

fn id() -> SpanId {
    current_context().span().span_context().span_id()
}

/// A message, what is stored, and all that takes a context along go by the same span.
fn assert_goes_out_of(span: &Span) {
    use tracing_opentelemetry::OpenTelemetrySpanExt;
    let expected = span.context().span().span_context().span_id();
    assert_ne!(expected, SpanId::INVALID);
    assert_eq!(id(), expected);
    let carried = BTreeMap::from(get_context());
    assert_eq!(carried["traceparent"][36..52], expected.to_string());
    assert_eq!(
        Job::new(()).context().span().span_context().span_id(),
        expected
    );
    assert_eq!(closure_in_context(id)(), expected);
    let future = future_in_context(async { id() });
    assert_eq!(
        futures_util::FutureExt::now_or_never(future),
        Some(expected)
    );
}

#[test]
fn a_root_span_inside_a_handler() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let entered = process(&message).enter();
        let root = info_span!(parent: None, "root");
        root.in_scope(|| {
            send("inside");
            assert_goes_out_of(&root);
        });
        drop(root);
        // What was left does not count.
        send("after");
        drop(entered);
        let root = named(&spans, "root");
        assert_eq!(root.parent_span_id, SpanId::INVALID);
        assert_child(&named(&spans, "send inside"), &root.span_context);
        let processed = named(&spans, "process orders").span_context;
        assert_child(&named(&spans, "send after"), &processed);
    }
}

#[tokio::test]
async fn a_span_that_was_made_before_the_handler() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let before = info_span!("before");
        let handling = with_message_context(&message, async |_| {
            let _entered = before.enter();
            assert_goes_out_of(&before);
            send("inside");
        });
        handling.await;
        drop(before);
        let before = named(&spans, "before").span_context;
        assert_child(&named(&spans, "send inside"), &before);
    }
}

#[test]
fn a_span_of_the_outer_message_inside_an_inner_one() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let outer = process(&message).enter();
        let of_outer = info_span!("of outer");
        let inner = process(&Message {
            headers: BTreeMap::new(),
        })
        .enter();
        let inner_id = id();
        of_outer.in_scope(|| {
            assert_goes_out_of(&of_outer);
            send("inside");
        });
        assert_eq!(id(), inner_id);
        drop(inner);
        // The outer one's scope goes on as it was.
        of_outer.in_scope(|| assert_goes_out_of(&of_outer));
        drop((of_outer, outer));
        let of_outer = named(&spans, "of outer").span_context;
        assert_child(&named(&spans, "send inside"), &of_outer);
    }
}

/// The message's baggage belongs to its trace; what the handler attaches goes along.
#[test]
fn a_root_span_has_none_of_the_messages_baggage() {
    for activation in [true, false] {
        let (spans, mut message) = (spans(), message());
        let baggage = ("baggage".to_owned(), "of=message".to_owned());
        message.headers.extend([baggage]);
        let _subscribed = subscribe(&spans, activation);
        let _entered = process(&message).enter();
        let baggage = || BTreeMap::from(get_context()).remove("baggage");
        assert_eq!(baggage().as_deref(), Some("of=message"));
        info_span!("order").in_scope(|| assert_eq!(baggage().as_deref(), Some("of=message")));
        info_span!(parent: None, "root").in_scope(|| {
            assert_eq!(baggage(), None);
            let tenant = [KeyValue::new("tenant", "acme")];
            let _attached = Context::current().with_baggage(tenant).attach();
            assert_eq!(baggage().as_deref(), Some("tenant=acme"));
        });
    }
}

/// In work that was handed over, and after a panic in it.
#[test]
fn a_root_span_inside_a_job() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let message = message();
        let entered = process(&message).enter();
        let order = info_span!("order").entered();
        let jobs = [Job::new(1), Job::new(2)];
        let order = order.exit();
        drop(entered);
        let [job, panicking] = jobs;
        info_span!("loop").in_scope(|| {
            job.call(|_| {
                let processing = process(&message).enter();
                let panicking = || panicking.call(|_| panic!("in a job"));
                let panic: Result<(), _> = catch_unwind(AssertUnwindSafe(panicking));
                assert!(panic.is_err());
                drop(processing);
                let root = info_span!(parent: None, "root");
                root.in_scope(|| assert_goes_out_of(&root));
                send("after");
            });
        });
        drop(order);
        let order = named(&spans, "order").span_context;
        assert_child(&named(&spans, "send after"), &order);
    }
}

/// A job made in a span of the handler belongs to that span, also where the worker has a span of the
/// same trace.
#[test]
fn a_job_in_a_worker_of_the_same_trace() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let entered = process(&message()).enter();
        let worker = info_span!("worker");
        let order = info_span!("order");
        let job = order.in_scope(|| Job::new("from the job"));
        worker.in_scope(|| job.call(send));
        drop((entered, worker, order));
        let order = named(&spans, "order").span_context;
        assert_child(&named(&spans, "send from the job"), &order);
    }
}

/// The span that was entered last may be one that OpenTelemetry does not know: then the next one
/// around it.
#[test]
fn a_span_that_the_layer_filters_is_passed_over() {
    for activation in [true, false] {
        let spans = spans();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(spans.provider.tracer("application"))
            .with_context_activation(activation)
            .with_filter(LevelFilter::INFO);
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(tracing_subscriber::layer::Identity::new());
        let _subscribed = tracing::subscriber::set_default(subscriber);
        info_span!("request").in_scope(|| debug_span!("detail").in_scope(|| send("outside")));
        let request = named(&spans, "request").span_context;
        assert_child(&named(&spans, "send outside"), &request);

        let entered = process(&message()).enter();
        info_span!("order").in_scope(|| debug_span!("detail").in_scope(|| send("inside")));
        let job = info_span!("order 2")
            .in_scope(|| debug_span!("detail").in_scope(|| Job::new("from a job")));
        debug_span!("detail").in_scope(|| send("around"));
        drop(entered);
        info_span!("loop").in_scope(|| {
            job.call(|name| {
                drop(info_span!("work"));
                send(name);
            });
        });
        let order = named(&spans, "order 2").span_context;
        assert_child(&named(&spans, "work"), &order);
        assert_child(&named(&spans, "send from a job"), &order);
        let order = named(&spans, "order").span_context;
        assert_child(&named(&spans, "send inside"), &order);
        let processed = named(&spans, "process orders").span_context;
        assert_child(&named(&spans, "send around"), &processed);
    }
}

/// Where the message's span is one of OpenTelemetry alone.
#[test]
fn a_span_inside_a_message_of_a_given_provider() {
    for activation in [true, false] {
        let (spans, of_layer) = (spans(), crate::message::spans());
        let _subscribed = subscribe(&of_layer, activation);
        let send = |name| {
            let sent = Sent(Destination::named(name));
            drop(spans.instrumentation.outgoing("send", &sent));
        };
        let around = info_span!("loop").entered();
        let entered = spans.instrumentation.process(&message()).enter();
        let processed = Context::map_current(sender);
        send("before");
        let order = info_span!("order").entered();
        send("inside");
        drop(order);
        send("after");
        drop((entered, around));
        assert_child(&named(&spans, "send before"), &processed);
        assert_child(
            &named(&spans, "send inside"),
            &named(&of_layer, "order").span_context,
        );
        assert_child(&named(&spans, "send after"), &processed);
    }
}

fn sender(context: &Context) -> SpanContext {
    context.span().span_context().clone()
}

/// What is entered around a handler in the subscriber under which it happens to be polled is not inside it.
#[test]
fn a_handler_that_is_polled_under_another_subscriber() {
    for [activation, of_other] in [[true, true], [true, false], [false, true], [false, false]] {
        let (spans, others, message) = (spans(), spans(), message());
        let subscribed = subscribe(&spans, activation);
        // Handling the first message finds out what the layer does.
        drop(process(&message).enter());
        let handling = process(&message).run(async { send("inside") });
        drop(subscribed);
        let _subscribed = subscribe(&others, of_other);
        // Each subscriber counts the ids of its spans from 1: this one is not to have the message's.
        let _first = info_span!("first");
        let around = info_span!("around");
        around
            .in_scope(|| futures_util::FutureExt::now_or_never(handling))
            .expect("it is ready");
        drop(around);
        let ended = spans.ended();
        let processed = ended.last().expect("the message has a span");
        assert_child(&named(&others, "send inside"), &processed.span_context);
    }
}
