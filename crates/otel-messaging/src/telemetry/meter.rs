//! By whom metrics are recorded: a given meter provider, or the global one.

use crate::loss::boundary::release;
use crate::message::received::Client;
use crate::telemetry::globals;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::meters::Meters;
use opentelemetry::metrics::MeterProvider;
use std::sync::Arc;
use std::time::Instant;

/// By which provider metrics are recorded.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    given: Option<Arc<Meters>>,
}

impl Metrics {
    /// By a given provider.
    pub(crate) fn given<P: MeterProvider + Send + Sync + 'static>(provider: P) -> Self {
        Self {
            given: Some(Arc::new(Meters::of_given(provider))),
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

/// Those of the global provider.
fn of_global<C: Client>() -> Option<Arc<Instruments>> {
    let globals = globals::known()?;
    let instruments = globals.meters().and_then(Meters::instruments::<C>);
    // They may have the last handle of a provider that was replaced.
    release(globals);
    instruments
}
