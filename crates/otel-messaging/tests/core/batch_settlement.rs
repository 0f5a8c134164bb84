//! Batches of deliveries, settled as a whole and one by one.

use crate::errors::attribute;
use crate::message::spans;
use crate::meter::meter;
use crate::on_error::{poll, turn};
use crate::settlement::{Broker, Delivery, Settlement, named, numbered};
use futures_util::FutureExt;
use futures_util::future::join_all;
use opentelemetry::trace::Status;
use otel_messaging::adapter::{TextMap, semconv};
use otel_messaging::consumer::{BatchDelivery, ConsumerInfo};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Item<'a> = BatchDelivery<&'a Delivery, TextMap, Broker>;

fn deliveries(broker: &Broker, count: u64) -> Vec<Delivery> {
    (1..=count).map(|number| numbered(broker, number)).collect()
}

fn all(count: u64, settlement: Settlement) -> Vec<(u64, Settlement)> {
    (1..=count).map(|number| (number, settlement)).collect()
}

#[test]
fn a_batch_is_settled_by_its_outcome_with_one_span() {
    for (handled, chosen, expected, name) in [
        (Ok(7), None, Settlement::Ack, "ack orders"),
        (Err("full"), None, Settlement::Return, "return orders"),
        (
            Err("full"),
            Some(Settlement::Reject),
            Settlement::Reject,
            "reject orders",
        ),
    ] {
        let (spans, meter, broker) = (spans(), meter(), Broker::default());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider).build();
        let batch = deliveries(&broker, 100);
        let consumer = by.consumer(ConsumerInfo::new().with_group("billing"));
        let settling = consumer.with_batch_settlement(&batch, async |_: Vec<Item<'_>>| handled);
        let settled = match chosen {
            Some(chosen) => settling.or(chosen).now_or_never(),
            None => settling.now_or_never(),
        };
        assert_eq!(settled, Some(Ok(handled)));
        assert_eq!(broker.asked_of(), all(100, expected));

        let ended = spans.ended();
        assert_eq!(ended.len(), 2, "{ended:?}");
        let (settle, process) = (named(&ended, name), named(&ended, "process orders"));
        assert_eq!(settle.parent_span_id, process.span_context.span_id());
        assert!(settle.end_time <= process.end_time);
        for (key, value) in [
            ("messaging.operation.type", "settle"),
            ("messaging.destination.name", "orders"),
            ("messaging.consumer.group.name", "billing"),
        ] {
            assert_eq!(attribute(settle, key), Some(value.into()));
        }
        let count = attribute(settle, "messaging.batch.message_count");
        assert_eq!(count, Some(100.into()));
        let duration = meter.only(semconv::MESSAGING_CLIENT_OPERATION_DURATION);
        assert_eq!(duration.count, 1);
    }
}

#[test]
fn each_is_settled_by_its_own_outcome() {
    let (spans, broker) = (spans(), Broker::default());
    let batch = deliveries(&broker, 6);
    let by = &spans.instrumentation;
    let settled = by.with_batch_settlement(&batch, async |batch: Vec<Item<'_>>| {
        let each = batch.into_iter().map(|delivery| async {
            let number = delivery.message().number();
            if number % 3 == 0 {
                // Left to the batch.
                return delivery.run(async |_| turn().await).await;
            }
            let handler = async |_: &Delivery| {
                turn().await;
                if number % 2 == 0 { Err("odd") } else { Ok(()) }
            };
            let settled = delivery.with_settlement(handler).or(Settlement::Reject);
            assert!(settled.await.is_ok());
        });
        join_all(each).await;
        Ok::<_, String>(())
    });
    let mut settled = Box::pin(settled);
    while poll(settled.as_mut()).is_pending() {}
    let asked: BTreeMap<_, _> = broker.asked_of().into_iter().collect();
    use Settlement::{Ack, Reject};
    let expected = [
        (1, Ack),
        (2, Reject),
        (3, Ack),
        (4, Reject),
        (5, Ack),
        (6, Ack),
    ];
    assert_eq!(asked, expected.into());
    assert_eq!(broker.asked().len(), 6);

    let ended = spans.ended();
    let process = named(&ended, "process orders");
    assert!(matches!(process.status, Status::Error { .. }));
    let in_batch = |span: &&opentelemetry_sdk::trace::SpanData| {
        span.parent_span_id == process.span_context.span_id()
    };
    let of_batch: Vec<_> = ended.iter().filter(in_batch).collect();
    assert_eq!(of_batch.len(), 1, "{of_batch:?}");
    let count = attribute(of_batch[0], "messaging.batch.message_count");
    assert_eq!(count, Some(2.into()));
    // The others are in the traces of their messages.
    let sender = otel_messaging::extract(&crate::message::message().headers);
    let sender = opentelemetry::trace::TraceContextExt::span(&sender)
        .span_context()
        .clone();
    let own = ended
        .iter()
        .filter(|span| span.parent_span_id == sender.span_id());
    assert_eq!(own.count(), 4);
}

