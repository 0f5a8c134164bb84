//! Messages that are settled by hand, in their handlers.

use super::orders::{Orders, reply};
use async_nats::jetstream::{AckKind, Message};
use integration_tests::client::in_time;
use integration_tests::spans::{assert_child, assert_unfailed};
use integration_tests::{apply, broker_test};
use otel_messaging_async_nats::Settlement;
use std::future::pending;
use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// Acknowledged before its handler is cancelled.
#[apply(broker_test)]
async fn an_early_acknowledgement_stays() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let guard = orders.billing.guard(&message);
    let handled = guard.with_settlement(&message, async |_| {
        guard.ack().await?;
        pending::<Result<(), async_nats::Error>>().await
    });
    tokio::select! {
        biased;
        _ = handled => panic!("it is not done"),
        () = orders.all_settled(1) => {}
    }
    assert!(guard.is_settled());
    guard.ack().await.expect("nothing to do");
    drop(guard);
    orders.assert_settlement(&reply(&message), &[""]).await;
    assert_unfailed(&orders.assert_settle_span("ack"));
}

/// The stream has confirmed it when the call returns.
#[apply(broker_test)]
async fn a_confirmed_acknowledgement_is_done() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let guard = orders.billing.guard(&message);
    let handled = orders
        .billing
        .try_with_message_context(&message, |_| guard.settle(Settlement::DoubleAck));
    in_time("the settlement", handled).await.expect("confirmed");
    let info = orders.consumer.info().await.expect("an answer");
    assert_eq!(info.num_ack_pending, 0);
    drop(guard);
    orders.assert_settlement(&reply(&message), &["+ACK"]).await;
    assert_unfailed(&orders.assert_settle_span("double_ack"));
}

/// A message that is worked on for longer than the consumer waits.
#[apply(broker_test)]
async fn a_sign_of_life_keeps_the_message() {
    const ACK_WAIT: Duration = Duration::from_secs(2);
    let mut orders = Orders::waiting(ACK_WAIT, 1).await;
    let message = orders.assert_next("0", 1).await;
    let guard = orders.billing.guard(&message);
    let start = Instant::now();
    let mut ticks = tokio::time::interval(ACK_WAIT / 10);
    let handled = guard.with_settlement(&message, async |_| {
        while start.elapsed() < ACK_WAIT * 2 {
            ticks.tick().await;
            guard.settle(Settlement::Progress).await?;
            assert!(!guard.is_settled());
        }
        Ok::<_, async_nats::Error>(())
    });
    let handled = in_time("the handler", handled).await.expect("settled");
    handled.expect("the signs are sent");
    // Its outcome has settled it.
    assert!(guard.is_settled());
    orders.all_settled(1).await;
    let info = orders.consumer.info().await.expect("an answer");
    assert_eq!(info.num_redelivered, 0);
    // Each delivery takes a number of the consumer.
    assert_eq!(info.delivered.consumer_sequence, 1);
    let mut sent = orders.settlements().await;
    let sent = sent.remove(&reply(&message)).expect("settlements");
    let (ack, signs) = sent.split_last().expect("an acknowledgement");
    assert_eq!(ack, "");
    assert!(signs.len() >= 3, "{signs:?}");
    assert!(signs.iter().all(|sign| sign == "+WPI"), "{signs:?}");
    assert_unfailed(&orders.assert_settle_span("ack"));
    let process = orders.spans.named(&format!("process {}", orders.subject));
    let name = format!("in_progress {}", orders.subject);
    let spans = orders.spans.all();
    let in_progress: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(in_progress.len(), signs.len());
    for span in in_progress {
        assert_child(span, &process.span_context);
    }
}

/// The guard outlives the handler that is cancelled, and the message goes back all the same, inside its span.
#[apply(broker_test)]
async fn a_cancelled_handler_that_has_the_guard_gives_the_message_back() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let guard = orders.billing.guard(&message);
    let handled = guard.with_settlement(&message, async |_| {
        guard.settle(Settlement::Progress).await?;
        pending::<Result<(), async_nats::Error>>().await
    });
    let progress = format!("in_progress {}", orders.subject);
    let is_at_work = async {
        while !orders.spans.has(&progress) {
            yield_now().await;
        }
    };
    tokio::select! {
        _ = handled => panic!("it is not done"),
        () = in_time("a sign of life", is_at_work) => {}
    }
    assert!(guard.is_settled());
    orders
        .assert_settlement(&reply(&message), &["+WPI", "-NAK"])
        .await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    orders.assert_next("0", 2).await;
}

/// Without it, the message comes again.
#[apply(broker_test)]
async fn a_silent_handler_loses_its_message() {
    let mut orders = Orders::waiting(Duration::from_secs(1), 1).await;
    let message = orders.assert_next("0", 1).await;
    let guard = orders.billing.guard(&message);
    orders.assert_next("0", 2).await;
    assert!(!guard.is_settled());
}

/// async-nats does not know what its own methods have settled. The README says what comes of it.
#[apply(broker_test)]
async fn the_clients_own_methods_come_first() {
    for (by_hand, payload) in [(AckKind::Term, "+TERM"), (AckKind::Nak(None), "-NAK")] {
        let mut orders = Orders::new(1).await;
        let message = orders.assert_next("0", 1).await;
        let settled = orders
            .billing
            .with_settlement(&message, async |message: &Message| {
                message.ack_with(by_hand).await
            });
        let handled = in_time("the settlement", settled).await;
        handled.expect("settled").expect("settled by hand");
        orders
            .assert_settlement(&reply(&message), &[payload, ""])
            .await;
        // The later acknowledgement also covers a message that was to come again.
        orders.all_settled(1).await;
    }
}
