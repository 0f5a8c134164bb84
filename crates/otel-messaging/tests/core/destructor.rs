//! Spans of a provider that is not the SDK's: their destructors are the application's code too.

use crate::message::{NOWHERE, TRACEPARENT, message};
use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Outcome;
use otel_messaging::instrumentation::Finding;
use otel_messaging::loss::caught_panics;
use std::borrow::Cow;
use std::time::SystemTime;

/// What the spans of a provider do wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Faulty {
    /// They panic when they are dropped.
    Fragile,
    /// They panic when they are asked for their ids.
    Mute,
}

struct FaultySpan(Faulty, SpanContext);

impl TracerProvider for Faulty {
    type Tracer = Self;

    fn tracer_with_scope(&self, _: InstrumentationScope) -> Self {
        *self
    }
}

impl Tracer for Faulty {
    type Span = FaultySpan;

    fn build_with_context(&self, _: SpanBuilder, _: &Context) -> FaultySpan {
        let (trace_id, span_id) = (TraceId::from(7), SpanId::from(7));
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::NONE);
        FaultySpan(
            *self,
            SpanContext::new(trace_id, span_id, flags, false, state),
        )
    }
}

impl Span for FaultySpan {
    fn add_event_with_timestamp<T>(&mut self, _: T, _: SystemTime, _: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
    }

    fn span_context(&self) -> &SpanContext {
        assert!(self.0 != Faulty::Mute, "no ids");
        &self.1
    }

    fn is_recording(&self) -> bool {
        true
    }

    fn set_attribute(&mut self, _: KeyValue) {}

    fn set_status(&mut self, _: Status) {}

    fn update_name<T>(&mut self, _: T)
    where
        T: Into<Cow<'static, str>>,
    {
    }

    fn add_link(&mut self, _: SpanContext, _: Vec<KeyValue>) {}

    fn end_with_timestamp(&mut self, _: SystemTime) {}
}

impl Drop for FaultySpan {
    fn drop(&mut self) {
        assert!(self.0 != Faulty::Fragile, "a span's own failure");
    }
}

/// As in a producer's callback, from which the application's own is called afterwards.
#[test]
fn a_span_whose_destructor_panics_takes_nothing_along() {
    let by = Instrumentation::builder()
        .with_tracer_provider(&Faulty::Fragile)
        .build();
    let caught = caught_panics();
    let sending = by.outgoing("send", &NOWHERE);
    assert!(sending.context().span().span_context().is_valid());
    sending.finish(Outcome::failed("timeout", &"no answer"));
    drop(by.outgoing("send", &NOWHERE));
    drop(by.process(&message()).enter());
    assert!(caught_panics() >= caught + 3);
}

#[test]
fn a_span_that_tells_no_ids_is_none() {
    let by = Instrumentation::builder()
        .with_tracer_provider(&Faulty::Mute)
        .build();
    let sending = by.outgoing("send", &NOWHERE);
    assert!(!sending.context().span().span_context().is_valid());
    let processing = by.process(&message());
    let trace_id = processing.context().span().span_context().trace_id();
    assert_eq!(trace_id.to_string(), TRACEPARENT[3..35]);
    assert!(!by.self_check().contains(&Finding::NoTracer));
}
