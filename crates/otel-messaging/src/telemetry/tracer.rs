//! By whom spans are made: a given tracer provider, or the global one.

use crate::loss::boundary::{Boundary, SPANS};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::semconv;
use opentelemetry::global::{self, BoxedTracer, ObjectSafeTracerProvider};
use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope};
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

/// A program has few clients; the spans of more get a tracer of their own each time.
const CLIENTS: usize = 4;

/// How spans are made.
#[derive(Clone)]
pub(crate) struct Telemetry {
    given: Option<Arc<GivenTracers>>,
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

impl Telemetry {
    /// By the global provider.
    pub(crate) fn global() -> Self {
        Self {
            given: None,
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

    /// Whether a provider listens, before anything is made for it. A given one does.
    ///
    /// OpenTelemetry cannot be asked whether its global provider is the one without effect, which is
    /// its default. So a span is tried that no SDK makes, until there once was a provider.
    pub(crate) fn has_provider<C: Client>(&self) -> bool {
        if self.is_given() || ANY_PROVIDER.load(Ordering::Relaxed) {
            return true;
        }
        // The boundary reports a panic.
        let has_effect = self.has_effect::<C>().unwrap_or(false);
        if has_effect {
            ANY_PROVIDER.store(true, Ordering::Relaxed);
        }
        has_effect
    }

    /// Tries a span that an SDK neither samples nor exports. `false` where the provider is the one
    /// without effect; `None` where it fails.
    pub(crate) fn has_effect<C: Client>(&self) -> Option<bool> {
        self.with_tracer::<C, _>(|tracer| {
            let span = SpanBuilder::from_name(PROBE).start_with_context(tracer, &SUPPRESSED);
            let has_effect = !is_of_no_tracer(span.span_context());
            if span.is_recording() {
                // By a tracer that knows nothing of suppression: dropped, it would be exported.
                std::mem::forget(span);
            }
            has_effect
        })
    }
}

static ANY_PROVIDER: AtomicBool = AtomicBool::new(false);

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

fn scope<C: Client>() -> InstrumentationScope {
    InstrumentationScope::builder(C::NAME)
        .with_version(C::VERSION)
        .with_schema_url(semconv::SCHEMA_URL)
        .build()
}

/// The name of a span that is tried.
pub(crate) const PROBE: &str = "self-check";

const PROBED: SpanId = SpanId::from_bytes([7; 8]);

/// A parent whose spans OpenTelemetry's SDK makes without ids. A tracer without effect hands out those
/// of the parent.
pub(crate) static SUPPRESSED: LazyLock<Context> = LazyLock::new(|| {
    let parent = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        PROBED,
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    );
    let context = Context::new().with_remote_span_context(parent);
    context.with_telemetry_suppressed()
});

/// Whether a span that was started in [`SUPPRESSED`] comes from a tracer without effect.
pub(crate) fn is_of_no_tracer(span: &SpanContext) -> bool {
    span.span_id() == PROBED
}
