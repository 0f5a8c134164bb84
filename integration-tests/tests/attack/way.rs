//! The suite: the same messages through the bare client, and through ours with hostile telemetry.

use crate::hostile::{Hostile, LOGS, Manner, PLACES, Place};
use crate::orders::{Fate, Order, Ours, Outcome, Pace};
use integration_tests::spans::Spans;
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use otel_messaging::Instrumentation;
use otel_messaging::loss::caught_panics;
use otel_messaging::propagation::w3c;
use std::collections::HashSet;

/// One way of sending through a client, and of receiving what was sent.
pub(crate) trait Way: Sized {
    /// Connects, to a destination that no other test uses.
    async fn open() -> Self;

    /// Sends the orders, and receives and handles what arrives, to its end: by the library with the
    /// given telemetry, or by the bare client.
    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome;
}

/// So many that 16 panics in a row are over long before.
const MESSAGES: u32 = 64;

const MANNERS: [Manner; 4] = [
    Manner::Panics,
    Manner::PanicsAtEveryOtherCall,
    Manner::Slow,
    Manner::ComesBack,
];

/// Makes the tests of a way.
macro_rules! attacks {
    ($($name:ident: $way:ident),* $(,)?) => {$(
        mod $name {
            #[integration_tests::apply(integration_tests::broker_test)]
            async fn given() {
                $crate::way::withstands::<super::$way>().await;
            }

            #[test]
            #[cfg_attr(not(feature = "brokers"), ignore = "needs brokers: integration-tests/run")]
            fn process_wide() {
                $crate::process_wide::withstands::<super::$way>(module_path!());
            }
        }
    )*};
}
pub(crate) use attacks;

/// Whatever a given provider or propagator does: all is as with the bare client.
pub(crate) async fn withstands<W: Way>() {
    let mut way = W::open().await;
    let orders: Vec<_> = (0..MESSAGES).map(Order).collect();
    let bare = way.round(None, &orders, Pace::AtOnce).await;
    let arriving = orders.iter().filter(|order| order.fate() == Fate::Arrives);
    assert!(bare.arrived.len() >= arriving.count());
    assert!(bare.answers.len() >= orders.len());
    for place in PLACES.into_iter().chain(LOGS) {
        for manner in MANNERS {
            // Some ways come back with a message that fails later. That is one more event, and so on without
            // end.
            if manner == Manner::ComesBack && LOGS.contains(&place) {
                continue;
            }
            let hostile = Hostile::new(place, manner);
            let by = hostile.instrumentation();
            hostile.arm(true);
            let ours = Ours {
                by,
                hostile: Some(hostile.clone()),
            };
            let before = caught_panics();
            let outcome = way.round(Some(&ours), &orders, Pace::AtOnce).await;
            outcome.assert_is(&bare, &format!("{hostile:?}"));
            assert_attacked(&hostile, caught_panics() - before).await;
            if manner == Manner::Panics && asked_in_advance(place) {
                // Off after 16.
                assert_eq!(hostile.asked(), 16, "{place:?}");
            }
            good_telemetry_works(&mut way).await;
        }
    }
}

fn asked_in_advance(place: Place) -> bool {
    matches!(
        place,
        Place::Sampler | Place::OnStart | Place::Inject | Place::Extract | Place::LogProcessor
    )
}

/// The attack took place, and came to its end.
pub(crate) async fn assert_attacked(hostile: &Hostile, caught: u64) {
    let asked = hostile.asked();
    assert!(asked > 0, "{hostile:?}: nobody asked");
    match hostile.manner() {
        Manner::Slow => {}
        Manner::ComesBack => {
            let count = hostile.again().ended().await;
            assert_eq!(count, asked, "{hostile:?}");
            assert!(asked < 20 * MESSAGES, "{hostile:?}: {asked}");
        }
        _ => assert!(caught > 0, "{hostile:?}"),
    }
}

/// Whatever came before: a message has one whole trace.
pub(crate) async fn good_telemetry_works<W: Way>(way: &mut W) {
    let spans = Spans::new();
    // The global propagator may be off.
    let by = spans
        .instrumentation
        .to_builder()
        .with_propagator(w3c())
        .build();
    assert_whole_trace(way, &spans, by).await;
}

/// A message that is sent and handled by this instrumentation.
pub(crate) async fn assert_whole_trace<W: Way>(way: &mut W, spans: &Spans, by: Instrumentation) {
    let ours = Ours { by, hostile: None };
    let order = Order(1000);
    assert!(!Context::current().has_active_span(), "a context is left");
    let outcome = way.round(Some(&ours), &[order], Pace::AtOnce).await;
    assert_eq!(outcome.arrived.len(), 1);
    spans.counts.all_ended().await;

    let sender = order.context().span().span_context().clone();
    let all = spans.all();
    let mut ids = HashSet::from([sender.span_id()]);
    ids.extend(all.iter().map(|span| span.span_context.span_id()));
    let count = |kind| all.iter().filter(|span| span.span_kind == kind).count();
    assert_eq!(count(SpanKind::Consumer), 1, "{all:?}");
    assert_eq!(count(SpanKind::Producer), 1, "{all:?}");
    for span in &all {
        assert_eq!(span.span_context.trace_id(), sender.trace_id());
        assert!(ids.contains(&span.parent_span_id), "{all:?}");
    }
    let children = all
        .iter()
        .filter(|span| span.parent_span_id == sender.span_id());
    assert_eq!(children.count(), 1, "{all:?}");
}
