//! Every way to consume a stream.

use async_nats::Message;
use async_nats::jetstream::consumer::{pull, push};
use async_nats::jetstream::{self, stream};
use futures_util::{StreamExt, TryStreamExt};
use integration_tests::client::{Client, PATIENCE, in_time};
use integration_tests::nats::{JetStream, Nats};
use integration_tests::scenarios::collected;
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::FutureExt;
use otel_messaging_async_nats::Received;

/// A stream with three messages, each in a trace of its own.
struct Filled {
    client: JetStream,
    spans: Spans,
}

impl Filled {
    async fn new() -> Self {
        let filled = Self {
            client: JetStream::connect().await,
            spans: Spans::new(),
        };
        for _ in 0..3 {
            let sent = filled.client.send(Some(&filled.spans.instrumentation), &[]);
            let sent = sent.with_context(filled.spans.root("order")).await;
            sent.expect("the stream takes the message");
        }
        filled
    }

    fn stream(&self) -> &stream::Stream {
        &self.client.stream
    }

    /// The messages are those of the stream, and each is handled below the span that sent it.
    fn assert_joined<M: Received<otel_messaging_async_nats::Nats>>(&self, messages: &[M]) {
        assert_eq!(messages.len(), 3);
        let name = format!("publish {}", self.client.subject);
        let mut sent = self.spans.all();
        sent.retain(|span| span.name == name);
        for (index, message) in messages.iter().enumerate() {
            let spans = Spans::new();
            drop(spans.instrumentation.process(message));
            let processed = spans.all().remove(0);
            assert_eq!(processed.name, format!("process {}", self.client.subject));
            assert_child(&processed, &sent[index].span_context);
            assert_linked(&processed, &sent[index].span_context);
            let stream = attribute(&processed, "nats.stream");
            assert_eq!(stream, Some(self.client.subject.clone().into()));
            let sequence = attribute(&processed, "nats.sequence");
            assert_eq!(sequence, Some((index as i64 + 1).into()));
            let deliveries = attribute(&processed, "nats.delivery_count");
            assert_eq!(deliveries, Some(1.into()));
            assert!(attribute(&processed, "nats.consumer").is_some());
        }
    }
}

async fn three<S, E>(messages: S) -> Vec<jetstream::Message>
where
    S: futures_util::Stream<Item = Result<jetstream::Message, E>>,
    E: std::fmt::Debug,
{
    let all = messages.take(3).try_collect();
    in_time("three messages", all).await.expect("messages")
}

/// Of each of the streams that a pull consumer has.
#[apply(broker_test)]
async fn batches_are_collected() {
    let filled = Filled::new().await;
    let create = || filled.stream().create_consumer(pull::Config::default());
    let consumer = create().await.expect("a consumer");
    let mut batch = consumer.fetch().max_messages(3).messages().await;
    filled.assert_joined(&collected(batch.as_mut().expect("a batch"), 3).await);
    let consumer = create().await.expect("a consumer");
    let mut batch = consumer.batch().max_messages(3).messages().await;
    filled.assert_joined(&collected(batch.as_mut().expect("a batch"), 3).await);
    let consumer = create().await.expect("a consumer");
    let mut messages = consumer.messages().await;
    let messages = messages.as_mut().expect("a stream");
    let mut all = collected(messages, 2).await;
    all.extend(collected(messages, 1).await);
    filled.assert_joined(&all);
}

#[apply(broker_test)]
async fn fetched_messages_join() {
    let filled = Filled::new().await;
    let consumer = filled.stream().create_consumer(pull::Config::default());
    let consumer = consumer.await.expect("a consumer");
    let batch = consumer.fetch().max_messages(3).messages().await;
    filled.assert_joined(&three(batch.expect("a batch")).await);
}

#[apply(broker_test)]
async fn the_messages_of_a_batch_join() {
    let filled = Filled::new().await;
    let consumer = filled.stream().create_consumer(pull::Config::default());
    let consumer = consumer.await.expect("a consumer");
    let batch = consumer
        .batch()
        .max_messages(3)
        .expires(PATIENCE)
        .messages();
    filled.assert_joined(&three(batch.await.expect("a batch")).await);
}

#[apply(broker_test)]
async fn the_messages_of_a_sequence_of_batches_join() {
    let filled = Filled::new().await;
    let consumer = filled.stream().create_consumer(pull::Config::default());
    let consumer = consumer.await.expect("a consumer");
    let mut sequence = consumer.sequence(3).expect("a sequence");
    let batch = in_time("a batch", sequence.next()).await;
    let batch = batch.expect("the sequence goes on").expect("a batch");
    filled.assert_joined(&three(batch).await);
}

#[apply(broker_test)]
async fn the_messages_of_a_pull_consumer_join() {
    let filled = Filled::new().await;
    let consumer = filled.stream().create_consumer(pull::Config::default());
    let consumer = consumer.await.expect("a consumer");
    let messages = consumer.messages().await.expect("messages");
    filled.assert_joined(&three(messages).await);
}

#[apply(broker_test)]
async fn the_messages_of_a_stream_that_was_built_join() {
    let filled = Filled::new().await;
    let consumer = filled.stream().create_consumer(pull::Config::default());
    let consumer = consumer.await.expect("a consumer");
    let messages = consumer.stream().max_messages_per_batch(1).messages();
    filled.assert_joined(&three(messages.await.expect("messages")).await);
}

/// They come to an inbox of the program's, as plain messages.
#[apply(broker_test)]
async fn the_messages_of_a_batch_to_an_inbox_join() {
    let (filled, inbox) = (Filled::new().await, Nats::connect().await);
    let consumer = filled.stream().create_consumer(pull::Config::default());
    let consumer = consumer.await.expect("a consumer");
    let batch = pull::BatchConfig {
        batch: 3,
        expires: Some(PATIENCE),
        ..pull::BatchConfig::default()
    };
    let requested = consumer.request_batch(batch, inbox.destination().into());
    requested.await.expect("published");
    let mut messages: Vec<Message> = Vec::new();
    let mut inbox = inbox;
    while messages.len() < 3 {
        messages.push(inbox.receive().await);
    }
    filled.assert_joined(&messages);
}

#[apply(broker_test)]
async fn the_messages_of_an_ordered_pull_consumer_join() {
    let filled = Filled::new().await;
    let consumer = filled
        .stream()
        .create_consumer(pull::OrderedConfig::default());
    let messages = consumer.await.expect("a consumer").messages().await;
    filled.assert_joined(&three(messages.expect("messages")).await);
}

#[apply(broker_test)]
async fn pushed_messages_join() {
    let filled = Filled::new().await;
    let config = push::Config {
        deliver_subject: filled.client.context.client().new_inbox(),
        ..push::Config::default()
    };
    let consumer = filled.stream().create_consumer(config).await;
    let messages = consumer.expect("a consumer").messages().await;
    filled.assert_joined(&three(messages.expect("messages")).await);
}

#[apply(broker_test)]
async fn messages_pushed_in_order_join() {
    let filled = Filled::new().await;
    let config = push::OrderedConfig {
        deliver_subject: filled.client.context.client().new_inbox(),
        ..push::OrderedConfig::default()
    };
    let consumer = filled.stream().create_consumer(config).await;
    let messages = consumer.expect("a consumer").messages().await;
    filled.assert_joined(&three(messages.expect("messages")).await);
}
