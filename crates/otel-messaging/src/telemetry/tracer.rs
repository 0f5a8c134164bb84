//! By whom spans are made: a given tracer provider, or the global one.

use crate::loss::boundary::{Boundary, SPANS, release};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::globals;
use crate::telemetry::probe::{PROBE, makes_spans};
use crate::telemetry::resampling::{Mark, Resampling};
use crate::telemetry::tracers::Tracers;
use opentelemetry::Context;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{Tracer, TracerProvider};
use std::env;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

/// How spans are made.
#[derive(Clone)]
pub(crate) struct Telemetry {
    given: Option<Arc<GivenTracers>>,
    resampling: Resampling,
    is_off: bool,
}

/// The tracers of a provider that was given.
pub(crate) struct GivenTracers {
    tracers: Tracers,
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
                tracers: Tracers::of_given(provider),
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
    #[inline]
    pub(crate) fn given_tracers(&self) -> Option<&Arc<GivenTracers>> {
        self.given.as_ref()
    }

    /// Looks whether there is another provider than before, where there may be. Returns whether there is any.
    #[cold]
    pub(crate) fn looks_again(&self) -> bool {
        if self.is_given() {
            return false;
        }
        globals::look_again(SystemTime::now()) && globals::has_tracers()
    }

    /// Whether the provider makes spans, tried now. `None` if it fails.
    pub(crate) fn has_effect<C: Client>(&self) -> Option<bool> {
        if self.is_given() {
            return self.with_tracer::<C, _>(makes_spans);
        }
        SPANS.ask(Step::FIND, || makes_spans(&global::tracer(PROBE)))
    }

    /// Works with the tracer of a client, behind the boundary. `None` where nothing came of it.
    #[inline]
    pub(crate) fn with_tracer<C: Client, T>(
        &self,
        start: impl FnOnce(&BoxedTracer) -> T,
    ) -> Option<T> {
        if let Some(given) = &self.given {
            let tracers = &given.tracers;
            return given
                .boundary
                .ask(Step::START, || tracers.with_tracer::<C, T>(start));
        }
        let mut globals = Some(globals::known()?);
        let done = SPANS.ask(Step::START, || {
            let done = globals.as_ref()?.tracers()?.with_tracer::<C, T>(start);
            // In here: they may have the last handle of a provider that was replaced. But not while a panic unwinds.
            globals = None;
            Some(done)
        });
        if globals.is_some() {
            release(globals);
        }
        done.flatten()
    }
}

/// The boundary of spans that come from these tracers.
pub(crate) fn boundary_of(given: Option<&Arc<GivenTracers>>) -> &Boundary {
    given.map_or(&SPANS, |given| &given.boundary)
}
