//! Deliveries that are settled by the outcome of their handlers, and by hand.

use crate::errors::attribute;
use crate::message::{Message, TestClient, message, spans};
use crate::meter::meter;
use crate::on_error::{poll, turn};
use futures_util::FutureExt;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{Describe, Destination, TextMap, semconv};
use otel_messaging::consumer::{ConsumerInfo, Settle, SettleFuture, Unsettled};
use otel_messaging::{Instrumentation, Received, guard};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    Ack,
    Return,
    Reject,
    Alive,
    /// And all before it.
    AckAll,
}

/// What the broker was asked for. A settlement is pending so many times before the broker has it.
#[derive(Clone, Default)]
pub(crate) struct Broker {
    asked: Arc<Mutex<Vec<(u64, Settlement)>>>,
    pub(crate) turns: usize,
    pub(crate) refuses: bool,
    /// The delivery's own.
    number: u64,
}

impl Broker {
    pub(crate) fn asked(&self) -> Vec<Settlement> {
        self.asked_of()
            .into_iter()
            .map(|(_, asked)| asked)
            .collect()
    }

    /// With the numbers of the deliveries.
    pub(crate) fn asked_of(&self) -> Vec<(u64, Settlement)> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

/// A message that waits to be settled.
pub(crate) struct Delivery {
    message: Message,
    pub(crate) broker: Broker,
}

impl Delivery {
    pub(crate) fn number(&self) -> u64 {
        self.broker.number
    }
}

pub(crate) fn delivery(broker: &Broker) -> Delivery {
    numbered(broker, 0)
}

pub(crate) fn numbered(broker: &Broker, number: u64) -> Delivery {
    Delivery {
        message: message(),
        broker: Broker {
            number,
            ..broker.clone()
        },
    }
}

impl Describe<TextMap> for Delivery {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }
}

impl Received<TextMap> for Delivery {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        self.message.message_headers()
    }
}

impl Unsettled<TextMap> for Delivery {
    type Settler = Broker;

    fn settler(&self) -> Broker {
        self.broker.clone()
    }
}

impl Describe<TextMap> for Broker {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }
}

impl Settle<TextMap> for Broker {
    type Settlement = Settlement;
    type Error = String;

    fn handled() -> Settlement {
        Settlement::Ack
    }

    fn returned() -> Settlement {
        Settlement::Return
    }

    fn operation(settlement: &Settlement) -> Option<&'static str> {
        Some(match settlement {
            Settlement::Ack => "ack",
            Settlement::Return => "return",
            Settlement::Reject => "reject",
            Settlement::Alive => "alive",
            Settlement::AckAll => "ack all",
        })
    }

    fn single(settlement: &Settlement) -> Option<Settlement> {
        (*settlement == Settlement::AckAll).then_some(Settlement::Ack)
    }

    fn order(&self) -> u64 {
        self.number
    }

    fn is_final(settlement: &Settlement) -> bool {
        *settlement != Settlement::Alive
    }

    fn settle(&self, settlement: &Settlement) -> SettleFuture<String> {
        let (broker, settlement) = (self.clone(), *settlement);
        Box::pin(async move {
            for _ in 0..broker.turns {
                turn().await;
            }
            if broker.refuses {
                return Err("the channel is closed".to_owned());
            }
            let mut asked = broker.asked.lock().expect("not poisoned");
            asked.push((broker.number, settlement));
            Ok(())
        })
    }
}

pub(crate) fn named<'a>(ended: &'a [SpanData], name: &str) -> &'a SpanData {
    let mut found = ended.iter().filter(|span| span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("{name}: {ended:?}"));
    assert!(found.next().is_none(), "{name} twice: {ended:?}");
    span
}