#[test]
fn a_settlement_of_all_before_is_asked_for_once() {
    let (spans, broker) = (spans(), Broker::default());
    let mut batch = deliveries(&broker, 10);
    batch.swap(3, 9); // the last is in the middle
    let by = &spans.instrumentation;
    let handler = async |_: Vec<Item<'_>>| Ok::<_, String>(());
    let settled = by.with_batch_settlement(&batch, handler);
    let settled = settled.and(Settlement::AckAll).now_or_never();
    assert_eq!(settled, Some(Ok(Ok(()))));
    assert_eq!(broker.asked_of(), [(10, Settlement::AckAll)]);
    let span = &spans.ended()[0];
    assert_eq!(
        attribute(span, "messaging.batch.message_count"),
        Some(10.into())
    );
}

#[test]
fn what_a_batch_leaves_goes_back() {
    // A panic.
    let (spans, broker) = (spans(), Broker::default());
    let batch = deliveries(&broker, 3);
    let by = &spans.instrumentation;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let handler = async |batch: Vec<Item<'_>>| -> Result<(), String> {
            batch[1].guard().ack().await.expect("acknowledged");
            panic!("as a handler may")
        };
        by.with_batch_settlement(&batch, handler).now_or_never()
    }));
    assert!(caught.is_err());
    let expected = [
        (2, Settlement::Ack),
        (1, Settlement::Return),
        (3, Settlement::Return),
    ];
    assert_eq!(broker.asked_of(), expected);
    let ended = spans.ended();
    let returned = named(&ended, "return orders");
    let count = attribute(returned, "messaging.batch.message_count");
    assert_eq!(count, Some(2.into()));
    let process = named(&ended, "process orders");
    assert_eq!(returned.parent_span_id, process.span_context.span_id());
}

#[test]
fn a_delivery_that_was_taken_out_is_not_settled_with_the_batch() {
    let (spans, broker) = (spans(), Broker::default());
    let batch = deliveries(&broker, 3);
    let by = &spans.instrumentation;
    let mut taken = None;
    let settled = by.with_batch_settlement(&batch, |mut batch: Vec<Item<'_>>| {
        let handler = async |_: &Delivery| {
            turn().await;
            Err::<(), _>("late")
        };
        taken = Some(Box::pin(batch.remove(1).with_settlement(handler)));
        async { Ok::<_, String>(()) }
    });
    assert_eq!(settled.now_or_never(), Some(Ok(Ok(()))));
    let acked = [(1, Settlement::Ack), (3, Settlement::Ack)];
    assert_eq!(broker.asked_of(), acked);
    let mut taken = taken.expect("taken");
    while poll(taken.as_mut()).is_pending() {}
    assert_eq!(broker.asked_of()[2..], [(2, Settlement::Return)]);
}

