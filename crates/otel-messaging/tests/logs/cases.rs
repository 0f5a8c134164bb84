//! Operations that fail, and the events that come of them.

use crate::message::{Message, NOWHERE, Sent, TestClient, message};
use crate::settled::refused_delivery;
use futures_util::FutureExt;
use otel_messaging::adapter::{Destination, Outcome, Outgoing, Sender};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Failure, Instrumentation};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What an event says: its name, its severity, the type and the text of the exception, the operation and the
/// destination.
pub(crate) type Said = [&'static str; 6];

/// The name of an operation; what is done; and the events that come of it.
pub(crate) type Case = (&'static str, fn(&Instrumentation), &'static [Said]);

pub(crate) const ORDERS: Sent = Sent(Destination::named("orders"));

const PROCESS: Said = [
    "messaging.process.exception",
    "ERROR",
    "&str",
    "no such article",
    "process",
    "orders",
];

const SEND: Said = [
    "messaging.send.exception",
    "WARN",
    "NO_ROUTE",
    "no such queue",
    "publish",
    "orders",
];

pub(crate) const CASES: [Case; 14] = [
    (
        "a handler that fails",
        |by| {
            let message = message();
            let handling = by.try_with_message_context(&message, failing);
            assert_eq!(handling.now_or_never(), Some(Err("no such article")));
        },
        &[PROCESS],
    ),
    (
        "a handler of which the application names the failure",
        |by| {
            let message = message();
            let failure_of = |error: &&str| Some(Failure::new("article", error));
            let handling = by.try_with_message_context_with(&message, failing, failure_of);
            assert!(handling.now_or_never().is_some());
        },
        &[[
            PROCESS[0], PROCESS[1], "article", PROCESS[3], PROCESS[4], PROCESS[5],
        ]],
    ),
    (
        "an error that was expected",
        |by| {
            let message = message();
            let handling = by.try_with_message_context_with(&message, failing, |_| None);
            assert!(handling.now_or_never().is_some());
        },
        &[],
    ),
    (
        "a handler that does not fail",
        |by| {
            let message = message();
            let handling = by.try_with_message_context(&message, async |_| Ok::<_, String>(7));
            assert_eq!(handling.now_or_never(), Some(Ok(7)));
        },
        &[],
    ),
    (
        "a handler that panics",
        |by| {
            let message = message();
            let handling = by.with_message_context(&message, async |_| panic!("in the handler"));
            let handled: Result<Option<()>, _> =
                catch_unwind(AssertUnwindSafe(|| handling.now_or_never()));
            assert!(handled.is_err());
        },
        &[[
            PROCESS[0],
            PROCESS[1],
            "panic",
            "the handler panicked",
            PROCESS[4],
            PROCESS[5],
        ]],
    ),
    (
        "a synchronous handler that fails twice",
        |by| {
            let entered = by.process(&message()).enter();
            entered.fail("&str", "no such\narticle");
            entered.fail("other", "and no other");
        },
        &[PROCESS],
    ),
    (
        "a hook that fails too",
        |by| {
            let message = message();
            let handling = by.try_with_message_context(&message, failing);
            let handling = handling.on_error(async |_| Err::<u8, _>("not put aside"));
            assert_eq!(handling.now_or_never(), Some(Err("not put aside")));
        },
        &[PROCESS],
    ),
    (
        "a message that is not sent",
        |by| refuse(by.outgoing("publish", &ORDERS)),
        &[SEND],
    ),
    (
        "a message to nowhere that is not sent, and one that is",
        |by| {
            refuse(by.outgoing("publish", &NOWHERE));
            by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
        },
        &[[SEND[0], SEND[1], SEND[2], SEND[3], SEND[4], ""]],
    ),
    (
        "two messages of a batch that are not sent",
        |by| {
            let mut sender = Sender::default();
            sender.set_instrumentation(by.clone());
            let batch = sender.batch::<TestClient>("publish", &ProducerInfo::new());
            refuse(batch.outgoing("publish", &ORDERS));
            let sent = batch.outgoing("publish", &ORDERS);
            sent.finish(Outcome::accepted());
            refuse(batch.outgoing("publish", &ORDERS));
        },
        &[SEND, SEND],
    ),
    (
        "a poll that fails",
        |by| {
            let consumer = by.consumer(ConsumerInfo::new());
            let poll = async { Err::<Message, _>("the broker is gone".to_owned()) };
            assert!(consumer.receive(poll).now_or_never().is_some());
        },
        &[[
            "messaging.receive.exception",
            "WARN",
            "alloc::string::String",
            "the broker is gone",
            "receive",
            "",
        ]],
    ),
    (
        "a settlement that fails",
        |by| {
            let delivery = refused_delivery();
            let settled = by.with_settlement(&delivery, async |_| Ok::<_, String>(7));
            let refused = Err("the channel is closed".to_owned());
            assert_eq!(settled.now_or_never(), Some(refused));
        },
        &[[
            "messaging.settle.exception",
            "WARN",
            "alloc::string::String",
            "the channel is closed",
            "ack",
            "orders",
        ]],
    ),
    (
        "two messages of a batch, and with them the batch",
        |by| {
            let messages = [message(), message(), message()];
            let handling = by.try_with_batch_context(&messages, async |batch| {
                let mut last = Ok(0);
                for (number, message) in batch.into_iter().enumerate() {
                    let handled = match number {
                        0 => message.try_run(async |_| Ok(0)).await,
                        _ => message.try_run(failing).await,
                    };
                    last = last.and(handled);
                }
                last
            });
            assert_eq!(handling.now_or_never(), Some(Err("no such article")));
        },
        &[PROCESS, PROCESS],
    ),
    (
        "a batch as a whole",
        |by| {
            let messages = [message(), message()];
            let handling =
                by.try_with_batch_context(&messages, async |_| Err::<u8, _>("no such article"));
            assert!(handling.now_or_never().is_some());
        },
        &[PROCESS],
    ),
];

async fn failing(_: &Message) -> Result<u8, &'static str> {
    Err("no such article")
}

pub(crate) fn refuse(sending: Outgoing) {
    sending.finish(Outcome::failed("NO_ROUTE", &"no such\nqueue"));
}
