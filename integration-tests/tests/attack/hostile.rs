//! Telemetry of an application that is hostile in one place, in one manner.

use crate::again::Again;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, Span, SpanData,
    SpanExporter, SpanProcessor,
};
use otel_messaging::Instrumentation;
use otel_messaging::propagation::{W3cPropagator, w3c};
use std::fmt;
use std::panic::{panic_any, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

/// Where telemetry is hostile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Sampler,
    OnStart,
    OnEnd,
    Exporter,
    Fields,
    Inject,
    Extract,
    /// `register_callsite` and `enabled` of a layer of `tracing`.
    Enabled,
    NewSpan,
    Enter,
    Exit,
    Close,
    Event,
    LogProcessor,
    LogExporter,
}

/// What a tracer provider and a propagator are asked for.
pub(crate) const PLACES: [Place; 7] = [
    Place::Sampler,
    Place::OnStart,
    Place::OnEnd,
    Place::Exporter,
    Place::Fields,
    Place::Inject,
    Place::Extract,
];

/// What a logger provider is asked for. No provider of logs is global.
pub(crate) const LOGS: [Place; 2] = [Place::LogProcessor, Place::LogExporter];

/// What layers of `tracing` are told.
pub(crate) const HOOKS: [Place; 6] = [
    Place::Enabled,
    Place::NewSpan,
    Place::Enter,
    Place::Exit,
    Place::Close,
    Place::Event,
];

/// How.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Panics,
    PanicsAtEveryOtherCall,
    /// All is well with every other message, so that there are no 16 panics in a row.
    PanicsAtEveryOtherMessage,
    Slow,
    /// Publishes on the producer that it was called by, handles a message, and injects.
    ComesBack,
}

/// How long [`Manner::Slow`] takes.
const DELAY: Duration = Duration::from_millis(1);

/// Hostile telemetry: samplers, processors, exporters, a propagator and a layer in one.
#[derive(Clone)]
pub(crate) struct Hostile(Arc<State>);

struct State {
    place: Place,
    manner: Manner,
    is_armed: AtomicBool,
    message: AtomicU32,
    asked: AtomicU32,
    again: Again,
}

/// What it panics with.
struct Attack;

impl Hostile {
    /// Not armed yet: an application's own set-up is its own affair.
    pub(crate) fn new(place: Place, manner: Manner) -> Self {
        be_quiet();
        Self(Arc::new(State {
            place,
            manner,
            is_armed: AtomicBool::new(false),
            message: AtomicU32::new(0),
            asked: AtomicU32::new(0),
            again: Again::default(),
        }))
    }

    pub(crate) fn arm(&self, is_armed: bool) {
        self.0.is_armed.store(is_armed, Ordering::SeqCst);
    }

    /// Does what is the application's own, a span in a handler say: no telemetry of ours.
    pub(crate) fn calmly<T>(&self, work: impl FnOnce() -> T) -> T {
        let was_armed = self.0.is_armed.swap(false, Ordering::SeqCst);
        let done = work();
        self.arm(was_armed);
        done
    }

    /// This message comes.
    pub(crate) fn next_message(&self, number: u32) {
        self.0.message.store(number, Ordering::SeqCst);
    }

    /// How often it was asked while it was armed.
    pub(crate) fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn place(&self) -> Place {
        self.0.place
    }

    pub(crate) fn manner(&self) -> Manner {
        self.0.manner
    }

    pub(crate) fn again(&self) -> &Again {
        &self.0.again
    }

    pub(crate) fn act(&self, place: Place) {
        let state = &*self.0;
        if place != state.place || !state.is_armed.load(Ordering::SeqCst) {
            return;
        }
        let asked = state.asked.fetch_add(1, Ordering::SeqCst);
        match state.manner {
            Manner::Panics => panic_any(Attack),
            Manner::PanicsAtEveryOtherCall if asked.is_multiple_of(2) => panic_any(Attack),
            Manner::PanicsAtEveryOtherMessage => {
                if state.message.load(Ordering::SeqCst).is_multiple_of(2) {
                    panic_any(Attack);
                }
            }
            Manner::PanicsAtEveryOtherCall => {}
            Manner::Slow => std::thread::sleep(DELAY),
            Manner::ComesBack => state.again.come_back(),
        }
    }

    pub(crate) fn provider(&self) -> SdkTracerProvider {
        SdkTracerProvider::builder()
            .with_sampler(self.clone())
            .with_span_processor(self.clone())
            .with_simple_exporter(self.clone())
            .build()
    }

    /// With a tracer provider, a logger provider and a propagator that are hostile.
    pub(crate) fn instrumentation(&self) -> Instrumentation {
        Instrumentation::builder()
            .with_tracer_provider(&self.provider())
            .with_exception_events(&self.logger_provider())
            .with_propagator(self.clone())
            .build()
    }
}

/// The attacks would flood the log. Any other panic is said as ever.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !panic.payload().is::<Attack>() {
                loud(panic);
            }
        }));
    });
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.0.place, self.0.manner)
    }
}

impl ShouldSample for Hostile {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        self.act(Place::Sampler);
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

impl SpanProcessor for Hostile {
    fn on_start(&self, _: &mut Span, _: &Context) {
        self.act(Place::OnStart);
    }

    fn on_end(&self, _: SpanData) {
        self.act(Place::OnEnd);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl SpanExporter for Hostile {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        self.act(Place::Exporter);
        Ok(())
    }
}

static W3C: W3cPropagator = w3c();

/// Where it does not misbehave it is the W3C pair.
impl TextMapPropagator for Hostile {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        // What half a propagator may have written: a context that is nobody's.
        let (trace_id, span_id) = ("e".repeat(32), "e".repeat(16));
        injector.set("traceparent", format!("00-{trace_id}-{span_id}-01"));
        self.act(Place::Inject);
        W3C.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.act(Place::Extract);
        W3C.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.act(Place::Fields);
        W3C.fields()
    }
}