#[test]
fn the_first_error_of_several_settlements_is_the_callers() {
    let spans = spans();
    let mut broker = Broker::default();
    broker.refuses = true;
    let batch = deliveries(&broker, 3);
    let by = &spans.instrumentation;
    let handler = async |_: Vec<Item<'_>>| Ok::<_, String>(());
    let settled = by.with_batch_settlement(&batch, handler).now_or_never();
    let error = "the channel is closed".to_owned();
    assert_eq!(settled, Some(Err(error.clone())));
    let ended = spans.ended();
    assert_eq!(named(&ended, "ack orders").status, Status::error(error));
    assert_eq!(ended.len(), 2);
}

#[test]
fn a_large_batch_is_settled_to_the_end() {
    let (spans, mut broker) = (spans(), Broker::default());
    broker.turns = 2;
    let batch = deliveries(&broker, 200);
    let by = &spans.instrumentation;
    let handler = async |_: Vec<Item<'_>>| Ok::<_, String>(());
    let mut settled = Box::pin(by.with_batch_settlement(&batch, handler));
    while poll(settled.as_mut()).is_pending() {}
    assert_eq!(broker.asked_of(), all(200, Settlement::Ack));
    assert_eq!(spans.ended().len(), 2);
}

#[test]
fn an_empty_batch_settles_nothing() {
    let (spans, broker) = (spans(), Broker::default());
    let by = &spans.instrumentation;
    let batch = deliveries(&broker, 0);
    let handler = async |_: Vec<Item<'_>>| Ok::<_, String>(());
    let settled = by.with_batch_settlement(&batch, handler).now_or_never();
    assert_eq!(settled, Some(Ok(Ok(()))));
    assert!(broker.asked().is_empty() && spans.ended().is_empty());
}

/// Handles a batch of six. `work` holds the second, takes it out or settles it.
fn with_the_second(
    settlement: Settlement,
    work: impl for<'a> FnOnce(Item<'a>) -> Option<Item<'a>>,
) -> Vec<(u64, Settlement)> {
    let (spans, broker) = (spans(), Broker::default());
    let batch = deliveries(&broker, 6);
    let by = &spans.instrumentation;
    let mut held = None;
    let settled = by.with_batch_settlement(&batch, |mut batch: Vec<Item<'_>>| {
        held = work(batch.remove(1));
        async { Ok::<_, String>(()) }
    });
    let settled = settled.and(settlement).now_or_never();
    assert_eq!(settled, Some(Ok(Ok(()))));
    let asked = broker.asked_of();
    drop(held);
    if broker.asked().len() > asked.len() {
        assert_eq!(broker.asked_of()[asked.len()..], [(2, Settlement::Return)]);
    }
    asked
}

#[test]
fn all_before_are_settled_at_once_only_where_the_batch_has_them_all() {
    let one_by_one = |numbers: &[u64]| {
        let each = numbers.iter().map(|number| (*number, Settlement::Ack));
        each.collect::<Vec<_>>()
    };
    let at_once = [(6, Settlement::AckAll)];
    assert_eq!(with_the_second(Settlement::AckAll, |_| None), at_once);
    // A task has it.
    let held = with_the_second(Settlement::AckAll, |second| Some(second));
    assert_eq!(held, one_by_one(&[1, 3, 4, 5, 6]));
    // It is settled already.
    let settled = with_the_second(Settlement::AckAll, |second| {
        let rejected = second.guard().settle(Settlement::Reject);
        rejected.now_or_never().expect("ready").expect("settled");
        None
    });
    assert_eq!(settled, [(2, Settlement::Reject), at_once[0]]);
    let (spans, broker) = (spans(), Broker::default());
    let by = &spans.instrumentation;
    for numbers in [[1, 2, 4], [1, 2, 2]] {
        let batch: Vec<_> = numbers.iter().map(|it| numbered(&broker, *it)).collect();
        let handler = async |_: Vec<Item<'_>>| Ok::<_, String>(());
        let settled = by.with_batch_settlement(&batch, handler);
        let settled = settled.and(Settlement::AckAll).now_or_never();
        assert_eq!(settled, Some(Ok(Ok(()))));
    }
    assert_eq!(broker.asked_of(), one_by_one(&[1, 2, 4, 1, 2, 2]));
}

