//! Envelopes, which need no broker.

use crate::recorder::Recorder;
use integration_tests::{apply, two_worker_test};
use otel_messaging::Envelope;
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::trust::{IncomingPolicy, Messages};
use std::convert::Infallible;
use std::io;

#[apply(two_worker_test)]
async fn an_envelope_emits_what_is_listed() {
    let mut recorder = Recorder::new("envelope");
    let info = ConsumerInfo::new()
        .with_server("redis.internal", 6379)
        .with_client_id("billing-1")
        .with_group("billing")
        .with_subscription("eu");
    let (plain, full) = (recorder.plain.clone(), recorder.full.clone());
    plain
        .with_message_context(&Envelope::new(7), async |_| {})
        .await;
    recorder.case("process of an unknown destination");

    let sender = plain.process(&Envelope::new(6));
    let envelope = sender.run(async { Envelope::new(7) }).await;
    recorder.case("process that puts a payload into an envelope");
    let builder = plain.to_builder();
    let policy = IncomingPolicy::RestartWithLink;
    let refusing = builder.with_incoming(Messages::all(), policy).build();
    refusing.with_message_context(&envelope, async |_| {}).await;
    recorder.case("process of a context that is refused");
    let orders = |envelope: Envelope<u32>| envelope.received_from("redis", "orders");
    let consumer = full.consumer(info.clone());
    let envelope = consumer.receive(async { orders(envelope) }).await;
    recorder.case("receive, with everything");
    let handled = consumer.try_with_message_context(&envelope, async |_| {
        Err::<(), _>(io::Error::other("no such card"))
    });
    handled.await.expect_err("not handled");
    recorder.case("process that fails, with everything");

    let consumer = recorder.templated.consumer(info.clone());
    let templated = Envelope::new(7).received_from("redis", "orders-7");
    let polled = consumer
        .receive(async { Ok::<_, Infallible>(templated) })
        .await;
    let templated = polled.expect("an envelope");
    consumer
        .with_message_context(&templated, async |_| {})
        .await;
    recorder.case("receive and process by a template");

    let consumer = plain.consumer(info);
    let both = async { vec![orders(Envelope::new(7)), orders(Envelope::new(8))] };
    consumer.receive(both).await;
    recorder.case("receive of a list");
    let both = [orders(Envelope::new(7)), orders(Envelope::new(8))];
    full.with_batch_context(&both, async |batch| {
        for message in batch {
            let refused = message.try_run(async |_| Err::<(), _>(io::Error::other("no such card")));
            refused.await.expect_err("not handled");
        }
    })
    .await;
    recorder.case("process of a batch");
    let polled = consumer.receive(async { Err::<Envelope<u32>, _>(io::Error::other("gone")) });
    polled.await.expect_err("nothing came");
    recorder.case("receive that fails");
    recorder.assert();
}
