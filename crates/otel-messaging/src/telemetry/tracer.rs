//! By whom spans are made: a given tracer provider, or the global one.

use crate::loss::boundary::{Boundary, SPANS};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::resampling::{Mark, Resampling};
use crate::telemetry::semconv;
use opentelemetry::global::{self, BoxedTracer, ObjectSafeTracerProvider};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};
use std::env;
use std::sync::{Arc, LazyLock, OnceLock};

/// Enough for the three clients, Celery and envelopes. Further ones get a tracer anew for each span.
pub(crate) const CLIENTS: usize = 5;

/// How spans are made.
#[derive(Clone)]
pub(crate) struct Telemetry {
    given: Option<Arc<GivenTracers>>,
    resampling: Resampling,
    is_off: bool,
}

/// The tracers of a provider that was given, one for each client.
pub(crate) struct GivenTracers {
    provider: Box<dyn ObjectSafeTracerProvider + Send + Sync>,
    tracers: [OnceLock<(&'static str, BoxedTracer)>; CLIENTS],
    boundary: Boundary,
}

/// Whether the environment says that telemetry is off (OpenTelemetry specification, "General SDK
/// Configuration"). It is read once.
static IS_SDK_DISABLED: LazyLock<bool> = LazyLock::new(|| {
    let value = env::var_os("OTEL_SDK_DISABLED");
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
});

/// Whether the samplers of the global provider and of the layer of `tracing` know the mark.
static RESAMPLING: LazyLock<Resampling> = LazyLock::new(Resampling::default);

impl Telemetry {
    /// By the global provider.
    pub(crate) fn global() -> Self {
        Self {
            given: None,
            resampling: RESAMPLING.clone(),
            is_off: *IS_SDK_DISABLED,
        }
    }

    /// By a given one.
    pub(crate) fn given<P>(provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        Self {
            given: Some(Arc::new(GivenTracers {
                provider: Box::new(provider),
                tracers: [const { OnceLock::new() }; CLIENTS],
                boundary: Boundary::new(Behind::Spans),
            })),
            resampling: Resampling::default(),
            is_off: *IS_SDK_DISABLED,
        }
    }

    /// Whether spans are made at all.
    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// Whether a provider was given.
    pub(crate) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Whether the sampler knows the mark of contexts whose sampled flag does not count.
    pub(crate) fn resampling(&self) -> &Resampling {
        &self.resampling
    }

    /// Looks whether the sampler knew the mark of a context whose span was just started. A global provider may
    /// have been replaced by one that does not know it.
    pub(crate) fn note_sampler(&self, context: &Context) {
        if !self.is_given() && Mark::was_asked(context) == Some(false) {
            self.resampling.note_absence();
        }
    }

    /// The provider to whose boundary a span belongs; `None` for the global one's.
    pub(crate) fn given_tracers(&self) -> Option<Arc<GivenTracers>> {
        self.given.clone()
    }

    /// Works with the tracer of a client, behind the boundary. `None` where nothing came of it.
    pub(crate) fn with_tracer<C: Client, T>(
        &self,
        start: impl FnOnce(&BoxedTracer) -> T,
    ) -> Option<T> {
        match &self.given {
            Some(given) => given
                .boundary
                .ask(Step::START, || given.with_tracer::<C, T>(start)),
            // Looked up each time: a tracer taken before the application sets its provider
            // stays without effect for ever.
            None => SPANS.ask(Step::START, || {
                start(&global::tracer_with_scope(scope::<C>()))
            }),
        }
    }
}

impl GivenTracers {
    fn with_tracer<C: Client, T>(&self, start: impl FnOnce(&BoxedTracer) -> T) -> T {
        for place in &self.tracers {
            let (name, tracer) = place.get_or_init(|| (C::NAME, self.tracer::<C>()));
            if *name == C::NAME {
                return start(tracer);
            }
        }
        start(&self.tracer::<C>())
    }

    fn tracer<C: Client>(&self) -> BoxedTracer {
        BoxedTracer::new(self.provider.boxed_tracer(scope::<C>()))
    }
}

/// The boundary of spans that come from these tracers.
pub(crate) fn boundary_of(given: Option<&Arc<GivenTracers>>) -> &Boundary {
    given.map_or(&SPANS, |given| &given.boundary)
}

/// The instrumentation scope of a client, for spans and metrics.
pub(crate) fn scope<C: Client>() -> InstrumentationScope {
    InstrumentationScope::builder(C::NAME)
        .with_version(C::VERSION)
        .with_schema_url(semconv::SCHEMA_URL)
        .build()
}
