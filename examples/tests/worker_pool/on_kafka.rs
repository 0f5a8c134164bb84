//! On a real Kafka: stopped in the middle, killed in the middle, and what is no order.

use crate::printed::Printed;
use crate::run::{ARTICLES, ORDERS, Run, trace_of};
use crate::text;
use opentelemetry::trace::TraceContextExt;
use rdkafka::Message;

/// All articles of all orders.
fn ordered() -> Vec<(u32, String)> {
    let orders = (1..=ORDERS).flat_map(|order| ARTICLES.map(|article| (order, article.to_owned())));
    let mut ordered: Vec<_> = orders.collect();
    ordered.sort_unstable();
    ordered
}

/// Each order in the trace of its sender, and each pallet linked to those of its orders, whatever
/// the runs have printed; and what they say of the pallets is what the topic says.
fn assert_traces(run: &Run, printed: &[Printed]) {
    let traces = run.traces_of_pallets();
    for printed in printed {
        for (number, order) in &printed.orders {
            assert_eq!(order.trace, trace_of(*number));
        }
        for pallet in &printed.pallets {
            assert_eq!(pallet.trace, traces[pallet.number as usize], "{pallet:?}");
            for parcel in &pallet.parcels {
                assert_eq!(parcel.linked_trace, trace_of(parcel.order), "{parcel:?}");
            }
        }
    }
}

/// Stops it when it has said this. Each article is on a pallet exactly once.
async fn stopped_by(signal: &str, room: &str, said: &str) {
    let run = Run::with_orders("stopped").await;
    let mut started = run.start(room);
    started.lines.wait_for(said);
    started.signal(signal);
    let (first, output) = started.end();
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complained}");
    assert_eq!(complained, "");
    let said = text(&output.stdout);
    let hint = format!("stopped; to go on: --run {} --orders 0", run.name);
    assert_eq!(said.lines().last(), Some(&*hint), "{said}");
    // Nothing is left half done.
    assert!(
        first.orders.len() < ORDERS as usize,
        "it was not in the middle"
    );
    assert_eq!(
        run.loaded().len(),
        first.orders.len() * ARTICLES.len(),
        "{said}"
    );
    first.assert_linked();

    let (second, _) = run.go_on();
    let times = run.loaded();
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!(times.into_keys().collect::<Vec<_>>(), ordered());
    second.assert_linked();
    assert_traces(&run, &[first, second]);
    run.remove().await;
}

#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn an_interrupt_loses_nothing_and_does_nothing_twice() {
    stopped_by("-INT", "4", "pallet ").await;
}

/// With all that was taken on one pallet, which is not full.
#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn to_be_terminated_is_the_same() {
    stopped_by("-TERM", "1000", "order ").await;
}

/// Each article is on a pallet at least once, and linked to its order's trace.
#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn to_be_killed_loses_nothing() {
    let run = Run::with_orders("killed").await;
    // Larger than an order: most of what is packed is on no pallet yet.
    let started = run.start("20");
    // What is committed does not come again.
    run.wait_for_commit();
    started.signal("-KILL");
    let (first, output) = started.end();
    assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
    assert!(
        first.orders.len() < ORDERS as usize,
        "it was not in the middle"
    );

    let (second, _) = run.go_on();
    assert_eq!(run.loaded().into_keys().collect::<Vec<_>>(), ordered());
    second.assert_linked();
    // A pallet is shown before its orders are committed: what was not shown came again.
    let pallets = first.pallets.iter().chain(&second.pallets);
    let shown = pallets.flat_map(|pallet| &pallet.parcels);
    let mut shown: Vec<_> = shown.map(|p| (p.order, p.article.clone())).collect();
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown, ordered());
    assert_traces(&run, &[first, second]);
    run.remove().await;
}

#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn what_is_no_order_is_put_aside() {
    let run = Run::with_orders("rejected").await;
    for payload in ["tea, please", "{}", r#"{"number": -1, "articles": []}"#] {
        run.place(payload, 0).await;
    }
    let (printed, output) = run.go_on();
    assert_eq!(printed.orders.len(), ORDERS as usize);
    let complained = text(&output.stderr);
    assert_eq!(
        complained.matches("not an order").count(),
        3,
        "{complained}"
    );
    let letters = run.messages("rejected");
    let payloads = letters.iter();
    let payloads: Vec<_> = payloads.map(|m| text(m.payload().expect("one"))).collect();
    assert_eq!(
        payloads,
        ["tea, please", "{}", r#"{"number": -1, "articles": []}"#]
    );
    // In the trace in which they failed.
    for letter in &letters {
        let context = otel_messaging_rdkafka::extract(letter.headers().expect("headers"));
        let trace = context.span().span_context().trace_id();
        assert_eq!(trace.to_string(), trace_of(0));
    }
    // They are done with.
    let (printed, _) = run.go_on();
    assert!(printed.orders.is_empty(), "{printed:?}");
    run.remove().await;
}