#[test]
fn a_message_that_was_handled_is_acknowledged_inside_its_span() {
    let (spans, meter, broker) = (spans(), meter(), Broker::default());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let consumer = by.consumer(ConsumerInfo::new().with_group("billing"));
    let delivery = delivery(&broker);
    let settled = consumer.with_settlement(&delivery, async |_| Ok::<_, String>(7));
    assert_eq!(settled.now_or_never(), Some(Ok(Ok(7))));
    assert_eq!(broker.asked(), [Settlement::Ack]);

    let ended = spans.ended();
    let (ack, process) = (&ended[0], &ended[1]);
    assert_eq!(ack.name, "ack orders");
    assert_eq!(ack.span_kind, SpanKind::Client);
    assert_eq!(ack.status, Status::Unset);
    assert_eq!(process.name, "process orders");
    assert_eq!(ack.parent_span_id, process.span_context.span_id());
    assert!(process.start_time <= ack.start_time && ack.end_time <= process.end_time);
    for (key, value) in [
        ("messaging.operation.type", "settle"),
        ("messaging.operation.name", "ack"),
        ("messaging.destination.name", "orders"),
        ("messaging.consumer.group.name", "billing"),
        ("messaging.system.name", "test"),
    ] {
        assert_eq!(attribute(ack, key), Some(value.into()));
    }
    // A settlement has its duration, and is neither sent nor consumed.
    let duration = meter.only(semconv::MESSAGING_CLIENT_OPERATION_DURATION);
    assert_eq!(duration.count, 1);
    assert_eq!(
        meter
            .only(semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES)
            .count,
        1
    );
    assert!(
        meter
            .series(semconv::MESSAGING_CLIENT_SENT_MESSAGES)
            .is_empty()
    );
}

#[test]
fn a_message_whose_handler_fails_is_settled_as_was_chosen() {
    let fail = async |_: &Delivery| Err::<u8, _>("no such order");
    for (chosen, name) in [
        (Settlement::Return, "return orders"),
        (Settlement::Reject, "reject orders"),
        (Settlement::Ack, "ack orders"),
    ] {
        let (spans, broker) = (spans(), Broker::default());
        let (by, delivery) = (&spans.instrumentation, delivery(&broker));
        let settled = by.with_settlement(&delivery, fail).or(chosen);
        assert_eq!(settled.now_or_never(), Some(Ok(Err("no such order"))));
        assert_eq!(broker.asked(), [chosen]);
        let ended = spans.ended();
        let process = named(&ended, "process orders");
        assert_eq!(process.status, Status::error("no such order"));
        assert_eq!(named(&ended, name).status, Status::Unset);
    }
    let (spans, broker) = (spans(), Broker::default());
    let (by, delivery) = (&spans.instrumentation, delivery(&broker));
    let settled = by.with_settlement(&delivery, fail);
    assert!(settled.now_or_never().is_some());
    let by_error = by
        .with_settlement(&delivery, fail)
        .or_else(|error| match *error {
            "no such order" => Settlement::Reject,
            _ => Settlement::Return,
        });
    assert!(by_error.now_or_never().is_some());
    assert_eq!(broker.asked(), [Settlement::Return, Settlement::Reject]);
}

#[test]
fn the_hook_decides_by_its_result() {
    for (reacted, expected) in [
        (Ok(8), Settlement::Ack),
        (Err("the letter was refused"), Settlement::Return),
    ] {
        let (spans, broker) = (spans(), Broker::default());
        let (by, delivery) = (&spans.instrumentation, delivery(&broker));
        let settled = by
            .with_settlement(&delivery, async |_| Err(404))
            .on_error(async |_: i32| reacted);
        assert_eq!(settled.now_or_never(), Some(Ok(reacted)));
        assert_eq!(broker.asked(), [expected]);
    }
    let (spans, broker) = (spans(), Broker::default());
    let (by, delivery) = (&spans.instrumentation, delivery(&broker));
    let settled = by
        .with_settlement(&delivery, async |_| Err::<(), _>(404))
        .on_error(async |error: i32| Err(error))
        .or(Settlement::Reject);
    assert_eq!(settled.now_or_never(), Some(Ok(Err(404))));
    assert_eq!(broker.asked(), [Settlement::Reject]);
}

