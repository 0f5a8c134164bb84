//! Subscribers.

use futures_util::StreamExt;
use integration_tests::client::{Client, in_time};
use integration_tests::nats::{Nats, connect, text_headers};
use integration_tests::spans::{Spans, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;

/// Subscribers in a queue group, each with its own message, as the stream gives it.
#[apply(broker_test)]
async fn handlers_may_run_concurrently_on_one_stream() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let subject = client.destination();
    let subscriber = client
        .client
        .queue_subscribe(subject.clone(), "workers".into());
    let subscriber = subscriber.await.expect("a subscription");
    client.client.flush().await.expect("a flush");
    for _ in 0..8 {
        let sent = client.send(Some(&spans.instrumentation), &[]);
        sent.with_context(spans.root("order")).await.expect("sent");
    }
    let handled = subscriber.take(8).for_each_concurrent(4, |message| {
        let processing = spans.instrumentation.process(&message);
        processing.run(async move {
            let carried = Nats::headers(&message)[0].1[3..35].to_owned();
            tokio::task::yield_now().await;
            let current = opentelemetry::Context::current();
            let trace_id = current.span().span_context().trace_id();
            assert_eq!(carried, format!("{trace_id:032x}"));
        })
    });
    in_time("eight messages", handled).await;
}

/// What was published before the drain is handled after it; what is published afterwards fails,
/// and its span with it.
#[apply(broker_test)]
async fn a_drained_client_has_sent_what_it_took() {
    let (mut receiver, spans) = (Nats::connect().await, Spans::new());
    let subject = receiver.destination();
    let client = connect().await;
    let producer =
        InjectingProducer::new(client.clone()).with_instrumentation(spans.instrumentation.clone());
    let name = format!("publish {subject}");
    producer
        .publish(subject.clone(), "order".into())
        .await
        .expect("published");
    client.flush().await.expect("a flush");
    assert_unfailed(&spans.named(&name));
    producer
        .publish(subject.clone(), "order".into())
        .await
        .expect("published");
    client.drain().await.expect("a drain");
    for sent in spans.all() {
        assert_unfailed(&sent);
        let message = receiver.receive().await;
        let carried = &text_headers(&message)[0];
        assert_eq!(carried.1, traceparent(&sent.span_context));
    }

    let refused = async {
        // The connection closes in its own time.
        while producer
            .publish(subject.clone(), "order".into())
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    };
    in_time("the end of the connection", refused).await;
    let last = spans.all().pop().expect("a span");
    assert_eq!(attribute(&last, "error.type"), Some("Send".into()));
}
