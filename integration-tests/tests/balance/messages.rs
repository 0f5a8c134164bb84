//! Ten thousand messages, each with a fate that its number decides.

use crate::brokers::Redelivers;
use crate::ledger::{Counts, Ledger};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use integration_tests::client::in_time;
use otel_messaging::Instrumentation;
use otel_messaging::consumer::{Consumer, ConsumerInfo};
use std::collections::HashSet;
use std::future::pending;
use std::{fmt, io};

const MESSAGES: usize = 10_000;
const AT_ONCE: usize = 100;

/// What becomes of a message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// The future is dropped before its first poll: nothing is asked of the client.
    NeverPolled,
    /// The future is dropped before the answer. The message may arrive.
    DroppedBeforeTheAnswer,
    Failing,
    /// Without the adapter, and with a malformed context.
    Malformed,
    /// Without the adapter, and without a context.
    Plain,
    Well,
}

impl Sending {
    fn of(number: usize) -> Self {
        match number % 10 {
            0 => Self::NeverPolled,
            1 => Self::DroppedBeforeTheAnswer,
            2 => Self::Failing,
            3 => Self::Malformed,
            4 => Self::Plain,
            _ => Self::Well,
        }
    }

    fn arrives(self) -> bool {
        matches!(self, Self::Malformed | Self::Plain | Self::Well)
    }
}

/// An error of the handlers' own.
#[derive(Debug)]
struct NoSuchCard;

impl fmt::Display for NoSuchCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such card")
    }
}

/// What the test has done itself.
#[derive(Debug, Default)]
struct Done {
    never_polled: u64,
    failed: u64,
    /// Dropped before the answer, or awaited with success.
    polled: u64,
    /// Deliveries that were handled, by the outcome of the propagation.
    handled: Counts,
    /// How the handlings ended, by `error.type`.
    ended: Counts,
    received: u64,
    again: u64,
    cancelled: u64,
}

/// Counters are equal to the spans, and both to what was done.
pub(crate) async fn ten_thousand_messages_balance<C: Redelivers>() {
    let (mut client, ledger) = (C::connect().await, Ledger::new());
    let mut done = Done::default();
    // Half of the messages is counted by the polls, half by the handlings.
    let receiving = ledger.instrumentation.consumer(ConsumerInfo::new());
    let handling = ledger.instrumentation.consumer(ConsumerInfo::new());
    let mut settled = HashSet::new();
    for wave in 0..MESSAGES / AT_ONCE {
        let numbers: Vec<_> = (wave * AT_ONCE..(wave + 1) * AT_ONCE).collect();
        send_all(&client, &ledger.instrumentation, &numbers, &mut done).await;
        let arriving = numbers
            .iter()
            .filter(|number| Sending::of(**number).arrives());
        let mut missing: HashSet<_> = arriving.copied().collect();
        while !missing.is_empty() {
            let is_received = wave % 2 == 0;
            let message = if is_received {
                done.received += 1;
                receiving.receive(client.receive()).await
            } else {
                client.receive().await
            };
            let by = if is_received { &receiving } else { &handling };
            let number = number::<C>(&message);
            let is_again = is_again::<C>(number) && settled.insert(number);
            handle::<C>(by, &message, number, is_again, &mut done).await;
            client.settle(&message, is_again).await;
            if !is_again {
                missing.remove(&number);
            }
        }
    }
    drop(client);
    assert_sent::<C>(&ledger, &done).await;
    assert_handled(&ledger, &done).await;
}

fn is_again<C: Redelivers>(number: usize) -> bool {
    number.is_multiple_of(7 * C::ONE_AGAIN_OF)
}

fn number<C: Redelivers>(message: &C::Message) -> usize {
    let headers = C::headers(message);
    let number = headers.iter().find(|(name, _)| name == "n");
    let (_, number) = number.expect("its number");
    number.parse().expect("a number")
}

async fn send_all<C: Redelivers>(
    client: &C,
    by: &Instrumentation,
    numbers: &[usize],
    done: &mut Done,
) {
    // One after the other, and before the others: if several are under way, lapin may hand out a message
    // that came back with the confirm of another one.
    for _ in numbers
        .iter()
        .filter(|number| Sending::of(**number) == Sending::Failing)
    {
        let failed = in_time("a failure", client.fail(by)).await;
        failed.expect_err("nobody takes it");
        done.failed += 1;
    }
    for number in numbers {
        let text = number.to_string();
        match Sending::of(*number) {
            Sending::NeverPolled => {
                client.send_and_drop(by);
                done.never_polled += 1;
            }
            Sending::DroppedBeforeTheAnswer => {
                let _: Option<_> = client.send(Some(by), &[("n", &text)]).now_or_never();
                done.polled += 1;
            }
            Sending::Well => done.polled += 1,
            Sending::Failing | Sending::Malformed | Sending::Plain => {}
        }
    }
    let sends = numbers.iter().map(async |number| {
        let text = number.to_string();
        match Sending::of(*number) {
            Sending::Well => {
                let sent = client.send(Some(by), &[("n", &text)]).await;
                sent.expect("the broker takes it");
            }
            Sending::Malformed => {
                let headers = [("n", &*text), ("traceparent", "00-order")];
                client.send_plain(&headers).await;
            }
            Sending::Plain => client.send_plain(&[("n", &text)]).await,
            Sending::NeverPolled | Sending::DroppedBeforeTheAnswer | Sending::Failing => {}
        }
    });
    in_time("a hundred sends", join_all(sends)).await;
}

