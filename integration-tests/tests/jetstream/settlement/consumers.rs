//! Every way to consume a stream, settled.

use super::orders::Orders;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, pull, push};
use futures_util::{Stream, StreamExt, pin_mut};
use integration_tests::client::{in_time, unique};
use integration_tests::nats::connect;
use integration_tests::{apply, broker_test};
use otel_messaging_async_nats::Settlement;
use std::fmt::Debug;
use std::io;

async fn handle(_: &Message) -> io::Result<()> {
    Ok(())
}

async fn fail(_: &Message) -> io::Result<()> {
    Err(io::Error::other("no such card"))
}

/// Settles three messages, the second of which fails at first.
async fn settle_three<S, E>(orders: &Orders, messages: S)
where
    S: Stream<Item = Result<Message, E>>,
    E: Debug,
{
    pin_mut!(messages);
    let mut settled = 0;
    while settled < 3 {
        let next = in_time("a message", messages.next()).await;
        let message = next.expect("a message").expect("a message");
        let is_refused = message.payload == "1" && message.info().expect("a reply").delivered == 1;
        let result = if is_refused {
            orders.billing.with_settlement(&message, fail).await
        } else {
            settled += 1;
            orders.billing.with_settlement(&message, handle).await
        };
        assert_eq!(result.expect("settled").is_err(), is_refused);
    }
}

#[apply(broker_test)]
async fn messages_of_a_pull_consumer() {
    let mut orders = Orders::new(3).await;
    let consumer = orders.consumer.clone();
    settle_three(&orders, consumer.messages().await.expect("messages")).await;
    orders.all_settled(3).await;
}

/// The refused message is not in the batch again, so there are more of them.
#[apply(broker_test)]
async fn messages_of_batches() {
    let mut orders = Orders::new(3).await;
    let consumer = orders.consumer.clone();
    let fetched = futures_util::stream::unfold((), |()| async {
        let batch = consumer.fetch().max_messages(2).messages().await;
        Some((batch.expect("a batch"), ()))
    });
    settle_three(&orders, fetched.flatten()).await;
    orders.all_settled(3).await;

    let mut orders = Orders::new(3).await;
    let consumer = orders.consumer.clone();
    let batches = futures_util::stream::unfold((), |()| async {
        let batch = consumer.batch().max_messages(2).messages().await;
        Some((batch.expect("a batch"), ()))
    });
    settle_three(&orders, batches.flatten()).await;
    orders.all_settled(3).await;

    let mut orders = Orders::new(3).await;
    let consumer = orders.consumer.clone();
    let sequence = consumer.sequence(2).expect("a sequence");
    let sequence = sequence.map(|batch| batch.expect("a batch")).flatten();
    settle_three(&orders, sequence).await;
    orders.all_settled(3).await;
}

#[apply(broker_test)]
async fn messages_of_a_push_consumer() {
    let orders = Orders::new(3).await;
    let consumer = orders.stream.create_consumer(push::Config {
        deliver_subject: unique("deliver"),
        ..push::Config::default()
    });
    let mut consumer = consumer.await.expect("a consumer");
    settle_three(&orders, consumer.messages().await.expect("messages")).await;
    let settled = async {
        while consumer
            .info()
            .await
            .expect("an answer")
            .ack_floor
            .stream_sequence
            < 3
        {
            tokio::task::yield_now().await;
        }
    };
    in_time("the settlements", settled).await;
}

/// Such consumers need no settlement, and their streams ignore it. It is not an error either.
#[apply(broker_test)]
async fn messages_that_need_no_settlement() {
    let orders = Orders::new(3).await;
    let consumer = orders
        .stream
        .create_consumer(pull::OrderedConfig::default());
    let consumer = consumer.await.expect("a consumer");
    let mut ordered = consumer.messages().await.expect("messages");
    let consumer = orders.stream.create_consumer(pull::Config {
        ack_policy: AckPolicy::None,
        ..pull::Config::default()
    });
    let consumer = consumer.await.expect("a consumer");
    let mut unsettled = consumer.messages().await.expect("messages");
    for n in 0..3 {
        let next = in_time("a message", ordered.next()).await;
        let one = next.expect("a message").expect("a message");
        let next = in_time("a message", unsettled.next()).await;
        let other = next.expect("a message").expect("a message");
        for message in [one, other] {
            assert_eq!(message.payload, n.to_string());
            for settlement in [
                Settlement::Ack,
                Settlement::Nak(None),
                Settlement::Term,
                Settlement::DoubleAck,
            ] {
                let settled = orders
                    .billing
                    .with_settlement(&message, fail)
                    .or(settlement);
                let result = in_time("the settlement", settled).await;
                assert!(result.expect("no error").is_err());
            }
        }
    }
}

/// The README warns of it.
#[apply(broker_test)]
async fn an_acknowledgement_may_cover_the_messages_before_it() {
    let config = pull::Config {
        ack_policy: AckPolicy::All,
        ..pull::Config::default()
    };
    let mut orders = Orders::with_client(connect().await, 3, config).await;
    for n in 0..2 {
        orders.assert_next(&n.to_string(), 1).await;
    }
    let last = orders.assert_next("2", 1).await;
    let settled = orders.billing.with_settlement(&last, handle).await;
    settled.expect("settled").expect("handled");
    orders.all_settled(3).await;
}
