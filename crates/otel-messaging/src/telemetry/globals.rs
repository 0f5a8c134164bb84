//! OpenTelemetry's global providers, as this thread knows them.

use crate::loss::boundary::{SPANS, release};
use crate::loss::catch::{Behind, is_inside};
use crate::loss::row::Step;
use crate::propagation::looks::Looks;
use crate::telemetry::meters::Meters;
use crate::telemetry::probe::{PROBE, makes_spans};
use crate::telemetry::tracers::Tracers;
use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

/// The global providers at one moment.
pub(crate) struct Globals {
    /// `None` if the provider is the one without effect.
    tracers: Option<Arc<Tracers>>,
    /// `None` if the provider is the one without effect.
    meters: Option<Arc<Meters>>,
    looked_at: SystemTime,
    /// Looks are numbered as they begin.
    look: u64,
}

/// What the look that began last has seen.
struct Latest {
    /// It alone keeps the providers alive: a thread that is idle does not.
    globals: Option<Arc<Globals>>,
    /// How many looks have begun.
    looks: u64,
}

static LATEST: Mutex<Latest> = Mutex::new(Latest {
    globals: None,
    looks: 0,
});

/// Whether a tracer provider was seen last. Asked first: most often nothing else is to be asked.
static HAS_TRACERS: AtomicBool = AtomicBool::new(false);

/// Whether a meter provider was seen last.
static HAS_METERS: AtomicBool = AtomicBool::new(false);

thread_local! {
    static LOOKS: Looks = const { Looks::new() };
    static KNOWN: RefCell<Weak<Globals>> = const { RefCell::new(Weak::new()) };
}

/// Looks at the providers if it is time to.
#[inline]
pub(crate) fn refresh(now: SystemTime) {
    if LOOKS.with(|looks| looks.are_due(now)) {
        look_or_adopt(now);
    }
}

/// Looks at the providers now.
pub(crate) fn look(now: SystemTime) {
    LOOKS.with(|looks| looks.look(now, || see(now)));
}

/// Looks at the providers because a span of the one that is known had no ids. `false` if the thread has done so just
/// now: a provider may stay shut down.
#[cold]
pub(crate) fn look_again(now: SystemTime) -> bool {
    let may_look = LOOKS.with(|looks| looks.may_look_again(now));
    if may_look {
        look(now);
    }
    may_look
}

/// Whether there was a tracer provider when somebody looked last.
#[inline]
pub(crate) fn has_tracers() -> bool {
    HAS_TRACERS.load(Ordering::Relaxed)
}

/// Whether there was a meter provider when somebody looked last.
#[inline]
pub(crate) fn has_meters() -> bool {
    HAS_METERS.load(Ordering::Relaxed)
}

/// The providers when somebody looked last.
#[inline]
pub(crate) fn known() -> Option<Arc<Globals>> {
    // While the thread ends there is no such value.
    let known = KNOWN.try_with(|known| known.borrow().upgrade());
    known.ok().flatten().or_else(adopt)
}

impl Globals {
    #[inline]
    pub(crate) fn tracers(&self) -> Option<&Tracers> {
        self.tracers.as_deref()
    }

    #[inline]
    pub(crate) fn meters(&self) -> Option<&Meters> {
        self.meters.as_deref()
    }

    fn ask(before: Option<&Self>, look: u64, now: SystemTime) -> Self {
        let asked = SPANS.ask(Step::FIND, || {
            let provider = global::tracer_provider();
            let makes_spans = makes_spans(&provider.tracer(PROBE));
            makes_spans.then(|| Arc::new(Tracers::of_global(provider)))
        });
        // What was known counts if asking panics, or is off.
        let tracers = asked.unwrap_or_else(|| before?.tracers.clone());
        let meters = Meters::of_global(before.and_then(|before| before.meters.as_ref()));
        Self {
            tracers,
            meters,
            looked_at: now,
            look,
        }
    }
}

#[cold]
#[inline(never)]
fn look_or_adopt(now: SystemTime) {
    if is_inside(Behind::Spans) {
        // A provider that is being asked is not asked again. The next message looks.
        return;
    }
    let is_first = LOOKS.with(Looks::are_first);
    let is_old = || {
        // It may be the last handle by now.
        release(adopt());
        LOOKS.with(|looks| looks.are_due(now))
    };
    if is_first || is_old() {
        look(now);
    }
}

/// Takes over what another thread has seen.
#[cold]
#[inline(never)]
fn adopt() -> Option<Arc<Globals>> {
    let globals = latest().globals.clone()?;
    LOOKS.with(|looks| looks.looked(globals.looked_at));
    keep(&globals);
    Some(globals)
}

fn latest() -> MutexGuard<'static, Latest> {
    LATEST.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(globals: &Arc<Globals>) {
    let _ = KNOWN.try_with(|known| known.replace(Arc::downgrade(globals)));
}

fn see(now: SystemTime) {
    let (before, look) = {
        let mut latest = latest();
        latest.looks += 1;
        (latest.globals.clone(), latest.looks)
    };
    // Without the lock: a provider may send messages.
    let globals = Arc::new(Globals::ask(before.as_deref(), look, now));
    let mut latest = latest();
    let is_newer = |seen: &Arc<Globals>| seen.look > look;
    let (globals, replaced) = match latest.globals.clone().filter(is_newer) {
        // By a look that began later and was done sooner.
        Some(newer) => (newer, Some(globals)),
        None => {
            HAS_TRACERS.store(globals.tracers.is_some(), Ordering::Relaxed);
            HAS_METERS.store(globals.meters.is_some(), Ordering::Relaxed);
            let replaced = latest.globals.replace(globals.clone());
            (globals, replaced)
        }
    };
    drop(latest);
    keep(&globals);
    // They may have the last handle of a provider, which ends its work when it is dropped.
    release((before, replaced, globals));
}
