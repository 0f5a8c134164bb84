//! Layers of `tracing` that panic, and that publish while they are told of a message's span. One test,
//! because what panics in a row is off for the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use crate::message::{NOWHERE, TRACEPARENT, message, spans};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use otel_messaging::loss::caught_panics;
use otel_messaging::{Instrumentation, current_context, process, with_message_context};
use std::cell::Cell;
use std::collections::BTreeMap;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber, info, info_span};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Hook {
    NewSpan,
    Enter,
    Exit,
    Close,
    Record,
    Event,
}

const HOOKS: [Hook; 6] = [
    Hook::NewSpan,
    Hook::Enter,
    Hook::Exit,
    Hook::Close,
    Hook::Record,
    Hook::Event,
];

thread_local! {
    static PANICS_IN: Cell<Option<Hook>> = const { Cell::new(None) };
}

/// Outside or inside of OpenTelemetry's layer.
struct Hostile;

fn told(hook: Hook) {
    assert!(PANICS_IN.get() != Some(hook), "{hook:?}");
}

impl<S: Subscriber> Layer<S> for Hostile {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        told(Hook::NewSpan);
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        told(Hook::Record);
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        told(Hook::Event);
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        told(Hook::Enter);
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        told(Hook::Exit);
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        told(Hook::Close);
    }
}

/// A message is sent, and one is handled, while the hook panics; the span that surrounds them is
/// current before and after.
fn work(hook: Hook) {
    let surrounding = info_span!("loop").entered();
    let before = current_context().span().span_context().clone();
    PANICS_IN.set(Some(hook));
    let mut headers = BTreeMap::new();
    let sending = Instrumentation::global().outgoing("send", &NOWHERE);
    sending.inject(&mut headers, None);
    drop(sending);
    assert!(headers.contains_key("traceparent"), "{hook:?}");

    let message = message();
    let handling = with_message_context(&message, async |_| {
        // The application's own spans are the application's.
        PANICS_IN.set(None);
        info_span!("work").in_scope(|| info!("an event"));
        // Whatever the layer was told of, this is the message's trace and not the loop's.
        let trace_id = current_context().span().span_context().trace_id();
        assert_eq!(trace_id.to_string(), TRACEPARENT[3..35], "{hook:?}");
        PANICS_IN.set(Some(hook));
        7
    });
    let handled = futures_util::FutureExt::now_or_never(handling);
    assert_eq!(handled, Some(7), "{hook:?}");
    // What cannot be written is said, which is an event.
    let little = Instrumentation::builder().with_injection_budget(0).build();
    little.inject(&current_context(), &mut BTreeMap::new());
    PANICS_IN.set(None);
    // It comes to have what the registry kept the message's span in.
    info_span!("next").in_scope(|| info!("an event"));
    let after = current_context().span().span_context().clone();
    assert_eq!(before, after, "{hook:?}");
    drop(surrounding);
}

/// A message is handled inside another one, and the layer panics when the inner one is left. Whatever
/// that leaves behind is not current when the outer one is left.
fn nested() {
    let before = current_context().span().span_context().clone();
    let (outer, inner) = (message(), message());
    let outer = process(&outer).enter();
    let inner = process(&inner).enter();
    PANICS_IN.set(Some(Hook::Exit));
    drop(inner);
    PANICS_IN.set(None);
    let of_outer = outer.context().span().span_context().clone();
    assert_eq!(current_context().span().span_context(), &of_outer);
    drop(outer);
    assert_eq!(current_context().span().span_context(), &before);
}

/// How the layer works is found out where the message's own span is not one of `tracing`, and a layer
/// panics at that.
fn given(by: &Instrumentation) {
    let around = opentelemetry::Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(7),
        SpanId::from(7),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    ));
    let attached = around.attach();
    let surrounding = info_span!("loop").entered();
    // The layer knows the span once it has started.
    let _ = current_context();
    PANICS_IN.set(Some(Hook::Exit));
    let message = message();
    let handling = by.with_message_context(&message, async |_| 7);
    assert_eq!(futures_util::FutureExt::now_or_never(handling), Some(7));
    PANICS_IN.set(None);
    drop(surrounding);
    drop(attached);
    let is_left = opentelemetry::Context::map_current(|current| current.has_active_span());
    assert!(!is_left, "what is attached around it");
}

#[test]
fn a_layer_that_panics_takes_no_message_along() {
    let spans = spans();
    for activation in [true, false] {
        for is_outside in [true, false] {
            let tracer = spans.provider.tracer("application");
            // Of two types, because a layer knows what it is above.
            let (inner, outer) = (
                tracing_opentelemetry::layer(),
                tracing_opentelemetry::layer(),
            );
            let inner = inner.with_context_activation(activation);
            let outer = outer.with_context_activation(activation);
            let registry = Registry::default();
            let _default = if is_outside {
                let inner = inner.with_tracer(tracer);
                tracing::subscriber::set_default(registry.with(inner).with(Hostile))
            } else {
                let outer = outer.with_tracer(tracer);
                tracing::subscriber::set_default(registry.with(Hostile).with(outer))
            };
            for hook in HOOKS {
                work(hook);
                // What goes well in between keeps it on.
                drop(process(&message()));
            }
            nested();
            if !activation {
                // On a thread on which no layer has left anything behind.
                let subscriber = tracing::dispatcher::get_default(tracing::Dispatch::clone);
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        tracing::dispatcher::with_default(&subscriber, || {
                            given(&spans.instrumentation);
                        });
                    });
                });
            }
        }
    }
    assert!(caught_panics() > 0);
    let processed = spans.ended();
    let processed = processed
        .iter()
        .filter(|span| span.name == "process orders");
    assert!(processed.count() >= 24, "it is on to the end");
}
