//! Messages whose own span is not one of `tracing`, inside the entered span of a loop: the handler's
//! spans of `tracing` are in the message's trace all the same.

use crate::message::{Spans, TRACEPARENT, message, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TracerProvider};
use otel_messaging::{Instrumentation, Job, closure_in_context};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tracing::span::Id;
use tracing::{Instrument, Span, Subscriber, info, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

fn opentelemetry<S>(spans: &Spans, activation: bool) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(spans.provider.tracer("application"))
        .with_context_activation(activation)
}

/// Ways for a message's span not to be one of `tracing`.
#[derive(Debug, Clone, Copy)]
enum Way {
    GivenProvider,
    FilterOfAll,
    FilterOfTheLayer,
}

impl Way {
    const ALL: [Self; 3] = [
        Self::GivenProvider,
        Self::FilterOfAll,
        Self::FilterOfTheLayer,
    ];

    fn subscribe(self, spans: &Spans, activation: bool) -> tracing::subscriber::DefaultGuard {
        let layer = opentelemetry(spans, activation);
        match self {
            Self::GivenProvider => {
                tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
            }
            Self::FilterOfAll => {
                let own = Targets::new().with_target("tracing", tracing::Level::INFO);
                tracing::subscriber::set_default(
                    tracing_subscriber::registry().with(layer).with(own),
                )
            }
            Self::FilterOfTheLayer => {
                let own = filter_fn(|metadata| metadata.target() != "otel_messaging");
                let layer = layer.with_filter(own);
                tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
            }
        }
    }

    fn instrumentation(self, spans: &Spans) -> Instrumentation {
        match self {
            Self::GivenProvider => spans.instrumentation.clone(),
            _ => Instrumentation::default(),
        }
    }
}

/// The id of the span that is current to OpenTelemetry: the message's, or its sender's.
fn current() -> SpanId {
    Context::map_current(|context| context.span().span_context().span_id())
}

#[tokio::test]
async fn a_handlers_spans_are_in_the_messages_trace() {
    for way in Way::ALL {
        for activation in [true, false] {
            let what = format!("{way:?} {activation}");
            let (spans, message) = (spans(), message());
            let _subscribed = way.subscribe(&spans, activation);
            let by = way.instrumentation(&spans);
            let poll_loop = async {
                let around = Span::current().id();
                let mut of_message = SpanId::INVALID;
                let handling = by.with_message_context(&message, async |_| {
                    of_message = current();
                    info_span!("order").in_scope(|| info!("an event"));
                    tokio::task::yield_now().await;
                    drop(info_span!("later"));
                });
                handling.await;
                assert_eq!(Span::current().id(), around, "{what}");
                drop(info_span!("next poll"));
                of_message
            };
            let of_message = poll_loop.instrument(info_span!("poll loop")).await;
            for name in ["order", "later"] {
                let span = named(&spans, name);
                assert_eq!(span.parent_span_id, of_message, "{what}");
                let trace_id = span.span_context.trace_id();
                assert_eq!(trace_id.to_string(), &TRACEPARENT[3..35], "{what}");
            }
            let around = named(&spans, "poll loop").span_context;
            assert_child(&named(&spans, "next poll"), &around);
        }
    }
}

/// By a guard, and with a span of the loop that is entered twice.
#[test]
fn a_synchronous_handlers_spans_too() {
    for activation in [true, false] {
        let (spans, of_layer, message) = (spans(), spans(), message());
        let _subscribed = subscribe(&of_layer, activation);
        let outer = info_span!("outer").entered();
        let inner = info_span!("inner").entered();
        outer.in_scope(|| {
            let entered = spans.instrumentation.process(&message).enter();
            drop(info_span!("order"));
            drop(entered);
        });
        drop(info_span!("after"));
        let inner = inner.exit();
        drop(info_span!("last"));
        drop((inner, outer));
        let processed = spans.only().span_context;
        assert_child(&named(&of_layer, "order"), &processed);
        let inner = named(&of_layer, "inner").span_context;
        assert_child(&named(&of_layer, "after"), &inner);
        assert_child(
            &named(&of_layer, "last"),
            &named(&of_layer, "outer").span_context,
        );
        assert!(Span::current().is_none());
    }
}

#[test]
fn a_panic_restores_the_loops_span() {
    let (spans, of_layer, message) = (spans(), spans(), message());
    let _subscribed = subscribe(&of_layer, false);
    let around = info_span!("loop").entered();
    let panicking = || {
        let _entered = spans.instrumentation.process(&message).enter();
        assert!(Span::current().is_none());
        panic!("in a handler");
    };
    let panic: Result<(), _> = catch_unwind(AssertUnwindSafe(panicking));
    assert!(panic.is_err());
    assert_eq!(Span::current().id(), around.id());
}

