//! What is known of a program's subscriber: whether tracing-opentelemetry's layer is in it, and what
//! the parent of its spans is.

use crate::context::traced::left::{exit_half_entered, restore};
use crate::context::traced::step::{ENTER, LEAVE};
use crate::loss::boundary::SPANS;
use crate::loss::count::log;
use crate::loss::finding::Finding;
use crate::loss::log::warn_line;
use opentelemetry::Context;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tracing::dispatcher::WeakDispatch;
use tracing::span::Id;
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::Registry;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// It was looked for in vain. It may be there all the same, of another version or inside a
    /// `reload::Layer`, and then exports each span that is opened in vain.
    Lost,
    /// It makes the context of a span that is entered current to OpenTelemetry, and the current
    /// context is the parent of its spans.
    Activates,
    /// The entered span is the parent of its spans, and OpenTelemetry knows nothing of it.
    GoesByEntered,
}

struct Known {
    registry: usize,
    layer: Layer,
    /// Holds the address: no other subscriber can come to have it.
    _subscriber: WeakDispatch,
}

/// Of more subscribers the oldest is forgotten, and looked at again.
const MANY: usize = 16;

/// How often what is known has changed. While it is 0, nothing is known.
static CHANGES: AtomicU64 = AtomicU64::new(0);
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

thread_local! {
    /// What this thread has looked up last: the registry, its layer, and how often what is known had changed. So no
    /// message waits for a lock, and an address counts no longer than it is held.
    static LAST: Cell<(usize, Option<Layer>, u64)> = const { Cell::new((0, None, 0)) };
}

impl Layer {
    /// What is known of the current subscriber.
    pub(crate) fn current() -> Option<Self> {
        let changes = CHANGES.load(Ordering::Acquire);
        if changes == 0 {
            return None;
        }
        let registry = dispatcher::get_default(registry_of)?;
        match LAST.get() {
            (last, layer, seen) if last == registry && seen == changes => layer,
            _ => Self::look_up(registry),
        }
    }

    #[cold]
    fn look_up(registry: usize) -> Option<Self> {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let layer = known.iter().find(|known| known.registry == registry);
        let layer = layer.map(|known| known.layer);
        // Under the lock, under which it changes.
        LAST.set((registry, layer, CHANGES.load(Ordering::Relaxed)));
        layer
    }

    /// Keeps what was found out about the current subscriber.
    #[cold]
    pub(crate) fn remember(self) {
        let new = dispatcher::get_default(|subscriber| {
            Some(Known {
                registry: registry_of(subscriber)?,
                layer: self,
                _subscriber: subscriber.downgrade(),
            })
        });
        let Some(new) = new else {
            return;
        };
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.registry != new.registry);
        if known.len() == MANY {
            known.remove(0);
        }
        known.push(new);
        CHANGES.fetch_add(1, Ordering::Release);
    }

    /// Finds out whether the layer activates contexts: whether to enter this span, which it knows,
    /// makes another context current. All layers hear of it. `None` if one of them panics.
    #[cold]
    pub(crate) fn ask(subscriber: &Dispatch, seen: &Id) -> Option<Self> {
        struct Mark;
        let outside = Context::current();
        let marked = Context::new().with_value(Mark).attach();
        let told = SPANS.call(ENTER, || subscriber.enter(seen));
        let is_marked = Context::map_current(|context| context.get::<Mark>().is_some());
        let left = match told {
            Some(()) => SPANS.call(LEAVE, || subscriber.exit(seen)),
            None => exit_half_entered(!is_marked, seen, subscriber),
        };
        drop(marked);
        if told.is_none() || left.is_none() {
            restore(outside);
            return None;
        }
        Some(if is_marked {
            Self::GoesByEntered
        } else {
            Self::Activates
        })
    }
}

/// The address of the registry below the layers, by which subscribers are told apart.
fn registry_of(subscriber: &Dispatch) -> Option<usize> {
    let registry = subscriber.downcast_ref::<Registry>()?;
    Some(std::ptr::from_ref(registry).addr())
}

static LAYER_REPORTED: AtomicBool = AtomicBool::new(false);
static FILTER_REPORTED: AtomicBool = AtomicBool::new(false);

/// Says once why OpenTelemetry does not see these spans, and what to do.
#[cold]
pub(crate) fn report(finding: &Finding) {
    let reported = match finding {
        Finding::LayerNotFound => &LAYER_REPORTED,
        Finding::SpansFiltered => &FILTER_REPORTED,
        _ => return,
    };
    // Without a subscriber nobody would read it; there may be one later.
    if is_nobody_there() || reported.swap(true, Ordering::Relaxed) {
        return;
    }
    log(|| {
        if let Finding::LayerNotFound = finding {
            warn_line!(
                name: "OtelMessaging.TracingLayerNotFound",
                message = finding.to_string()
            );
        } else {
            warn_line!(
                name: "OtelMessaging.TracingSpanDisabled",
                message = finding.to_string()
            );
        }
    });
}

/// Whether the program has no subscriber of `tracing`.
pub(crate) fn is_nobody_there() -> bool {
    dispatcher::get_default(Dispatch::is::<NoSubscriber>)
}
