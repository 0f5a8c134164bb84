//! Layers of `tracing`, the tracer below them and the global propagator belong to the process, and
//! so does what is known of their panics: each of these attacks has a process of its own.

use crate::child;
use crate::hostile::{HOOKS, Hostile, Manner, PLACES, Place};
use crate::orders::{Order, Ours, Outcome, Pace};
use crate::way::{Way, assert_attacked, assert_whole_trace, good_telemetry_works};
use integration_tests::client::PATIENCE;
use integration_tests::spans::Spans;
use opentelemetry::global;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::loss::caught_panics;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use tracing::span::EnteredSpan;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

/// One of each fate at least.
const MESSAGES: u32 = 8;

/// Sent or handled, so many are more than 16 panics in a row.
const MORE_THAN_A_ROW: u32 = 24;

/// So many processes at a time; they wait for their brokers most of the time.
const PROCESSES: usize = 6;

/// After these the telemetry is still on.
const MANNERS: [Manner; 3] = [
    Manner::PanicsAtEveryOtherMessage,
    Manner::Slow,
    Manner::ComesBack,
];

/// How the layer of OpenTelemetry is set up.
#[derive(Debug, Clone, Copy)]
struct Layers {
    activation: bool,
    /// The hostile layer is above it.
    is_inside: bool,
}

const LAYERS: [Layers; 4] = [
    Layers {
        activation: true,
        is_inside: true,
    },
    Layers {
        activation: false,
        is_inside: true,
    },
    Layers {
        activation: true,
        is_inside: false,
    },
    Layers {
        activation: false,
        is_inside: false,
    },
];

/// Runs the attacks as children of this test, or one of them if this is a child.
pub(crate) fn withstands<W: Way>(module: &str) {
    let places = || PLACES.into_iter().chain(HOOKS);
    if let Some(task) = child::task() {
        let place = places().find(|place| format!("{place:?}") == task);
        return attack::<W>(place.expect("a place"));
    }
    let (_, module) = module.split_once("::").expect("a module of this program");
    let test = format!("{module}::process_wide");
    let places: Vec<_> = places().collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let output = child::run(&test, &format!("{place:?}"), None);
                    let said = String::from_utf8_lossy(&output.stdout);
                    if !output.status.success() || !said.contains("1 passed") {
                        let errors = String::from_utf8_lossy(&output.stderr);
                        let mut failed = failed.lock().expect("no panic");
                        *failed += &format!("{place:?}: {}\n{said}{errors}\n", output.status);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "{failed}");
}

/// The root future stays on this thread, whose subscriber is set.
fn attack<W: Way>(place: Place) {
    let _alive = abort_in_the_end(place);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut way = W::open().await;
        let (few, many) = (orders(MESSAGES), orders(MORE_THAN_A_ROW));
        let bare = way.round(None, &few, Pace::OneByOne).await;
        for layers in layers_for(place) {
            for manner in MANNERS {
                let hostile = Hostile::new(place, manner);
                attack_once(&mut way, &hostile, *layers, (&few, &bare)).await;
                if place == Place::Event {
                    // There is one line in the log a minute.
                    return;
                }
            }
            good_telemetry_by_tracing(&mut way, *layers).await;
        }
        // The last, because it is off then.
        let (hostile, layers) = (
            Hostile::new(place, Manner::Panics),
            LAYERS[place as usize % LAYERS.len()],
        );
        let bare = way.round(None, &many, Pace::OneByOne).await;
        attack_once(&mut way, &hostile, layers, (&many, &bare)).await;
        good_telemetry_works(&mut way).await;
    });
}

/// A lock that waits for itself is no reason to wait for it, unless the sender is dropped in time.
fn abort_in_the_end(place: Place) -> Sender<()> {
    let (alive, dropped) = mpsc::channel();
    std::thread::spawn(move || {
        if dropped.recv_timeout(10 * PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{place:?}: no end");
            std::process::abort();
        }
    });
    alive
}

fn orders(count: u32) -> Vec<Order> {
    (0..count).map(Order).collect()
}

/// In which set-ups there may be a difference.
fn layers_for(place: Place) -> &'static [Layers] {
    match place {
        Place::Fields | Place::Inject | Place::Extract => &LAYERS[..1],
        _ if PLACES.contains(&place) => &LAYERS[..2],
        _ => &LAYERS,
    }
}

async fn attack_once<W: Way>(
    way: &mut W,
    hostile: &Hostile,
    layers: Layers,
    (orders, bare): (&[Order], &Outcome),
) {
    let _default = subscribe(hostile, layers);
    global::set_text_map_propagator(hostile.clone());
    let mut by = Instrumentation::default();
    if hostile.place() == Place::Event {
        // There is no room for the baggage, which is said.
        by = by.to_builder().with_injection_budget(100).build();
    }
    let ours = Ours {
        by,
        hostile: Some(hostile.clone()),
    };
    let before = caught_panics();
    let around = loop_around(hostile);
    hostile.arm(true);
    let outcome = way.round(Some(&ours), orders, Pace::OneByOne).await;
    hostile.arm(false);
    drop(around);
    outcome.assert_is(bare, &format!("{hostile:?}, {layers:?}"));
    assert_attacked(hostile, caught_panics() - before).await;
}

/// A span of the application around all messages. It has started: telemetry that panicked at its
/// start would leave a lock of this span poisoned.
fn loop_around(hostile: &Hostile) -> Option<EnteredSpan> {
    // A layer that hides the exit of a message's span from OpenTelemetry's layer leaves the loop's
    // context where it is when the loop ends.
    if hostile.place() == Place::Exit {
        return None;
    }
    let around = tracing::info_span!("loop").entered();
    assert!(around.context().has_active_span());
    Some(around)
}

fn subscribe(hostile: &Hostile, layers: Layers) -> DefaultGuard {
    let tracer = hostile.provider().tracer("application");
    let (inner, outer) = (
        tracing_opentelemetry::layer(),
        tracing_opentelemetry::layer(),
    );
    // Of two types, because a layer knows what it is above.
    if layers.is_inside {
        let inner = inner
            .with_tracer(tracer)
            .with_context_activation(layers.activation);
        set_default(Registry::default().with(inner).with(hostile.clone()))
    } else {
        let outer = outer
            .with_context_activation(layers.activation)
            .with_tracer(tracer);
        set_default(Registry::default().with(hostile.clone()).with(outer))
    }
}

/// Nothing is left of the attack, in the process's own telemetry too.
async fn good_telemetry_by_tracing<W: Way>(way: &mut W, layers: Layers) {
    let spans = Spans::new();
    let layer = tracing_opentelemetry::layer().with_context_activation(layers.activation);
    let layer = layer.with_tracer(spans.tracer.clone());
    let _default = set_default(Registry::default().with(layer));
    global::set_text_map_propagator(otel_messaging::propagation::w3c());
    assert_whole_trace(way, &spans, Instrumentation::default()).await;
}
