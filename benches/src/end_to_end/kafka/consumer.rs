//! A `StreamConsumer`.

use super::MOST;
use super::topic::{Topic, produce};
use crate::scenario::{Scenario, Setting, Way, in_flight};
use anyhow::{Context as _, Result};
use benches::call::kafka::process_span;
use benches::call::{begin_by_hand, run_by_hand};
use benches::client::kafka::read_by_hand;
use benches::client::{Client, Kafka};
use benches::sample::Carried;
use opentelemetry::global::{self, BoxedTracer};
use otel_messaging::Instrumentation;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::Message;
use rdkafka::producer::FutureProducer;
use rdkafka::{Offset, TopicPartitionList};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// `recv` of a `StreamConsumer`.
pub(crate) struct Consuming {
    topic: Topic,
    /// How many messages the topic has.
    filled: usize,
    consumer: StreamConsumer,
    instrumentation: Instrumentation,
    tracer: BoxedTracer,
}

impl Scenario for Consuming {
    const NAME: &'static str = "Kafka consume";
    const MESSAGES: usize = 60_000;
    const LARGEST: usize = 100;
    const SENDS: bool = false;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let topic = Topic::open(setting, "orders").await?;
        let mut config = topic.config.clone();
        config
            .set("group.id", &topic.name)
            .set("enable.auto.commit", "false");
        Ok(Self {
            consumer: config.create()?,
            filled: 0,
            topic,
            instrumentation: setting.site.instrumentation.clone(),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, messages: usize) -> Result<()> {
        let missing = messages.saturating_sub(self.filled);
        if missing > 0 {
            let producer: FutureProducer = self.topic.config.create()?;
            let headers = Kafka::received(&Carried::SPAN.entries());
            in_flight(missing, MOST, async || {
                produce(&producer, self.topic.record(Some(headers.clone()))).await?;
                Ok(())
            })
            .await?;
            self.filled = messages;
        }
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&self.topic.name, 0, Offset::Beginning)?;
        self.consumer.assign(&partitions)?;
        let mut begun = Instant::now();
        for number in 1..=messages {
            let message = self.consumer.recv().await?;
            if number == 1 {
                begun = Instant::now();
            }
            let handler = async { black_box(message.payload()).map_or(0, <[u8]>::len) };
            match way {
                Way::Bare => handler.await,
                Way::ByHand => {
                    let headers = message.headers().context("a message without headers")?;
                    let (came, span) = (read_by_hand(headers), (process_span(&message), false));
                    run_by_hand(begin_by_hand(&self.tracer, came, span), handler).await
                }
                Way::Ours => self.instrumentation.process(&message).run(handler).await,
            };
        }
        let took = begun.elapsed();
        self.consumer.unassign()?;
        Ok(took)
    }

    async fn close(self) -> Result<()> {
        self.topic.close().await
    }
}
