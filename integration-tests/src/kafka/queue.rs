//! The producers that queue records: their answers come to a context of the tests' own.

use super::{Topic, text_headers, with_headers};
use crate::batching::{SendsBatches, within};
use crate::client::{Client, HeaderList, PATIENCE, in_time};
use crate::onward::SendsOn;
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::{
    InjectingContext, InjectingProducer, Kafka as Marker, UntilQueuedProducer,
};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message};
use std::fmt;
use tokio::sync::oneshot;

/// A context as an application has it: each record's opaque waits for its answer.
#[derive(Debug, Clone, Copy)]
pub struct Answers;

/// Gets a record's partition and offset, or its error.
pub type Answer = Box<oneshot::Sender<Result<(i32, i64), KafkaError>>>;

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Answer;

    fn delivery(&self, result: &DeliveryResult<'_>, answer: Answer) {
        let told = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        // Whoever waited may be gone.
        let _: Result<_, _> = answer.send(told);
    }
}

/// A client of a topic whose records are queued. The producer is made for each call, because a
/// `BaseProducer` cannot be cloned.
macro_rules! client_of_a_queue {
    ($(#[$doc:meta])* $client:ident, $producer:ty, $wrapper:ident, $context:expr) => {
        $(#[$doc])*
        pub struct $client(Topic);

        impl $client {
            /// Lets `send` queue a record, and waits for the broker's answer.
            async fn queue(
                &self,
                by: Option<&Instrumentation>,
                send: impl FnOnce(&$wrapper<$producer>, Answer) -> Result<(), KafkaError>,
            ) -> Result<(), String> {
                let producer: $producer = self
                    .0
                    .config()
                    .create_with_context($context)
                    .expect("a producer");
                let mut producer = $wrapper::new(producer);
                if let Some(by) = by {
                    producer = producer.with_instrumentation(by.clone());
                }
                let (sender, answer) = oneshot::channel();
                send(&producer, Box::new(sender)).map_err(|error| error.to_string())?;
                producer.flush(PATIENCE).expect("nothing is left");
                let answer = in_time("an answer", answer).await.expect("one answer");
                answer.map_err(|error| error.to_string())?;
                Ok(())
            }
        }

        impl Client for $client {
            type Marker = Marker;
            type Message = OwnedMessage;

            const OPERATION: &'static str = "send";
            const FAILURE: &'static str = "MSG_SIZE_TOO_LARGE";

            async fn connect() -> Self {
                Self(Topic::on_brokers(1).await)
            }

            fn destination(&self) -> String {
                self.0.name.clone()
            }

            async fn send(
                &self,
                by: Option<&Instrumentation>,
                headers: &[(&str, &str)],
            ) -> Result<(), String> {
                let record = |answer| {
                    let mut record = BaseRecord::with_opaque_to(&self.0.name, answer);
                    record.headers = with_headers(headers);
                    record.key("7").payload("order")
                };
                self.queue(by, |producer, answer| {
                    let queued = producer.send(record(answer));
                    queued.map_err(|(error, _)| error)
                })
                .await
            }

            async fn send_plain(&self, headers: &[(&str, &str)]) {
                self.0.send_plain(headers).await;
            }

            /// Refused before it is queued, so that every kind of producer sees it.
            async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String> {
                let large = vec![0; 2_000_000];
                let record = |answer| {
                    BaseRecord::<(), _, _>::with_opaque_to(&self.0.name, answer).payload(&large)
                };
                self.queue(by, |producer, answer| {
                    let queued = producer.send(record(answer));
                    queued.map_err(|(error, _)| error)
                })
                .await
            }

            async fn send_on(
                &self,
                by: Option<&Instrumentation>,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                let record = |answer| {
                    let mut record = BaseRecord::with_opaque_to(&self.0.name, answer);
                    record.headers = message.headers().cloned();
                    record.key("7").payload("order")
                };
                self.queue(by, |producer, answer| {
                    let queued = producer.send(record(answer));
                    queued.map_err(|(error, _)| error)
                })
                .await
            }

            async fn receive(&mut self) -> OwnedMessage {
                self.0.receive().await
            }

            fn headers(message: &OwnedMessage) -> HeaderList {
                text_headers(message)
            }
        }

        impl SendsBatches for $client {
            /// The batch's handle is gone before the broker answers.
            async fn send_batch(&self, by: &Instrumentation, contexts: &[Context], in_vain: bool) {
                let config = self.0.config();
                let producer: $producer = config.create_with_context($context).expect("a producer");
                let producer = $wrapper::new(producer).with_instrumentation(by.clone());
                let batch = producer.batch();
                let send = |payload: &[u8]| {
                    let (sender, answer) = oneshot::channel();
                    let record = BaseRecord::with_opaque_to(&self.0.name, Box::new(sender));
                    let queued = batch.send(record.key("7").payload(payload));
                    queued.map(|()| answer).map_err(|(error, _)| error)
                };
                let sent = contexts.iter().map(|it| within(it, || send(b"order")));
                let answers: Vec<_> = sent.map(|it| it.expect("the queue has room")).collect();
                if in_vain {
                    send(&vec![0; 2_000_000]).expect_err("too large");
                }
                drop(batch);
                producer.flush(PATIENCE).expect("nothing is left");
                for answer in answers {
                    let answer = in_time("an answer", answer).await.expect("one answer");
                    answer.expect("the broker takes the record");
                }
            }
        }

        impl SendsOn for $client {
            async fn forward(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                self.queue(Some(by), |producer, answer| {
                    let queued = producer.forward(message, &self.0.name, answer);
                    queued.map_err(|(error, _)| error)
                })
                .await
            }

            async fn republish(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
            ) -> Result<(), String> {
                self.queue(Some(by), |producer, answer| {
                    let queued = producer.republish(message, &self.0.name, answer);
                    queued.map_err(|(error, _)| error)
                })
                .await
            }

            async fn dead_letter(
                &self,
                by: &Instrumentation,
                message: &OwnedMessage,
                error: &dyn fmt::Display,
            ) -> Result<(), String> {
                self.queue(Some(by), |producer, answer| {
                    let queued = producer.dead_letter(message, error, &self.0.name, answer);
                    queued.map_err(|(error, _)| error)
                })
                .await
            }
        }
    };
}

client_of_a_queue!(
    /// A topic on real brokers, with a `BaseProducer` whose callback ends the spans.
    BaseKafka,
    BaseProducer<InjectingContext<Answers>>,
    InjectingProducer,
    InjectingContext::new(Answers)
);

client_of_a_queue!(
    /// A topic on real brokers, with a `ThreadedProducer` whose callback ends the spans.
    ThreadedKafka,
    ThreadedProducer<InjectingContext<Answers>>,
    InjectingProducer,
    InjectingContext::new(Answers)
);

client_of_a_queue!(
    /// A topic on real brokers, with a `ThreadedProducer` of which spans know only the queue.
    EnqueuingKafka,
    ThreadedProducer<Answers>,
    UntilQueuedProducer,
    Answers
);
