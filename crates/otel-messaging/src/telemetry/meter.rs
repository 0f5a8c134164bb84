//! By whom metrics are recorded: a given meter provider, or the global one.

use crate::loss::boundary::{Boundary, count, release};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::globals;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::tracer::{CLIENTS, scope};
use opentelemetry::global;
use opentelemetry::metrics::MeterProvider;
use std::ptr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

type Provider = dyn MeterProvider + Send + Sync;

/// By which provider metrics are recorded.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    given: Option<Arc<Meters>>,
}

/// The instruments of one provider, for each client.
pub(crate) struct Meters {
    provider: Source,
    instruments: [OnceLock<(&'static str, Arc<Instruments>)>; CLIENTS],
    boundary: Arc<Boundary>,
}

enum Source {
    Given(Arc<Provider>),
    /// OpenTelemetry holds it as long as it is the global one.
    Global(Weak<Provider>),
}

impl Metrics {
    /// By a given provider.
    pub(crate) fn given<P: MeterProvider + Send + Sync + 'static>(provider: P) -> Self {
        Self {
            given: Some(Arc::new(Meters::new(Source::Given(Arc::new(provider))))),
        }
    }

    /// The instruments of a client, if there is a provider, and the time.
    #[inline]
    pub(crate) fn instruments<C: Client>(&self) -> Option<(Arc<Instruments>, Instant)> {
        if self.given.is_none() && !globals::has_meters() {
            return None;
        }
        self.find::<C>()
    }

    #[inline(never)]
    fn find<C: Client>(&self) -> Option<(Arc<Instruments>, Instant)> {
        let instruments = match &self.given {
            Some(given) => given.instruments::<C>(),
            None => of_global::<C>(),
        };
        Some((instruments?, Instant::now()))
    }

    /// Whether there is a provider.
    #[inline]
    pub(crate) fn has_provider(&self) -> bool {
        self.given.is_some() || globals::has_meters()
    }
}

impl Meters {
    fn new(provider: Source) -> Self {
        Self {
            provider,
            instruments: [const { OnceLock::new() }; CLIENTS],
            boundary: Arc::new(Boundary::new(Behind::Metrics)),
        }
    }

    /// The global provider's, if it records anything. They are `before` if it is the same as then.
    pub(crate) fn of_global(before: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let provider = global::meter_provider();
        // OpenTelemetry's own default, which records nothing, has no state; and nobody can ask it. A provider
        // of the application's that has none either has to be given to the builder.
        if size_of_val(&*provider) == 0 {
            return None;
        }
        let meters = match before {
            Some(before) if before.is_of(&provider) => before.clone(),
            _ => Arc::new(Self::new(Source::Global(Arc::downgrade(&provider)))),
        };
        // It may be the last handle, and a provider ends its work when it is dropped.
        count(Behind::Metrics, || drop(provider));
        Some(meters)
    }

    fn instruments<C: Client>(&self) -> Option<Arc<Instruments>> {
        self.made::<C>()
            .cloned()
            .or_else(|| self.make_and_keep::<C>())
    }

    /// Those that were made before.
    #[inline]
    fn made<C: Client>(&self) -> Option<&Arc<Instruments>> {
        let mut made = self.instruments.iter().map_while(OnceLock::get);
        let (_, instruments) = made.find(|(name, _)| *name == C::NAME)?;
        Some(instruments)
    }

    #[cold]
    fn make_and_keep<C: Client>(&self) -> Option<Arc<Instruments>> {
        let mut made = (C::NAME, Arc::new(self.make::<C>()?));
        // If another thread makes them too, the provider gives both the same.
        for place in &self.instruments {
            match place.set(made) {
                Ok(()) => return self.made::<C>().cloned(),
                Err(refused) => made = refused,
            }
        }
        Some(made.1)
    }

    #[inline(never)]
    fn make<C: Client>(&self) -> Option<Instruments> {
        let provider = match &self.provider {
            Source::Given(provider) => provider.clone(),
            Source::Global(provider) => provider.upgrade()?,
        };
        // With the handle, which may be the last one when the provider is being replaced.
        self.boundary.ask(Step::START, move || {
            let meter = provider.meter_with_scope(scope::<C>());
            Instruments::new(&meter, self.boundary.clone())
        })
    }

    /// Whether it is of this provider.
    fn is_of(&self, provider: &Arc<Provider>) -> bool {
        match &self.provider {
            Source::Given(_) => false,
            Source::Global(own) => ptr::addr_eq(own.as_ptr(), Arc::as_ptr(provider)),
        }
    }
}

/// Those of the global provider.
fn of_global<C: Client>() -> Option<Arc<Instruments>> {
    let globals = globals::known()?;
    let instruments = globals.meters().and_then(Meters::instruments::<C>);
    // They may have the last handle of a provider that was replaced.
    release(globals);
    instruments
}
