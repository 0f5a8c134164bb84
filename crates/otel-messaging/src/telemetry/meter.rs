//! By whom metrics are recorded: a given meter provider, or the global one.

use crate::loss::boundary::{Boundary, count};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::tracer::{CLIENTS, scope};
use opentelemetry::global;
use opentelemetry::metrics::MeterProvider;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

type Provider = dyn MeterProvider + Send + Sync;

/// How long a thread takes the global provider for the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// By which provider metrics are recorded.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    given: Option<Arc<Meters>>,
}

/// The instruments of one provider, for each client.
struct Meters {
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
        let now = Instant::now();
        let instruments = match &self.given {
            Some(given) => given.instruments::<C>(),
            None => of_global::<C>(now),
        };
        Some((instruments?, now))
    }

    /// Whether there is a provider.
    pub(crate) fn has_provider(&self) -> bool {
        self.given.is_some() || {
            look(Instant::now());
            IS_SET.load(Ordering::Relaxed)
        }
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

/// Whether the global provider records anything. Asked first: without one, nothing is locked.
static IS_SET: AtomicBool = AtomicBool::new(false);
static GLOBAL: RwLock<Option<Arc<Meters>>> = RwLock::new(None);

thread_local! {
    /// When this thread looks at the global provider next.
    static NEXT_LOOK: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The global provider's, looked at when this thread's last look is a second ago.
#[inline]
fn of_global<C: Client>(now: Instant) -> Option<Arc<Instruments>> {
    if NEXT_LOOK.get().is_none_or(|next| now >= next) {
        look(now);
    }
    if !IS_SET.load(Ordering::Relaxed) {
        return None;
    }
    let known = GLOBAL.read().unwrap_or_else(PoisonError::into_inner);
    let meters = known.as_ref()?;
    if let Some(made) = meters.made::<C>() {
        return Some(made.clone());
    }
    // Not under the lock: the provider may publish.
    let meters = meters.clone();
    drop(known);
    meters.make_and_keep::<C>()
}

/// Compares the global provider with the one that is known.
#[cold]
#[inline(never)]
fn look(now: Instant) {
    NEXT_LOOK.set(now.checked_add(LOOK_EVERY));
    let provider = global::meter_provider();
    // OpenTelemetry's own default, which records nothing, has no state; and nobody can ask it. A provider
    // of the application's that has none either has to be given to the builder.
    let is_set = size_of_val(&*provider) != 0;
    let mut known = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
    let mut replaced = None;
    if !is_set {
        replaced = known.take();
    } else if !known.as_ref().is_some_and(|known| known.is_of(&provider)) {
        let source = Source::Global(Arc::downgrade(&provider));
        replaced = known.replace(Arc::new(Meters::new(source)));
    }
    IS_SET.store(is_set, Ordering::Relaxed);
    drop(known);
    // It may be the last handle, and a provider ends its work when it is dropped.
    count(Behind::Metrics, || drop((provider, replaced)));
}