#[test]
fn a_settlement_that_fails_is_the_callers() {
    let spans = spans();
    let broker = Broker {
        refuses: true,
        ..Broker::default()
    };
    let (by, delivery) = (&spans.instrumentation, delivery(&broker));
    let settled = by.with_settlement(&delivery, async |_| Ok::<_, String>(7));
    let error = "the channel is closed".to_owned();
    assert_eq!(settled.now_or_never(), Some(Err(error.clone())));
    let ended = spans.ended();
    let ack = named(&ended, "ack orders");
    assert_eq!(ack.status, Status::error(error));
    let error_type = attribute(ack, "error.type");
    assert_eq!(error_type, Some("alloc::string::String".into()));
    // The handler did not fail, and nothing is tried again.
    assert_eq!(named(&ended, "process orders").status, Status::Unset);
    assert_eq!(ended.len(), 2);
}

#[test]
fn a_panic_gives_the_message_back_inside_its_span() {
    let panicking = |place: usize| {
        let (spans, broker) = (spans(), Broker::default());
        let (by, delivery) = (&spans.instrumentation, delivery(&broker));
        let handler = |_: &Delivery| {
            assert_ne!(place, 0, "in the handler's call");
            async move {
                assert_ne!(place, 1, "in the handler's future");
                Err::<(), _>(404)
            }
        };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let settled = by.with_settlement(&delivery, handler).or_else(|_| {
                assert_ne!(place, 2, "in the choice");
                Settlement::Reject
            });
            settled.now_or_never()
        }));
        assert!(caught.is_err());
        assert_eq!(broker.asked(), [Settlement::Return]);
        let ended = spans.ended();
        assert_eq!(ended[0].name, "return orders");
        assert_eq!(ended[1].name, "process orders");
        assert!(matches!(ended[1].status, Status::Error { .. }));
        assert_eq!(ended.len(), 2);
    };
    (0..3).for_each(panicking);
}

/// Drops the future of a delivery after so many polls. The broker has been asked as expected, once.
fn dropped_after(polls: usize, turns: usize) {
    let spans = spans();
    let broker = Broker {
        turns,
        ..Broker::default()
    };
    let (by, delivery) = (&spans.instrumentation, delivery(&broker));
    let mut future = Box::pin(by.with_settlement(&delivery, async |_| {
        turn().await;
        Ok::<_, String>(7)
    }));
    let is_ready = (0..polls).any(|_| poll(future.as_mut()).is_ready());
    let is_handled = polls > 1;
    drop(future);
    // A broker that takes a settlement at once has been asked; one that has to be waited for cannot be
    // asked when the future is dropped, and delivers the message again by itself.
    let expected: &[_] = match (is_ready, is_handled, turns) {
        (true, ..) => &[Settlement::Ack],
        (false, true, 0) => &[Settlement::Ack],
        (false, false, 0) => &[Settlement::Return],
        (false, ..) => &[],
    };
    assert_eq!(broker.asked(), expected, "after {polls} polls");
    let ended = spans.ended();
    let process = ended.last().expect("a span");
    assert_eq!(process.name, "process orders");
    assert!(ended.iter().all(|span| span.end_time <= process.end_time));
}

#[test]
fn a_future_that_is_dropped_anywhere_gives_its_message_back_once() {
    for turns in 0..3 {
        for polls in 0..4 + turns {
            dropped_after(polls, turns);
        }
    }
}