/// As in a task that is spawned and not awaited.
#[test]
fn what_a_task_still_has_is_not_acknowledged() {
    async fn late(delivery: Item<'_>, way: usize) {
        let fail = async |_: &Delivery| {
            turn().await;
            Err::<(), _>("late")
        };
        match way {
            0 => drop(delivery.with_settlement(fail).await),
            1 => drop(delivery.try_run(fail).await),
            _ => drop(delivery.run(fail).await),
        }
    }
    for way in 0..3 {
        for polls in 0..3 {
            let (spans, broker) = (spans(), Broker::default());
            let batch = deliveries(&broker, 3);
            let by = &spans.instrumentation;
            let mut task = None;
            let settled = by.with_batch_settlement(&batch, |mut batch: Vec<Item<'_>>| {
                task = Some(Box::pin(late(batch.remove(1), way)));
                async { Ok::<_, String>(()) }
            });
            assert_eq!(settled.now_or_never(), Some(Ok(Ok(()))));
            let others = [(1, Settlement::Ack), (3, Settlement::Ack)];
            assert_eq!(broker.asked_of(), others);
            let mut task = task.expect("a task");
            let _ = (0..polls).any(|_| poll(task.as_mut()).is_ready());
            drop(task);
            assert_eq!(
                broker.asked_of()[2..],
                [(2, Settlement::Return)],
                "{way} {polls}"
            );
        }
    }
}

#[test]
fn what_was_not_handled_to_the_end_goes_back() {
    let (spans, broker) = (spans(), Broker::default());
    let batch = deliveries(&broker, 4);
    let by = &spans.instrumentation;
    let settled = by.with_batch_settlement(&batch, async |batch: Vec<Item<'_>>| {
        for (place, delivery) in batch.into_iter().enumerate() {
            match place {
                0 => delivery.run(async |_| turn().await).await,
                1 => {
                    let mut cut = Box::pin(delivery.run(async |_| turn().await));
                    assert!(poll(cut.as_mut()).is_pending());
                }
                2 => {
                    let failed = delivery.try_run(async |_| Err::<(), _>("no such order"));
                    failed.await.expect_err("it fails");
                }
                _ => delivery
                    .try_run(async |_| Ok::<_, String>(()))
                    .await
                    .expect("ok"),
            }
        }
        Ok::<_, String>(())
    });
    let mut settled = Box::pin(settled);
    while poll(settled.as_mut()).is_pending() {}
    use Settlement::{Ack, Return};
    let expected = [(1, Ack), (4, Ack), (2, Return), (3, Return)];
    assert_eq!(broker.asked_of(), expected);
    let ended = spans.ended();
    for name in ["ack orders", "return orders"] {
        let count = attribute(named(&ended, name), "messaging.batch.message_count");
        assert_eq!(count, Some(2.into()));
    }
}

/// What is done with one delivery of a batch.
#[derive(Debug, Clone, Copy)]
enum Way {
    Alone(Result<(), u8>, usize),
    WithBatch(usize),
    Tried(Result<(), u8>, usize),
    ByHand(Settlement),
    NotAtAll,
    /// Until after the batch.
    Held,
}

fn way() -> impl Strategy<Value = Way> {
    let result = || prop_oneof![Just(Ok(())), Just(Err(1))];
    prop_oneof![
        (result(), 0..4usize).prop_map(|(result, turns)| Way::Alone(result, turns)),
        (0..4usize).prop_map(Way::WithBatch),
        (result(), 0..4usize).prop_map(|(result, turns)| Way::Tried(result, turns)),
        prop_oneof![Just(Settlement::Ack), Just(Settlement::Reject)].prop_map(Way::ByHand),
        Just(Way::NotAtAll),
        Just(Way::Held),
    ]
}

async fn turns(count: usize) {
    for _ in 0..count {
        turn().await;
    }
}