/// Handles a delivery: well, with one of two errors, or until it is cancelled.
async fn handle<C: Redelivers>(
    by: &Consumer,
    message: &C::Message,
    number: usize,
    is_again: bool,
    done: &mut Done,
) {
    let outcome = match Sending::of(number) {
        Sending::Malformed => "malformed",
        Sending::Plain => "no_context",
        _ => "extracted",
    };
    *done.handled.entry(outcome.to_owned()).or_default() += 1;
    done.again += u64::from(is_again);
    let mut error_type = "";
    match number % 7 {
        0 if is_again => {
            let handled = by.try_with_message_context(message, async |_| {
                Err::<(), _>(io::Error::other("not now"))
            });
            handled.await.expect_err("not now");
            error_type = "std::io::error::Error";
        }
        1 => {
            let handled = by.with_message_context(message, |_| pending::<()>());
            assert!(handled.now_or_never().is_none());
            done.cancelled += 1;
        }
        2 => {
            let handled = by.try_with_message_context(message, async |_| Err::<(), _>(NoSuchCard));
            handled.await.expect_err("no such card");
            error_type = std::any::type_name::<NoSuchCard>();
        }
        _ => by.with_message_context(message, async |_| {}).await,
    }
    *done.ended.entry(error_type.to_owned()).or_default() += 1;
}

/// A metric of an operation, by its `error.type`.
fn by_error(ledger: &Ledger, name: &str, operation: &str) -> Counts {
    ledger.metric(name, operation, "error.type")
}

async fn assert_sent<C: Redelivers>(ledger: &Ledger, done: &Done) {
    let spans = ledger.spans("send").await;
    let mut expected = spans.by_error.clone();
    // What the client was never asked to send has a span, and no metric.
    *expected.entry(String::new()).or_default() -= done.never_polled;
    let sent = by_error(ledger, "messaging.client.sent.messages", C::OPERATION);
    assert_eq!(sent, expected, "sent messages and their spans");
    let took = by_error(ledger, "messaging.client.operation.duration", C::OPERATION);
    assert_eq!(took, expected, "durations of sends and their spans");
    let failed = spans.all() - spans.by_error[""];
    assert_eq!(failed, done.failed, "failed sends");
    let others = done.polled + done.never_polled;
    assert_eq!(spans.by_error[""], others, "other sends");
    assert_eq!(done.never_polled, MESSAGES as u64 / 10);
}

async fn assert_handled(ledger: &Ledger, done: &Done) {
    let spans = ledger.spans("process").await;
    assert_eq!(spans.by_error, done.ended, "spans and handlings");
    let took = by_error(ledger, "messaging.process.duration", "process");
    assert_eq!(
        took, spans.by_error,
        "durations of handlings and their spans"
    );

    let of_polls = ledger.spans("receive").await;
    assert_eq!(of_polls.all(), done.received, "polls and their spans");
    let name = "messaging.client.operation.duration";
    let polls: u64 = ["receive", "poll"]
        .iter()
        .map(|operation| by_error(ledger, name, operation).values().sum::<u64>())
        .sum();
    assert_eq!(polls, done.received, "durations of polls");
    let consumed = |operation| -> u64 {
        let name = "messaging.client.consumed.messages";
        by_error(ledger, name, operation).values().sum()
    };
    assert_eq!(consumed("receive") + consumed("poll"), done.received);
    assert_eq!(
        consumed("process"),
        spans.all() - done.received,
        "consumed messages"
    );

    let name = "otel_messaging.propagation.messages";
    let by = "otel_messaging.propagation.outcome";
    let outcomes = ledger.metric(name, "process", by);
    assert_eq!(outcomes, done.handled, "outcomes of propagation");
    assert_eq!(outcomes["extracted"], spans.linked, "outcomes and links");
    assert!(done.again > 0 && done.cancelled > 0, "{done:?}");
    let arrived = MESSAGES as u64 / 10 * 7;
    assert!(spans.all() >= arrived + done.again, "{done:?}");
}
