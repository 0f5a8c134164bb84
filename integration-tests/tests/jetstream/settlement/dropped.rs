//! Handlers that panic or are dropped, at any time.

use super::orders::{Orders, reply};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use async_nats::{Client, ConnectOptions};
use futures_util::FutureExt;
use futures_util::future::poll_immediate;
use integration_tests::client::{address, in_time, unique};
use integration_tests::nats::connect;
use integration_tests::spans::{assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging_async_nats::Settlement;
use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{consume_budget, yield_now};

const BRIEF: Duration = Duration::from_secs(1);

/// A client that takes one command, and then none until its task has had a turn.
async fn narrow_client() -> Client {
    let options = ConnectOptions::new().client_capacity(1);
    let connected = options.connect(address("NATS_URL")).await;
    connected.expect("connected")
}

/// Fills the client, before its task has a turn. Gives how many messages it has to send.
fn fill(client: &Client) -> u64 {
    let mut filled = client.statistics().out_messages.load(Ordering::SeqCst);
    while client
        .publish(unique("nobody"), "".into())
        .now_or_never()
        .is_some()
    {
        filled += 1;
    }
    filled
}

#[apply(broker_test)]
async fn a_panic_gives_the_message_back() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let settled = orders.billing.with_settlement(&message, async |_| {
        yield_now().await;
        resume_unwind(Box::new("no such card"));
        #[expect(unreachable_code, reason = "the type of the result")]
        Ok::<_, String>(())
    });
    let caught = AssertUnwindSafe(settled).catch_unwind().await;
    caught.expect_err("the panic is the caller's");
    orders.assert_settlement(&reply(&message), &["-NAK"]).await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    orders.assert_next("0", 2).await;
}

/// Dropped after each number of polls: the message is acknowledged, or comes again at once.
#[apply(broker_test)]
async fn a_handler_is_dropped_at_every_await() {
    const TURNS: usize = 5;
    for polls in 0..TURNS + 3 {
        let mut orders = Orders::new(1).await;
        let message = orders.assert_next("0", 1).await;
        let mut settled = Box::pin(orders.billing.with_settlement(&message, async |_| {
            for _ in 0..TURNS {
                yield_now().await;
            }
            Ok::<_, String>(())
        }));
        let mut is_done = false;
        for _ in 0..polls {
            if let Some(result) = poll_immediate(settled.as_mut()).await {
                result.expect("settled").expect("handled");
                is_done = true;
                break;
            }
        }
        drop(settled);
        assert_eq!(is_done, polls > TURNS);
        let (sent, name) = if is_done {
            ("", "ack")
        } else {
            ("-NAK", "nak")
        };
        orders.assert_settlement(&reply(&message), &[sent]).await;
        assert_unfailed(&orders.assert_settle_span(name));
        if is_done {
            orders.all_settled(1).await;
        } else {
            orders.assert_next("0", 2).await;
        }
        orders.spans.counts.all_ended().await;
    }
}

/// The same with confirmations: the message is acknowledged as soon as its handler is done.
#[apply(broker_test)]
async fn a_confirmation_is_dropped_at_every_await() {
    for polls in 0..8 {
        let mut orders = Orders::new(1).await;
        let message = orders.assert_next("0", 1).await;
        let settled = orders.billing.with_settlement(&message, async |_| {
            yield_now().await;
            Err::<(), _>("no such card")
        });
        let mut settled = Box::pin(settled.or(Settlement::DoubleAck));
        for _ in 0..polls {
            if poll_immediate(settled.as_mut()).await.is_some() {
                break;
            }
        }
        // Nothing waits for a confirmation any longer, and no runtime is needed for that.
        let dropped = std::thread::scope(|scope| scope.spawn(|| drop(settled)).join());
        dropped.expect("no panic");
        if polls < 2 {
            orders.assert_settlement(&reply(&message), &["-NAK"]).await;
            orders.assert_next("0", 2).await;
        } else {
            orders.all_settled(1).await;
            let mut sent = orders.settlements().await;
            let sent = sent.remove(&reply(&message)).expect("settlements");
            assert!(sent == ["+ACK"] || sent == ["+ACK", ""], "{sent:?}");
        }
        orders.spans.counts.all_ended().await;
    }
}

#[apply(broker_test)]
async fn a_selection_gives_the_message_back() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let started = Notify::new();
    let settled = orders.billing.with_settlement(&message, async |_| {
        started.notify_one();
        pending::<Result<(), String>>().await
    });
    tokio::select! {
        _ = settled => panic!("it is not done"),
        () = started.notified() => {}
    }
    orders.assert_settlement(&reply(&message), &["-NAK"]).await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    orders.assert_next("0", 2).await;
}