#[test]
fn a_settlement_that_was_dropped_is_tried_once_more() {
    /// Takes a settlement at its second try alone.
    #[derive(Clone, Default)]
    struct Busy {
        tried: Arc<Mutex<Vec<Settlement>>>,
    }
    impl Describe<TextMap> for Busy {
        type Client = TestClient;
        fn destination(&self) -> Destination<'_> {
            Destination::named("orders")
        }
    }
    impl Settle<TextMap> for Busy {
        type Settlement = Settlement;
        type Error = String;
        fn handled() -> Settlement {
            Settlement::Ack
        }
        fn returned() -> Settlement {
            Settlement::Return
        }
        fn operation(_: &Settlement) -> Option<&'static str> {
            Some("settle")
        }
        fn unawaited(settlement: Settlement) -> Settlement {
            match settlement {
                Settlement::Reject => Settlement::Return,
                other => other,
            }
        }
        fn settle(&self, settlement: &Settlement) -> SettleFuture<String> {
            let mut tried = self.tried.lock().expect("not poisoned");
            tried.push(*settlement);
            match tried.len() {
                1 => Box::pin(std::future::pending()),
                _ => Box::pin(std::future::ready(Ok(()))),
            }
        }
    }
    let (spans, busy) = (spans(), Busy::default());
    let consumer = spans.instrumentation.consumer(ConsumerInfo::new());
    let message = message();
    let handler = async |_: &Message| Ok::<_, String>(());
    let mut future = Box::pin(consumer.with_settler(busy.clone(), &message, handler));
    assert!(poll(future.as_mut()).is_pending());
    drop(future);
    // Not back to the broker: it was handled.
    let tried = busy.tried.lock().expect("not poisoned").clone();
    assert_eq!(tried, [Settlement::Ack, Settlement::Ack]);

    // What is left of it where nobody waits.
    let busy = Busy::default();
    let guard = consumer.guard_of(busy.clone());
    let mut settled = Box::pin(guard.settle(Settlement::Reject));
    assert!(poll(settled.as_mut()).is_pending());
    drop(settled);
    drop(guard);
    let tried = busy.tried.lock().expect("not poisoned").clone();
    assert_eq!(tried, [Settlement::Reject, Settlement::Return]);
}

#[test]
fn what_is_settled_by_hand_stays_so() {
    for result in [Ok(7), Err("late")] {
        let (spans, broker) = (spans(), Broker::default());
        let (by, delivery) = (&spans.instrumentation, delivery(&broker));
        let guard = by.guard(&delivery);
        let handled = by.try_with_message_context(&delivery, |_| {
            let guard = guard.clone();
            async move {
                guard.settle(Settlement::Alive).await.expect("told");
                assert!(!guard.is_settled());
                guard.ack().await.expect("acknowledged");
                assert!(guard.is_settled());
                guard.ack().await.expect("nothing to do");
                result
            }
        });
        assert_eq!(handled.now_or_never(), Some(result));
        drop(guard);
        assert_eq!(broker.asked(), [Settlement::Alive, Settlement::Ack]);
        let ended = spans.ended();
        let process = named(&ended, "process orders").span_context.span_id();
        for name in ["alive orders", "ack orders"] {
            assert_eq!(named(&ended, name).parent_span_id, process);
        }
    }
}

#[test]
fn the_last_clone_of_a_guard_gives_the_message_back() {
    let broker = Broker::default();
    let first = guard(&delivery(&broker));
    let clones: Vec<_> = (0..8).map(|_| first.clone()).collect();
    drop(first);
    let threads = clones
        .into_iter()
        .map(|clone| std::thread::spawn(|| drop(clone)));
    for thread in threads.collect::<Vec<_>>() {
        thread.join().expect("no panic");
    }
    assert_eq!(broker.asked(), [Settlement::Return]);
}

/// Futures of every kind may move to another thread, also if their errors have a lifetime.
#[test]
fn settlements_are_send() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let (by, broker) = (Instrumentation::disabled(), Broker::default());
    let delivery = delivery(&broker);
    let fail = async |_: &Delivery| Err::<u8, &'static str>("no such order");
    let settled = is_send(async {
        let first = by.with_settlement(&delivery, fail).await;
        let second = by
            .with_settlement(&delivery, fail)
            .or(Settlement::Reject)
            .await;
        let third = by.with_settlement(&delivery, fail);
        let third = third.on_error(async |error| Err::<u8, &'static str>(error));
        [first, second, third.await]
    });
    let all = settled.now_or_never().expect("nothing waits");
    assert_eq!(all, [const { Ok(Err("no such order")) }; 3]);
}

