//! Settlements that fail.

use super::orders::Orders;
use async_nats::client::PublishError;
use async_nats::jetstream::{self, Message};
use integration_tests::client::in_time;
use integration_tests::nats::connect;
use integration_tests::spans::{Spans, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging_async_nats::Settlement;
use std::io;
use std::time::Duration;

async fn handle(_: &Message) -> io::Result<()> {
    Ok(())
}

/// The span of a failed settlement.
fn assert_failed(spans: &Spans, name: &str, error: &async_nats::Error, error_type: &'static str) {
    let settle = spans.named(name);
    assert_eq!(settle.status, Status::error(error.to_string()));
    let found = attribute(&settle, "error.type");
    assert_eq!(found, Some(error_type.into()));
}

/// A client that is no longer connected, and never again.
#[apply(broker_test)]
async fn a_closed_client_is_an_error() {
    let mut orders = Orders::new(1).await;
    let mut message = orders.assert_next("0", 1).await;
    let client = connect().await;
    message.context = jetstream::new(client.clone());
    client.drain().await.expect("the client goes");
    let gone = async {
        while client.publish("nobody", "".into()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    in_time("the end of the client", gone).await;
    let error = orders.billing.with_settlement(&message, handle).await;
    let error = error.expect_err("not settled");
    assert!(error.is::<PublishError>(), "{error:?}");
    let name = format!("ack {}", orders.subject);
    assert_failed(&orders.spans, &name, &error, "Send");
    assert_unfailed(&orders.spans.named(&format!("process {}", orders.subject)));

    // Nothing panics where nobody would see the error.
    drop(orders.billing.with_settlement(&message, handle));
    let nak = orders.spans.named(&format!("nak {}", orders.subject));
    assert!(matches!(nak.status, Status::Error { .. }));
    assert_eq!(attribute(&nak, "error.type"), Some("Send".into()));
}

/// A stream that does not confirm.
#[apply(broker_test)]
async fn a_missing_confirmation_is_an_error() {
    let mut orders = Orders::new(1).await;
    let mut message = orders.assert_next("0", 1).await;
    let deleted = orders.stream.delete_consumer(super::orders::BILLING).await;
    deleted.expect("deleted");
    // Somebody listens, so the server does not answer in its place.
    message.context.set_timeout(Duration::from_millis(50));
    let guard = orders.billing.guard(&message);
    let error = in_time("the settlement", guard.settle(Settlement::DoubleAck)).await;
    let error = error.expect_err("no confirmation");
    let late = error.downcast_ref::<io::Error>().expect("async-nats' own");
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    let name = format!("double_ack {}", orders.subject);
    assert_failed(&orders.spans, &name, &error, "TimedOut");
    assert!(guard.is_settled());
}

/// As of async-nats.
#[apply(broker_test)]
async fn a_message_without_a_reply_subject_is_an_error() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let context = message.context.clone();
    let (message, _acker) = message.split();
    let message = Message { message, context };
    let own = message.ack().await.expect_err("no reply subject");
    let error = orders.billing.with_settlement(&message, handle).await;
    let error = error.expect_err("not settled");
    assert_eq!(error.to_string(), own.to_string());
    let name = format!("ack {}", orders.subject);
    assert_failed(&orders.spans, &name, &error, "_OTHER");
    orders.assert_settlement("", &[]).await;
}