/// A task that handles a message until it is stopped.
async fn handle_for_ever(
    billing: otel_messaging_async_nats::consumer::Consumer,
    message: Message,
    started: Arc<Notify>,
) {
    let settled = billing.with_settlement(&message, async |_| {
        started.notify_one();
        pending::<Result<(), String>>().await
    });
    let _ = settled.await;
}

#[apply(broker_test)]
async fn an_abort_gives_the_message_back() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let (reply, started) = (reply(&message), Arc::new(Notify::new()));
    let handling = handle_for_ever(orders.billing.clone(), message, started.clone());
    let handling = tokio::spawn(handling);
    in_time("the handler", started.notified()).await;
    handling.abort();
    assert!(handling.await.is_err());
    orders.assert_settlement(&reply, &["-NAK"]).await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    orders.assert_next("0", 2).await;
}

/// The runtime of the handlers ends, and the client's goes on.
#[apply(broker_test)]
async fn a_shutdown_gives_the_message_back() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let (reply, started) = (reply(&message), Arc::new(Notify::new()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.spawn(handle_for_ever(
        orders.billing.clone(),
        message,
        started.clone(),
    ));
    in_time("the handler", started.notified()).await;
    runtime.shutdown_background();
    orders.assert_next("0", 2).await;
    orders.assert_settlement(&reply, &["-NAK"]).await;
    assert_unfailed(&orders.assert_settle_span("nak"));
}

/// The client ends with the runtime, maybe before it has sent the settlement: the message comes again all
/// the same.
#[apply(broker_test)]
async fn a_shutdown_of_everything_loses_no_message() {
    let mut orders = Orders::waiting(BRIEF, 1).await;
    let (started, billing) = (Arc::new(Notify::new()), orders.billing.clone());
    let mut message = orders.assert_next("0", 1).await;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let notify = started.clone();
    runtime.spawn(async move {
        message.context = async_nats::jetstream::new(connect().await);
        handle_for_ever(billing, message, notify).await;
    });
    in_time("the handler", started.notified()).await;
    runtime.shutdown_background();
    orders.assert_next("0", 2).await;
    orders.spans.counts.all_ended().await;
}

/// A task that has used up its turn still gives its message back.
#[apply(broker_test)]
async fn a_busy_task_gives_the_message_back() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let (reply, billing) = (reply(&message), orders.billing.clone());
    let busy = tokio::spawn(async move {
        let settled = billing.with_settlement(&message, async |_| Ok::<_, String>(()));
        while consume_budget().now_or_never().is_some() {}
        drop(settled);
    });
    in_time("the task", busy).await.expect("no panic");
    orders.assert_settlement(&reply, &["-NAK"]).await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    orders.assert_next("0", 2).await;
}

/// A client that has no room: the span says so, and the message comes again when the consumer has waited.
#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_full_client_leaves_the_message_to_its_stream() {
    let config = pull::Config {
        ack_wait: BRIEF,
        ..pull::Config::default()
    };
    let mut orders = Orders::with_client(connect().await, 1, config).await;
    let mut message = orders.assert_next("0", 1).await;
    let client = narrow_client().await;
    message.context = async_nats::jetstream::new(client.clone());
    fill(&client);
    drop(
        orders
            .billing
            .with_settlement(&message, async |_| Ok::<_, String>(())),
    );
    let nak = orders.assert_settle_span("nak");
    assert_eq!(attribute(&nak, "error.type"), Some("not_sent".into()));
    assert!(matches!(nak.status, Status::Error { .. }));
    orders.assert_next("0", 2).await;
    orders.assert_settlement("", &[]).await;
}

/// A settlement that waits for room, and is dropped: it is asked for once more, as it was to be.
#[tokio::test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_dropped_settlement_is_sent_if_there_is_room() {
    let mut orders = Orders::new(1).await;
    let mut message = orders.assert_next("0", 1).await;
    let client = narrow_client().await;
    message.context = async_nats::jetstream::new(client.clone());
    let filled = fill(&client);
    let settled = orders
        .billing
        .with_settlement(&message, async |_| Ok::<_, String>(()));
    let mut settled = Box::pin(settled);
    assert!(poll_immediate(settled.as_mut()).await.is_none());
    let statistics = client.statistics();
    let sent = async {
        while statistics.out_messages.load(Ordering::SeqCst) < filled {
            yield_now().await;
        }
    };
    in_time("room in the client", sent).await;
    drop(settled);
    orders.all_settled(1).await;
    orders.assert_settlement(&reply(&message), &[""]).await;
}