#[test]
fn a_sign_of_life_is_no_outcome() {
    let (spans, broker) = (spans(), Broker::default());
    let (by, delivery) = (&spans.instrumentation, delivery(&broker));
    let handled = by.with_settlement(&delivery, async |_| Ok::<_, String>(7));
    let handled = handled.and(Settlement::Alive).now_or_never();
    assert_eq!(handled, Some(Ok(Ok(7))));
    let failed = by.with_settlement(&delivery, async |_| Err::<(), _>(404));
    let failed = failed.or(Settlement::Alive).now_or_never();
    assert_eq!(failed, Some(Ok(Err(404))));
    assert_eq!(broker.asked(), [Settlement::Ack, Settlement::Return]);
}

#[test]
fn the_handler_has_the_guard_that_settles_it() {
    let (spans, broker) = (spans(), Broker::default());
    let (by, delivery) = (&spans.instrumentation, delivery(&broker));
    let guard = by.guard(&delivery);
    let handled = guard.with_settlement(&delivery, async |_| {
        guard.settle(Settlement::Alive).await.expect("told");
        guard.settle(Settlement::Reject).await.expect("rejected");
        Ok::<_, String>(7)
    });
    assert_eq!(handled.now_or_never(), Some(Ok(Ok(7))));
    drop(guard);
    assert_eq!(broker.asked(), [Settlement::Alive, Settlement::Reject]);
    assert_eq!(spans.ended().len(), 3);
}

#[test]
fn messages_are_settled_without_telemetry_too() {
    let broker = Broker::default();
    let disabled = Instrumentation::disabled();
    let delivery = delivery(&broker);
    let settled = disabled.with_settlement(&delivery, async |_| Ok::<_, String>(7));
    assert_eq!(settled.now_or_never(), Some(Ok(Ok(7))));
    drop(disabled.with_settlement(&delivery, async |_| Ok::<_, String>(7)));
    let expected = [Settlement::Ack, Settlement::Return];
    assert_eq!(broker.asked(), expected);
}

/// What an application does with a guard.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Settles, and drops the future after so many polls.
    Settle(Settlement, usize),
    Clone,
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    let settlement = prop_oneof![
        Just(Settlement::Ack),
        Just(Settlement::Return),
        Just(Settlement::Reject),
        Just(Settlement::Alive),
    ];
    prop_oneof![
        4 => (settlement, 0..5usize).prop_map(|(it, polls)| Step::Settle(it, polls)),
        1 => Just(Step::Clone),
        2 => Just(Step::Drop),
    ]
}

proptest! {
    /// Whatever is done with a guard, and wherever it is cancelled: the broker is asked once to settle,
    /// by the first settlement that it took.
    #[test]
    fn a_delivery_is_settled_once(steps in prop::collection::vec(step(), 0..12), turns in 0..4usize) {
        let broker = Broker { turns, ..Broker::default() };
        let mut guards = vec![guard(&delivery(&broker))];
        let (mut expected, mut wanted) = (Vec::new(), None);
        for step in steps {
            let Some(guard) = guards.last() else { break };
            match step {
                Step::Settle(settlement, polls) => {
                    let is_settled = guard.is_settled();
                    let mut settled = Box::pin(guard.settle(settlement));
                    let is_done = (0..polls).any(|_| matches!(poll(settled.as_mut()), Poll::Ready(Ok(()))));
                    prop_assert_eq!(is_done, polls > if is_settled { 0 } else { turns });
                    let is_final = settlement != Settlement::Alive;
                    if is_done && !is_settled {
                        expected.push(settlement);
                    } else if is_final && !is_settled && polls > 0 {
                        wanted = Some(settlement);
                    }
                    drop(settled);
                    prop_assert_eq!(guard.is_settled(), is_settled || (is_done && is_final));
                }
                Step::Clone => guards.push(guard.clone()),
                Step::Drop => drop(guards.pop()),
            }
        }
        let is_settled = guards.last().map_or_else(
            || expected.iter().any(|it| *it != Settlement::Alive),
            otel_messaging::consumer::Guard::is_settled,
        );
        drop(guards);
        if !is_settled && turns == 0 {
            expected.push(wanted.unwrap_or(Settlement::Return));
        }
        prop_assert_eq!(broker.asked(), expected);
    }
}
