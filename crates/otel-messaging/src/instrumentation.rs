//! How messages are sent and handled: the tracer and the propagator.

use crate::boundary::{self, Behind, Boundary, Step};
use crate::carried::Carried;
use crate::carrier::{Carrier, CarrierMut};
use crate::propagation::{self, Configured};
use crate::redelivery::Redelivery;
use crate::semconv;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// How messages are sent and handled: the tracer that makes their spans, and the propagator that
/// reads and writes their headers. Cheap to clone: two reference counts.
///
/// `Instrumentation::default()` takes both from the application's global settings, at every
/// message, so that it does not matter whether they are set before or after it is made:
/// - spans come from the global tracer provider;
/// - the propagator is the global one if the application set one, else W3C trace context and
///   baggage. OpenTelemetry's own default is to propagate nothing until one is set. (A global
///   propagator without fields, such as an empty composite, cannot be told from none; a given one
///   without fields propagates nothing.)
///
/// If a sampler, span processor or propagator panics, the message is still sent and handled; see
/// [`caught_panics`](crate::caught_panics). OpenTelemetry holds a lock while its global propagator is
/// asked: one that then sets another, or that publishes in its destructor, waits for ever. A given one
/// does not.
///
/// The free functions of this crate, and each `InjectingProducer` that was given no other, use
/// [`Instrumentation::global`].
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otel_messaging::Instrumentation;
///
/// let provider = SdkTracerProvider::builder().build();
/// let billing = Instrumentation::default().with_tracer_provider(&provider);
/// // producer.with_instrumentation(billing.clone()), billing.with_message_context(..)
/// ```
#[derive(Clone)]
pub struct Instrumentation {
    tracer: Option<Arc<GivenTracer>>,
    pub(crate) propagator: Configured,
    /// In bytes, names and values.
    injection_budget: usize,
    pub(crate) redelivery: Redelivery,
}

/// The tracer of a provider that was given.
pub(crate) struct GivenTracer {
    tracer: BoxedTracer,
    boundary: Boundary,
}

/// 8,192 bytes of baggage, 512 of tracestate, the 55 of a traceparent, their names, and some.
const INJECTION_BUDGET: usize = 9 * 1024;

static GLOBAL: RwLock<Instrumentation> = RwLock::new(Instrumentation::DEFAULT);

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(semconv::SCHEMA_URL)
        .build()
});

impl Default for Instrumentation {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Instrumentation {
    const DEFAULT: Self = Self {
        tracer: None,
        propagator: Configured::Global,
        injection_budget: INJECTION_BUDGET,
        redelivery: Redelivery::NEVER,
    };

    /// What the free functions use: the value last given to [`set_global`](Self::set_global), or
    /// the default.
    #[must_use]
    pub fn global() -> Self {
        GLOBAL
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes this value what the free functions use from now on.
    pub fn set_global(self) {
        let previous = {
            let mut global = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *global, self)
        };
        // Outside the lock: the destructor is the application's code and may come back here.
        drop(previous);
    }

    /// Takes spans from this provider, in place of the global one. With the feature `tracing` too:
    /// only what has no provider of its own opens spans of `tracing`.
    #[must_use]
    pub fn with_tracer_provider<P>(mut self, provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Span + Send + Sync + 'static,
    {
        let tracer = provider.tracer_with_scope(SCOPE.clone());
        self.tracer = Some(Arc::new(GivenTracer {
            tracer: BoxedTracer::new(Box::new(tracer)),
            boundary: Boundary::new(Behind::Spans),
        }));
        self
    }

    /// Injects and extracts with this propagator, in place of the global one or the W3C pair.
    /// Given [`propagation::w3c`](crate::propagation::w3c), the application's global one is not
    /// asked.
    #[must_use]
    pub fn with_propagator<P>(mut self, propagator: P) -> Self
    where
        P: TextMapPropagator + Send + Sync + 'static,
    {
        self.propagator = Configured::given(propagator);
        self
    }

    /// Writes at most this many bytes of context, names and values, into one message; 9,216 by
    /// default, which leaves room for all that W3C Trace Context and W3C Baggage promise to carry.
    ///
    /// What is too much is left out and counted in [`dropped_fields`](crate::dropped_fields):
    /// first each member of `baggage` that does not fit; then entries of `tracestate`, those of more
    /// than 128 characters before others and the last before the first; then fields of other
    /// propagators, as a whole. By this budget, a `traceparent` of 55 bytes is always written.
    #[must_use]
    pub fn with_injection_budget(mut self, bytes: usize) -> Self {
        self.injection_budget = bytes;
        self
    }

    /// What [`with_injection_budget`](Self::with_injection_budget) says, in bytes.
    pub fn injection_budget(&self) -> usize {
        self.injection_budget
    }

    /// Writes `context` into the headers of a message.
    ///
    /// The propagator's fields are removed first, in every spelling, then each is written once:
    /// a message that is sent on carries this context and nothing of the one it came with. While
    /// telemetry is suppressed in `context`, the headers stay as they are.
    ///
    /// What the protocol cannot represent, or exceeds the
    /// [budget](Self::with_injection_budget), is left out and counted in
    /// [`dropped_fields`](crate::dropped_fields); the message itself never fails. If the propagator
    /// panics, the headers stay as they are, an older context included.
    #[inline]
    pub fn inject<C, H: CarrierMut<C> + ?Sized>(&self, context: &Context, headers: &mut H) {
        self.inject_within(context, headers, usize::MAX);
    }

    /// Injects in at most `room` bytes and at most the budget. Says whether the headers may be sent:
    /// `false` where the propagator failed, after which they are as they were.
    #[inline]
    pub(crate) fn inject_within<C, H>(
        &self,
        context: &Context,
        headers: &mut H,
        room: usize,
    ) -> bool
    where
        H: CarrierMut<C> + ?Sized,
    {
        if context.is_telemetry_suppressed() {
            return true;
        }
        let budget = room.min(self.injection_budget);
        match &self.propagator {
            Configured::W3c => {
                propagation::inject(context, headers, budget);
                true
            }
            others => others.inject(context, headers, budget),
        }
    }

    /// Reads the context that a message carries.
    ///
    /// It starts from an empty context, never from the current one, so that a message without
    /// context does not join whatever span surrounds the consumer's loop; the current context's
    /// own values are not in it. Only the suppression of telemetry is kept.
    ///
    /// Malformed headers read as absent. Contexts that contradict each other read as absent too;
    /// [`process`](Self::process) links to them. If the propagator panics, nothing is read.
    #[must_use]
    #[inline]
    pub fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        match &self.propagator {
            Configured::W3c => propagation::extract(headers),
            others => others.extract(headers),
        }
    }

