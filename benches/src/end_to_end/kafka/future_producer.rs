//! A `FutureProducer`.

use super::topic::{Topic, produce};
use super::{KEY, MOST};
use crate::scenario::{Scenario, Setting, Way, in_flight};
use anyhow::Result;
use benches::call::kafka::{end_delivered, send_span};
use benches::call::start;
use benches::client::Kafka;
use opentelemetry::global::{self, BoxedTracer};
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::producer::FutureProducer;
use rdkafka::util::Timeout;
use std::time::{Duration, Instant};

/// `send` of a `FutureProducer`.
pub(crate) struct FutureSending {
    topic: Topic,
    producer: FutureProducer,
    ours: InjectingProducer<FutureProducer>,
    tracer: BoxedTracer,
}

impl Scenario for FutureSending {
    const NAME: &'static str = "Kafka send, FutureProducer";
    const MESSAGES: usize = 30_000;
    const LARGEST: usize = 100;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let topic = Topic::open(setting, "future").await?;
        let producer: FutureProducer = topic.config.create()?;
        let ours = InjectingProducer::new(producer.clone());
        Ok(Self {
            topic,
            producer,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let (topic, producer) = (&self.topic, &self.producer);
        let begun = Instant::now();
        match way {
            Way::Bare => {
                in_flight(messages, MOST, async || {
                    produce(producer, topic.record(None)).await?;
                    Ok(())
                })
                .await?;
            }
            Way::ByHand => {
                in_flight(messages, MOST, async || {
                    let builder = send_span(&topic.name, KEY, topic.server());
                    let (span, headers) = start::<Kafka>(&self.tracer, builder, None, topic.room());
                    let (partition, offset) = produce(producer, topic.record(headers)).await?;
                    end_delivered(span, partition, offset);
                    Ok(())
                })
                .await?;
            }
            Way::Ours => {
                in_flight(messages, MOST, async || {
                    let sent = self.ours.send(topic.record(None), Timeout::Never).await;
                    sent.map_err(|(error, _)| error)?;
                    Ok(())
                })
                .await?;
            }
        }
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.topic.close().await
    }
}