/// Guards in the wrong order leave nothing behind.
#[test]
fn a_loops_span_that_is_closed_meanwhile_is_not_current_again() {
    for activation in [true, false] {
        let (spans, of_layer, message) = (spans(), spans(), message());
        let _subscribed = subscribe(&of_layer, activation);
        let outer = info_span!("outer").entered();
        let around = info_span!("loop").entered();
        let entered = spans.instrumentation.process(&message).enter();
        drop(around);
        drop(info_span!("order"));
        drop(entered);
        assert_eq!(Span::current().id(), outer.id());
        drop(outer);
        assert!(Span::current().is_none());
        assert_eq!(current(), SpanId::INVALID);
        let processed = spans.only().span_context;
        assert_child(&named(&of_layer, "order"), &processed);
    }
}

/// Work whose context only OpenTelemetry knows, in the entered span of a worker.
#[test]
fn work_that_was_handed_over_too() {
    for activation in [true, false] {
        let (spans, of_layer, message) = (spans(), spans(), message());
        let _subscribed = subscribe(&of_layer, activation);
        let entered = spans.instrumentation.process(&message).enter();
        let (job, closure) = (
            Job::new(()),
            closure_in_context(|| drop(info_span!("from a closure"))),
        );
        drop(entered);
        let worker = info_span!("worker").entered();
        job.call(|()| drop(info_span!("from a job")));
        closure();
        drop(worker);
        let processed = spans.only().span_context;
        for name in ["from a job", "from a closure"] {
            assert_child(&named(&of_layer, name), &processed);
        }
    }
}

/// What each layer was told of.
#[derive(Clone, Default)]
struct Told {
    entered: Arc<AtomicUsize>,
    exited: Arc<AtomicUsize>,
    around: Arc<Mutex<Vec<&'static str>>>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Told {
    fn on_enter(&self, _: &Id, _: layer::Context<'_, S>) {
        self.entered.fetch_add(1, Ordering::SeqCst);
    }

    fn on_exit(&self, _: &Id, _: layer::Context<'_, S>) {
        self.exited.fetch_add(1, Ordering::SeqCst);
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: layer::Context<'_, S>) {
        if event.metadata().target() == "otel_messaging" {
            return;
        }
        let scope = context.event_scope(event).into_iter().flatten();
        let names = scope.map(|span| span.metadata().name());
        self.around.lock().unwrap().extend(names);
    }
}

/// Layers hear of it once in a program's life, when the way of OpenTelemetry's layer is found out. Log
/// lines keep the loop's span where it does no harm.
#[test]
fn layers_are_not_told() {
    for (activation, around) in [(true, &["loop"; 3][..]), (false, &[])] {
        let (spans, of_layer, told) = (spans(), spans(), Told::default());
        let subscriber = tracing_subscriber::registry()
            .with(opentelemetry(&of_layer, activation))
            .with(told.clone());
        let _subscribed = tracing::subscriber::set_default(subscriber);
        info_span!("loop").in_scope(|| {
            for _ in 0..3 {
                let _entered = spans.instrumentation.process(&message()).enter();
                info!("handled");
            }
        });
        assert_eq!(*told.around.lock().unwrap(), around, "{activation}");
        let entered = told.entered.load(Ordering::SeqCst);
        assert_eq!(entered, told.exited.load(Ordering::SeqCst));
        assert_eq!(entered, 2, "the loop's own, and one to find out");
    }
}

/// A span of the loop that OpenTelemetry's layer does not know is no harm.
#[test]
fn a_filtered_span_of_the_loop_stays_in_the_log() {
    for activation in [true, false] {
        let (spans, of_layer, told) = (spans(), spans(), Told::default());
        let filter = filter_fn(|metadata| metadata.name() != "loop");
        let layer = opentelemetry(&of_layer, activation).with_filter(filter);
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(told.clone());
        let _subscribed = tracing::subscriber::set_default(subscriber);
        info_span!("loop").in_scope(|| {
            let _entered = spans.instrumentation.process(&message()).enter();
            info!("handled");
            drop(info_span!("order"));
        });
        assert_eq!(*told.around.lock().unwrap(), ["loop"], "{activation}");
        assert_child(&named(&of_layer, "order"), &spans.only().span_context);
    }
}