    /// Reads as [`extract`](Self::extract) does, and tells who sent a message whose contexts
    /// contradict each other.
    #[inline]
    pub(crate) fn read<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Carried {
        match &self.propagator {
            Configured::W3c => propagation::read(headers),
            others => others.read(headers),
        }
    }

    /// Calls `work` with each of the propagator's fields, as the propagator spells it.
    pub fn each_field(&self, mut work: impl FnMut(&str)) {
        let fields = self.propagator.fields();
        fields.iter().for_each(|field| work(field));
    }

    /// Removes the propagator's fields from these headers, in every spelling.
    pub fn remove_context<C, H: CarrierMut<C> + ?Sized>(&self, headers: &mut H) {
        let fields = self.propagator.fields();
        let names: Vec<&str> = fields.iter().map(|field| &**field).collect();
        headers.remove(&names);
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn has_tracer(&self) -> bool {
        self.tracer.is_some()
    }

    /// Works with the tracer, behind the boundary. `None` where nothing came of it.
    pub(crate) fn with_tracer<T>(&self, start: impl FnOnce(&BoxedTracer) -> T) -> Option<T> {
        match &self.tracer {
            Some(given) => given.boundary.ask(Step::Start, || start(&given.tracer)),
            // Looked up each time: a tracer taken before the application sets its provider
            // stays without effect for ever.
            None => boundary::SPANS.ask(Step::Start, || {
                start(&global::tracer_with_scope(SCOPE.clone()))
            }),
        }
    }

    /// The tracer to whose boundary a span belongs; `None` for the global one's.
    pub(crate) fn given_tracer(&self) -> Option<Arc<GivenTracer>> {
        self.tracer.clone()
    }
}

/// The boundary of spans that come from this tracer.
pub(crate) fn boundary_of(given: Option<&Arc<GivenTracer>>) -> &Boundary {
    given.map_or(&boundary::SPANS, |given| &given.boundary)
}

impl fmt::Debug for Instrumentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumentation")
            .field(
                "tracer",
                &self.tracer.as_ref().map_or("global", |_| "given"),
            )
            .field("propagator", &self.propagator)
            .finish()
    }
}

/// A context without span, baggage and values, in which telemetry is suppressed if it is now.
#[inline(always)]
pub(crate) fn empty_context() -> Context {
    let context = Context::new();
    if Context::is_current_telemetry_suppressed() {
        context.with_telemetry_suppressed()
    } else {
        context
    }
}

/// Writes `context` into the headers of a message, with the global [`Instrumentation`]; see
/// [`Instrumentation::inject`].
///
/// ```
/// use opentelemetry::Context;
/// use std::collections::BTreeMap;
///
/// let mut headers = BTreeMap::from([("order".to_owned(), "7".to_owned())]);
/// otel_messaging::inject(&Context::current(), &mut headers);
/// assert_eq!(headers["order"], "7");
/// ```
pub fn inject<C, H: CarrierMut<C> + ?Sized>(context: &Context, headers: &mut H) {
    Instrumentation::global().inject(context, headers);
}

/// Reads the context that a message carries, with the global [`Instrumentation`]; see
/// [`Instrumentation::extract`].
///
/// ```
/// use opentelemetry::trace::TraceContextExt;
/// use std::collections::BTreeMap;
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let headers = BTreeMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
/// let context = otel_messaging::extract(&headers);
/// assert!(context.span().span_context().is_remote());
/// ```
#[must_use]
pub fn extract<C, H: Carrier<C> + ?Sized>(headers: &H) -> Context {
    Instrumentation::global().extract(headers)
}