/// How a delivery may be settled, if the batch's handler came to its end with `result` or was dropped before.
fn allowed(way: Way, result: Option<Result<(), u8>>) -> Vec<Settlement> {
    use Settlement::{Ack, Reject, Return};
    // What is dropped may go back, or be settled as it was to be.
    let or_back = |settlement| match result {
        Some(_) => vec![settlement],
        None => vec![settlement, Return],
    };
    let with_batch = match result {
        Some(Ok(())) => Ack,
        _ => Return,
    };
    match way {
        Way::Alone(Ok(()), _) => or_back(Ack),
        Way::Alone(Err(_), _) => or_back(Reject),
        Way::Tried(Err(_), _) | Way::Held => vec![Return],
        Way::ByHand(settlement) => or_back(settlement),
        Way::Tried(Ok(()), _) | Way::WithBatch(_) | Way::NotAtAll => vec![with_batch],
    }
}

proptest! {
    /// However its messages are handled, and wherever it is dropped, also while settlements are under way: each
    /// is settled once, or left to the broker, and none is acknowledged that was not handled, unless the whole
    /// was.
    #[test]
    fn each_of_a_batch_is_settled_once(
        ways in prop::collection::vec(way(), 1..10),
        result in prop_oneof![Just(Ok(())), Just(Err(2u8))],
        at_once in any::<bool>(),
        broker_turns in 0..3usize,
        polls in 0..30usize,
    ) {
        let (spans, mut broker) = (spans(), Broker::default());
        broker.turns = broker_turns;
        let batch = deliveries(&broker, ways.len() as u64);
        let by = &spans.instrumentation;
        let (held, is_handled) = (RefCell::new(Vec::new()), Cell::new(false));
        let future = by.with_batch_settlement(&batch, async |batch: Vec<Item<'_>>| {
            let each = batch.into_iter().zip(&ways).map(|(delivery, way)| async {
                match *way {
                    Way::Alone(result, count) => {
                        let handler = async move |_: &Delivery| { turns(count).await; result };
                        let _ = delivery.with_settlement(handler).or(Settlement::Reject).await;
                    }
                    Way::WithBatch(count) => delivery.run(async move |_| turns(count).await).await,
                    Way::Tried(result, count) => {
                        let handler = async move |_: &Delivery| { turns(count).await; result };
                        let _ = delivery.try_run(handler).await;
                    }
                    Way::ByHand(settlement) => {
                        delivery.guard().settle(settlement).await.expect("settled");
                    }
                    Way::NotAtAll => {}
                    Way::Held => held.borrow_mut().push(delivery),
                }
            });
            join_all(each).await;
            is_handled.set(true);
            result
        });
        let acked = if at_once { Settlement::AckAll } else { Settlement::Ack };
        let mut future = Box::pin(future.and(acked));
        let _ = (0..polls).any(|_| poll(future.as_mut()).is_ready());
        drop(future);
        drop(held.take());

        let mut times = BTreeMap::<u64, Vec<Settlement>>::new();
        for (number, settlement) in broker.asked_of() {
            let covered = if settlement == Settlement::AckAll { 1..=number } else { number..=number };
            for number in covered {
                let times = times.entry(number).or_default();
                // An acknowledgement of all before settles those that are not settled.
                if settlement == Settlement::AckAll && times.is_empty() {
                    times.push(Settlement::Ack);
                } else if settlement != Settlement::AckAll {
                    times.push(settlement);
                }
            }
        }
        for (number, way) in (1..).zip(&ways) {
            let settled = times.remove(&number).unwrap_or_default();
            let is_to_be_asked = broker_turns == 0;
            prop_assert!(settled.len() <= 1, "{settled:?} of {way:?}");
            prop_assert!(settled.len() == 1 || !is_to_be_asked, "nothing of {way:?}");
            let allowed = allowed(*way, is_handled.get().then_some(result));
            prop_assert!(settled.iter().all(|it| allowed.contains(it)), "{settled:?} of {way:?}");
        }
    }
}
