//! A `BaseProducer`.

use super::KEY;
use super::topic::Topic;
use crate::scenario::{Scenario, Setting, Way};
use anyhow::Result;
use benches::call::kafka::{end_delivered, send_span};
use benches::call::start;
use benches::client::Kafka;
use opentelemetry::global::{self, BoxedSpan, BoxedTracer};
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer};
use rdkafka::ClientContext;
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, Producer, ProducerContext,
};
use rdkafka::util::IntoOpaque;
use std::time::{Duration, Instant};

/// A `BaseProducer` is polled after so many records.
const POLLED: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// By hand: ends the span in the delivery callback.
struct Ending;

impl ClientContext for Ending {}

impl ProducerContext for Ending {
    type DeliveryOpaque = Box<Option<BoxedSpan>>;

    fn delivery(&self, result: &DeliveryResult<'_>, span: Box<Option<BoxedSpan>>) {
        if let Ok(message) = result {
            end_delivered(*span, message.partition(), message.offset());
        }
    }
}

/// `send` of a `BaseProducer`.
pub(crate) struct BaseSending {
    topic: Topic,
    bare: BaseProducer,
    by_hand: BaseProducer<Ending>,
    ours: InjectingProducer<BaseProducer<InjectingContext<DefaultProducerContext>>>,
    tracer: BoxedTracer,
}

impl BaseSending {
    fn record<O: IntoOpaque>(
        &self,
        opaque: O,
        headers: Option<OwnedHeaders>,
    ) -> BaseRecord<'_, str, [u8], O> {
        let record = BaseRecord::with_opaque_to(&self.topic.name, opaque);
        let record = record.key(KEY).payload(&self.topic.payload[..]);
        match headers {
            Some(headers) => record.headers(headers),
            None => record,
        }
    }
}

impl Scenario for BaseSending {
    const NAME: &'static str = "Kafka send, BaseProducer";
    const MESSAGES: usize = 60_000;
    const LARGEST: usize = 100;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let topic = Topic::open(setting, "base").await?;
        let injecting = InjectingContext::new(DefaultProducerContext);
        let ours = InjectingProducer::new(topic.config.create_with_context(injecting)?);
        Ok(Self {
            bare: topic.config.create()?,
            by_hand: topic.config.create_with_context(Ending)?,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            topic,
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let topic = &self.topic;
        let begun = Instant::now();
        match way {
            Way::Bare => {
                for number in 1..=messages {
                    let sent = self.bare.send(self.record((), None));
                    sent.map_err(|(error, _)| error)?;
                    if number % POLLED == 0 {
                        self.bare.poll(Duration::ZERO);
                    }
                }
                self.bare.flush(PATIENCE)?;
            }
            Way::ByHand => {
                for number in 1..=messages {
                    let builder = send_span(&topic.name, KEY, topic.server());
                    let (span, headers) = start::<Kafka>(&self.tracer, builder, None, topic.room());
                    let record = self.record(Box::new(span), headers);
                    self.by_hand.send(record).map_err(|(error, _)| error)?;
                    if number % POLLED == 0 {
                        self.by_hand.poll(Duration::ZERO);
                    }
                }
                self.by_hand.flush(PATIENCE)?;
            }
            Way::Ours => {
                for number in 1..=messages {
                    let sent = self.ours.send(self.record((), None));
                    sent.map_err(|(error, _)| error)?;
                    if number % POLLED == 0 {
                        self.ours.poll(Duration::ZERO);
                    }
                }
                self.ours.flush(PATIENCE)?;
            }
        }
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.topic.close().await
    }
}
