//! The tracers of one provider.

use crate::message::received::Client;
use crate::telemetry::semconv;
use opentelemetry::InstrumentationScope;
use opentelemetry::global::{BoxedTracer, GlobalTracerProvider, ObjectSafeTracerProvider};
use opentelemetry::trace::{Tracer, TracerProvider};
use std::ptr;
use std::sync::OnceLock;

/// Enough for the three clients, Celery and envelopes. Further ones get a tracer anew for each span.
pub(crate) const CLIENTS: usize = 5;

/// The tracers of one provider, one for each client.
pub(crate) struct Tracers {
    provider: Provider,
    tracers: [OnceLock<(&'static str, BoxedTracer)>; CLIENTS],
}

enum Provider {
    Given(Box<dyn ObjectSafeTracerProvider + Send + Sync>),
    Global(GlobalTracerProvider),
}

impl Tracers {
    /// Those of the global provider.
    pub(crate) fn of_global(provider: GlobalTracerProvider) -> Self {
        Self::new(Provider::Global(provider))
    }

    /// Those of a provider that was given.
    pub(super) fn of_given<P>(provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        Self::new(Provider::Given(Box::new(provider)))
    }

    fn new(provider: Provider) -> Self {
        Self {
            provider,
            tracers: [const { OnceLock::new() }; CLIENTS],
        }
    }

    #[inline]
    pub(super) fn with_tracer<C: Client, T>(&self, start: impl FnOnce(&BoxedTracer) -> T) -> T {
        for place in &self.tracers {
            let (name, tracer) = place.get_or_init(|| (C::NAME, self.tracer::<C>()));
            if ptr::eq(*name, C::NAME) || *name == C::NAME {
                return start(tracer);
            }
        }
        start(&self.tracer::<C>())
    }

    fn tracer<C: Client>(&self) -> BoxedTracer {
        match &self.provider {
            Provider::Given(provider) => BoxedTracer::new(provider.boxed_tracer(scope::<C>())),
            Provider::Global(provider) => provider.tracer_with_scope(scope::<C>()),
        }
    }
}

/// The instrumentation scope of a client, for spans and metrics.
pub(crate) fn scope<C: Client>() -> InstrumentationScope {
    InstrumentationScope::builder(C::NAME)
        .with_version(C::VERSION)
        .with_schema_url(semconv::SCHEMA_URL)
        .build()
}
