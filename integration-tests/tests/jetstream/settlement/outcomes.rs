//! What becomes of a message by the outcome of its handler.

use super::orders::{BILLING, Orders, reply, since, stream};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use futures_util::StreamExt;
use integration_tests::client::{in_time, unique};
use integration_tests::nats::connect;
use integration_tests::spans::{assert_child, assert_unfailed};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging_async_nats::{InjectingProducer, Settlement};
use std::time::{Duration, Instant};

const ERROR: &str = "no such card";

async fn fail(_: &Message) -> Result<(), &'static str> {
    Err(ERROR)
}

#[apply(broker_test)]
async fn a_handled_message_is_acknowledged() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let settled = orders.billing.with_settlement(&message, async |message| {
        str::from_utf8(&message.payload).map(str::len)
    });
    let handled = in_time("the settlement", settled).await;
    assert_eq!(handled.expect("settled"), Ok(1));
    orders.assert_settlement(&reply(&message), &[""]).await;
    orders.all_settled(1).await;
    assert_unfailed(&orders.assert_settle_span("ack"));
}

#[apply(broker_test)]
async fn a_message_whose_handler_fails_comes_again_at_once() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let settled = orders.billing.with_settlement(&message, fail);
    let handled = in_time("the settlement", settled).await;
    assert_eq!(handled.expect("settled"), Err(ERROR));
    orders.assert_settlement(&reply(&message), &["-NAK"]).await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    let process = orders.spans.named(&format!("process {}", orders.subject));
    assert_eq!(process.status, Status::error(ERROR));
    // The consumer would wait for a minute.
    orders.assert_next("0", 2).await;
}

/// The README says that a `Nak` does not wait for it.
#[apply(broker_test)]
async fn a_message_comes_again_at_once_in_spite_of_backoff() {
    let config = pull::Config {
        backoff: vec![Duration::from_secs(60); 2],
        max_deliver: 3,
        ..pull::Config::default()
    };
    let mut orders = Orders::with_client(connect().await, 1, config).await;
    let message = orders.assert_next("0", 1).await;
    let settled = orders.billing.with_settlement(&message, fail).await;
    assert_eq!(settled.expect("settled"), Err(ERROR));
    orders.assert_next("0", 2).await;
}

#[apply(broker_test)]
async fn a_delayed_message_comes_again_after_its_delay() {
    let mut orders = Orders::new(1).await;
    let message = orders.assert_next("0", 1).await;
    let (start, delay) = (Instant::now(), Duration::from_millis(700));
    let settled = orders.billing.with_settlement(&message, fail);
    let settled = settled.or_else(|error| {
        assert_eq!(*error, ERROR);
        Settlement::Nak(Some(delay))
    });
    let handled = in_time("the settlement", settled).await;
    assert_eq!(handled.expect("settled"), Err(ERROR));
    let expected = r#"-NAK {"delay":700000000}"#;
    orders
        .assert_settlement(&reply(&message), &[expected])
        .await;
    assert_unfailed(&orders.assert_settle_span("nak"));
    let (_, waited) = since(start, orders.assert_next("0", 2)).await;
    assert!(waited >= delay, "{waited:?}");
}

#[apply(broker_test)]
async fn a_terminated_message_never_comes_again() {
    let mut orders = Orders::waiting(Duration::from_secs(1), 2).await;
    let advisories = format!(
        "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{}.{BILLING}",
        orders.subject
    );
    let client = orders.context.client();
    let mut advisories = client.subscribe(advisories).await.expect("a subscription");
    client.flush().await.expect("a flush");
    let message = orders.assert_next("0", 1).await;
    let settled = orders.billing.with_settlement(&message, fail);
    let settled = settled.or(Settlement::Term);
    let handled = in_time("the settlement", settled).await;
    assert_eq!(handled.expect("settled"), Err(ERROR));
    orders.assert_settlement(&reply(&message), &["+TERM"]).await;
    assert_unfailed(&orders.assert_settle_span("term"));
    let advisory = in_time("the advisory", advisories.next()).await;
    let advisory = advisory.expect("the subscription goes on");
    let advisory: serde_json::Value = serde_json::from_slice(&advisory.payload).expect("JSON");
    assert_eq!(advisory["stream_seq"], 1);
    // The one behind it is left open, and comes again when the terminated one would have.
    orders.assert_next("1", 1).await;
    orders.assert_next("1", 2).await;
}

#[apply(broker_test)]
async fn a_message_may_be_acknowledged_although_its_handler_failed() {
    for (settlement, name, payload) in [
        (Settlement::Ack, "ack", ""),
        (Settlement::DoubleAck, "double_ack", "+ACK"),
    ] {
        let mut orders = Orders::new(1).await;
        let message = orders.assert_next("0", 1).await;
        let settled = orders.billing.with_settlement(&message, fail);
        let handled = in_time("the settlement", settled.or(settlement)).await;
        assert_eq!(handled.expect("settled"), Err(ERROR));
        orders.assert_settlement(&reply(&message), &[payload]).await;
        orders.all_settled(1).await;
        assert_unfailed(&orders.assert_settle_span(name));
    }
}

/// The letter is in its stream before the message is acknowledged, and without a letter the message comes
/// again.
#[apply(broker_test)]
async fn a_message_is_acknowledged_when_its_letter_is_stored() {
    let mut orders = Orders::new(1).await;
    let dead = unique("dead");
    let by = orders.spans.instrumentation.clone();
    let producer = InjectingProducer::new(orders.context.clone()).with_instrumentation(by);
    let put_aside = async |message: &Message, error: &str| {
        let letter = producer.dead_letter(message, &error, dead.clone()).await?;
        letter.await.map(drop)
    };
    let message = orders.assert_next("0", 1).await;
    let settled = orders.billing.with_settlement(&message, fail);
    let settled = settled.on_error(|error| put_aside(&message, error));
    let handled = in_time("the settlement", settled).await;
    handled
        .expect("settled")
        .expect_err("there is no stream of letters");
    orders.assert_settlement(&reply(&message), &["-NAK"]).await;

    let letters = stream(&orders.context, &dead).await;
    let message = orders.assert_next("0", 2).await;
    let settled = orders.billing.with_settlement(&message, fail);
    let settled = settled.on_error(|error| put_aside(&message, error));
    let handled = in_time("the settlement", settled).await;
    handled.expect("settled").expect("stored");
    orders.assert_settlement(&reply(&message), &[""]).await;
    orders.all_settled(1).await;

    let letter = letters.get_last_raw_message_by_subject(&dead).await;
    let letter = letter.expect("a letter");
    assert_eq!(letter.payload, "0");
    let error = letter.headers.get("dead-letter-error");
    assert_eq!(error.map(|error| error.as_str()), Some(ERROR));
    // Both are children of the message's second handling.
    let all = orders.spans.all();
    let process = all.last().expect("a span");
    assert_eq!(process.name, format!("process {}", orders.subject));
    for name in [format!("publish {dead}"), format!("ack {}", orders.subject)] {
        let span = all.iter().rfind(|span| span.name == name).expect("a span");
        assert_child(span, &process.span_context);
        assert!(span.end_time <= process.end_time);
    }
}
