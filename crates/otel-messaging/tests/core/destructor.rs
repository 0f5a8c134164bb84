//! Spans of a provider that is not the SDK's: their destructors are the application's code too.

use crate::message::{TRACEPARENT, message};
use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use otel_messaging::{Description, Finding, Instrumentation, Sending, caught_panics};
use std::borrow::Cow;
use std::time::SystemTime;

/// Makes spans that panic when they are dropped.
#[derive(Debug, Clone, Copy)]
struct Fragile;

struct FragileSpan(SpanContext);

impl TracerProvider for Fragile {
    type Tracer = Self;

    fn tracer_with_scope(&self, _: InstrumentationScope) -> Self {
        *self
    }
}

impl Tracer for Fragile {
    type Span = FragileSpan;

    fn build_with_context(&self, _: SpanBuilder, _: &Context) -> FragileSpan {
        let (trace_id, span_id) = (TraceId::from(7), SpanId::from(7));
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::NONE);
        FragileSpan(SpanContext::new(trace_id, span_id, flags, false, state))
    }
}

impl Span for FragileSpan {
    fn add_event_with_timestamp<T>(&mut self, _: T, _: SystemTime, _: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
    }

    fn span_context(&self) -> &SpanContext {
        &self.0
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

impl Drop for FragileSpan {
    fn drop(&mut self) {
        panic!("a span's own failure");
    }
}

/// As in a producer's callback, from which the application's own is called afterwards.
#[test]
fn a_span_whose_destructor_panics_takes_nothing_along() {
    let by = Instrumentation::default().with_tracer_provider(&Fragile);
    let caught = caught_panics();
    let sending = Sending::start(Some(&by), Description::sent("test", "send"));
    assert!(sending.context().span().span_context().is_valid());
    sending.fail("timeout", "no answer");
    drop(Sending::start(Some(&by), Description::sent("test", "send")));
    drop(by.process(&message()).enter());
    assert!(caught_panics() >= caught + 3);
}

#[test]
fn a_span_that_tells_no_ids_is_none() {
    #[derive(Debug, Clone, Copy)]
    struct Mute;
    struct MuteSpan;
    impl TracerProvider for Mute {
        type Tracer = Self;
        fn tracer_with_scope(&self, _: InstrumentationScope) -> Self {
            Self
        }
    }
    impl Tracer for Mute {
        type Span = MuteSpan;
        fn build_with_context(&self, _: SpanBuilder, _: &Context) -> MuteSpan {
            MuteSpan
        }
    }
    impl Span for MuteSpan {
        fn add_event_with_timestamp<T>(&mut self, _: T, _: SystemTime, _: Vec<KeyValue>)
        where
            T: Into<Cow<'static, str>>,
        {
        }
        fn span_context(&self) -> &SpanContext {
            panic!("no ids")
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
    let by = Instrumentation::default().with_tracer_provider(&Mute);
    let sending = Sending::start(Some(&by), Description::sent("test", "send"));
    assert!(!sending.context().span().span_context().is_valid());
    let processing = by.process(&message());
    assert_eq!(
        processing
            .context()
            .span()
            .span_context()
            .trace_id()
            .to_string(),
        TRACEPARENT[3..35]
    );
    assert!(!by.self_check().contains(&Finding::NoTracer));
}
