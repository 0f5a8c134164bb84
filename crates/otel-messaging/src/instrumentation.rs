//! How messages are sent and handled: the tracer and the propagator.

use crate::bridge::{CarrierExtractor, CarrierInjector};
use crate::carrier::{Carrier, CarrierMut};
use crate::propagation::W3C;
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
#[derive(Clone, Default)]
pub struct Instrumentation {
    tracer: Option<Arc<BoxedTracer>>,
    propagator: Option<Arc<dyn TextMapPropagator + Send + Sync>>,
}

static GLOBAL: RwLock<Instrumentation> = RwLock::new(Instrumentation {
    tracer: None,
    propagator: None,
});

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(semconv::SCHEMA_URL)
        .build()
});

impl Instrumentation {
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

    /// Takes spans from this provider, in place of the global one.
    #[must_use]
    pub fn with_tracer_provider<P>(mut self, provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Span + Send + Sync + 'static,
    {
        let tracer = provider.tracer_with_scope(SCOPE.clone());
        self.tracer = Some(Arc::new(BoxedTracer::new(Box::new(tracer))));
        self
    }

    /// Injects and extracts with this propagator, in place of the global one or the W3C pair.
    #[must_use]
    pub fn with_propagator(
        mut self,
        propagator: impl TextMapPropagator + Send + Sync + 'static,
    ) -> Self {
        self.propagator = Some(Arc::new(propagator));
        self
    }

    /// Writes `context` into the headers of a message.
    ///
    /// The propagator's fields are removed first, in every spelling, then each is written once:
    /// a message that is sent on carries this context and nothing of the one it came with. While
    /// telemetry is suppressed in `context`, the headers stay as they are.
    ///
    /// What the protocol cannot represent is left out and counted in
    /// [`dropped_fields`](crate::dropped_fields); the message itself never fails.
    pub fn inject<C, H: CarrierMut<C> + ?Sized>(&self, context: &Context, headers: &mut H) {
        if context.is_telemetry_suppressed() {
            return;
        }
        let mut injector = CarrierInjector::new(headers);
        self.propagate(|propagator| {
            for field in propagator.fields() {
                injector.remove(field);
            }
            if propagator.fields().next().is_some() {
                propagator.inject_context(context, &mut injector);
            }
        });
    }

    /// Reads the context that a message carries.
    ///
    /// It starts from an empty context, never from the current one, so that a message without
    /// context does not join whatever span surrounds the consumer's loop; the current context's
    /// own values are not in it. Only the suppression of telemetry is kept. Malformed headers
    /// read as absent.
    #[must_use]
    pub fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        let context = empty_context();
        self.propagate(|propagator| {
            // A propagator without fields reads nothing; OpenTelemetry's no-op one would hand
            // out the current context.
            if propagator.fields().next().is_none() {
                return context.clone();
            }
            propagator.extract_with_context(&context, &CarrierExtractor::new(headers))
        })
    }

    /// Whether any of the propagator's fields stands in these headers, in any spelling.
    pub fn carries_context<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> bool {
        self.propagate(|propagator| {
            propagator
                .fields()
                .any(|field| headers.keys().any(|key| key.eq_ignore_ascii_case(field)))
        })
    }

    /// Removes the propagator's fields from these headers, in every spelling.
    pub fn remove_context<C, H: CarrierMut<C> + ?Sized>(&self, headers: &mut H) {
        self.propagate(|propagator| {
            for field in propagator.fields() {
                headers.remove(field);
            }
        });
    }

    pub(crate) fn with_tracer<T>(&self, start: impl FnOnce(&BoxedTracer) -> T) -> T {
        match &self.tracer {
            Some(tracer) => start(tracer),
            // Looked up each time: a tracer taken before the application sets its provider
            // stays without effect for ever.
            None => start(&global::tracer_with_scope(SCOPE.clone())),
        }
    }

    fn propagate<T>(&self, mut work: impl FnMut(&dyn TextMapPropagator) -> T) -> T {
        match &self.propagator {
            Some(propagator) => work(&**propagator),
            None => global::get_text_map_propagator(|propagator| {
                if propagator.fields().next().is_some() {
                    work(propagator)
                } else {
                    work(&W3C)
                }
            }),
        }
    }
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
