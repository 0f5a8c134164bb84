//! By whom metrics are recorded: a given meter provider, or the global one.

use crate::loss::boundary::{Boundary, count};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::tracer::{CLIENTS, scope};
use opentelemetry::global;
use opentelemetry::metrics::MeterProvider;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock, Weak};
use std::time::Instant;

type Provider = dyn MeterProvider + Send + Sync;

/// How long the global provider is taken for the same, in nanoseconds.
const LOOK_EVERY: u64 = 1_000_000_000;

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

    /// The instruments of a client, if there is a provider.
    #[inline]
    pub(crate) fn instruments<C: Client>(&self) -> Option<Arc<Instruments>> {
        match &self.given {
            Some(given) => given.instruments::<C>(),
            None => of_global()?.instruments::<C>(),
        }
    }

    /// Whether there is a provider.
    pub(crate) fn has_provider(&self) -> bool {
        self.given.is_some() || {
            look(nanos());
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
        for place in &self.instruments {
            match place.get() {
                Some((name, instruments)) if *name == C::NAME => return Some(instruments.clone()),
                Some(_) => {}
                None => {
                    // Two threads may make them: the provider gives both the same.
                    let made = (C::NAME, Arc::new(self.make::<C>()?));
                    let (name, instruments) = place.get_or_init(|| made);
                    if *name == C::NAME {
                        return Some(instruments.clone());
                    }
                }
            }
        }
        self.make::<C>().map(Arc::new)
    }

    #[cold]
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

/// When the global provider is looked at next, in nanoseconds of this process.
static NEXT_LOOK: AtomicU64 = AtomicU64::new(0);
/// Whether the global provider records anything. Asked first: without one, nothing is locked.
static IS_SET: AtomicBool = AtomicBool::new(false);
static GLOBAL: RwLock<Option<Arc<Meters>>> = RwLock::new(None);

/// The global provider's, looked at when the last look is a second ago.
#[inline]
fn of_global() -> Option<Arc<Meters>> {
    let now = nanos();
    if now >= NEXT_LOOK.load(Ordering::Relaxed) {
        look(now);
    }
    if !IS_SET.load(Ordering::Relaxed) {
        return None;
    }
    GLOBAL
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Nanoseconds of this process.
fn nanos() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let since = START.elapsed();
    since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
}

/// Compares the global provider with the one that is known.
#[cold]
#[inline(never)]
fn look(now: u64) {
    NEXT_LOOK.store(now + LOOK_EVERY, Ordering::Relaxed);
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
