//! The instruments of one meter provider.

use crate::loss::boundary::{Boundary, count};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::tracers::{CLIENTS, scope};
use opentelemetry::global;
use opentelemetry::metrics::MeterProvider;
use std::ptr;
use std::sync::{Arc, OnceLock, Weak};

type Provider = dyn MeterProvider + Send + Sync;

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

impl Meters {
    /// Those of a provider that was given.
    pub(super) fn of_given<P: MeterProvider + Send + Sync + 'static>(provider: P) -> Self {
        Self::new(Source::Given(Arc::new(provider)))
    }

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

    pub(super) fn instruments<C: Client>(&self) -> Option<Arc<Instruments>> {
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
