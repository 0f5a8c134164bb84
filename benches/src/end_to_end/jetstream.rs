//! async-nats with a stream: `publish` until it is acknowledged, and a pull consumer.

use crate::nats::{connect, received};
use crate::scenario::{Scenario, Setting, Way, in_flight};
use anyhow::{Context as _, Result, anyhow};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::{Client, Subject};
use benches::call::jetstream::{end_acknowledged, publish_span};
use benches::call::nats::room;
use benches::call::{JetStream, handle_by_hand, start};
use benches::client::Nats;
use bytes::Bytes;
use futures_util::stream::StreamExt;
use opentelemetry::global::{self, BoxedTracer};
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::InjectingProducer;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How many messages are under way at a time.
const MOST: usize = 256;
/// One request is for so many messages.
const BATCH: usize = 500;

/// A stream in memory.
struct Place {
    client: Client,
    context: Context,
    name: String,
    subject: Subject,
    payload: Bytes,
}

impl Place {
    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let client = connect(setting).await?;
        let context = async_nats::jetstream::new(client.clone());
        let (name, subject) = (setting.site.name("stream"), setting.site.name("stream.new"));
        let config = Config {
            name: name.clone(),
            subjects: vec![subject.clone()],
            storage: StorageType::Memory,
            ..Config::default()
        };
        context.create_stream(config).await.context("no stream")?;
        Ok(Self {
            client,
            context,
            name,
            subject: subject.into(),
            payload: setting.payload.clone(),
        })
    }

    async fn close(self) -> Result<()> {
        self.context.delete_stream(&self.name).await?;
        Ok(())
    }
}

/// `publish`, until the stream has the message.
pub(crate) struct Publishing {
    place: Place,
    ours: InjectingProducer<Context>,
    tracer: BoxedTracer,
}

impl Scenario for Publishing {
    const NAME: &'static str = "JetStream publish";
    const MESSAGES: usize = 10_000;
    const LARGEST: usize = 100;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let place = Place::open(setting).await?;
        let ours = InjectingProducer::new(place.context.clone());
        Ok(Self {
            place,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        let stream = self.place.context.get_stream(&self.place.name).await?;
        stream.purge().await?;
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let (place, context) = (&self.place, &self.place.context);
        let message = || (place.subject.clone(), place.payload.clone());
        let begun = Instant::now();
        match way {
            Way::Bare => {
                in_flight(messages, MOST, async || {
                    let (subject, payload) = message();
                    context.publish(subject, payload).await?.await?;
                    Ok(())
                })
                .await?;
            }
            Way::ByHand => {
                in_flight(messages, MOST, async || {
                    let (subject, payload) = message();
                    let builder = publish_span(&subject);
                    let room = room(&place.client, &payload);
                    let (span, headers) = start::<Nats>(&self.tracer, builder, None, room);
                    let headers = headers.unwrap_or_default();
                    let published = context.publish_with_headers(subject, headers, payload);
                    end_acknowledged(span, &published.await?.await?);
                    Ok(())
                })
                .await?;
            }
            Way::Ours => {
                in_flight(messages, MOST, async || {
                    let (subject, payload) = message();
                    self.ours.publish(subject, payload).await?.await?;
                    Ok(())
                })
                .await?;
            }
        }
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.place.close().await
    }
}

/// The messages of a pull consumer, each acknowledged.
pub(crate) struct Pulling {
    place: Place,
    /// How many messages the stream has.
    filled: usize,
    instrumentation: Instrumentation,
    tracer: BoxedTracer,
}

impl Scenario for Pulling {
    const NAME: &'static str = "JetStream pull";
    const MESSAGES: usize = 10_000;
    const LARGEST: usize = 100;
    const SENDS: bool = false;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        Ok(Self {
            place: Place::open(setting).await?,
            filled: 0,
            instrumentation: setting.site.instrumentation.clone(),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, messages: usize) -> Result<()> {
        let (missing, place) = (messages.saturating_sub(self.filled), &self.place);
        let headers = received();
        in_flight(missing, MOST, async || {
            let (subject, payload) = (place.subject.clone(), place.payload.clone());
            let published = place
                .context
                .publish_with_headers(subject, headers.clone(), payload);
            published.await?.await?;
            Ok(())
        })
        .await?;
        self.filled = self.filled.max(messages);
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let stream = self.place.context.get_stream(&self.place.name).await?;
        let config = pull::Config {
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: 20_000,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let pulling = consumer.stream().max_messages_per_batch(BATCH).messages();
        let mut pulled = pulling.await?;
        let mut begun = Instant::now();
        for number in 1..=messages {
            let message = pulled.next().await.context("the consumer has ended")??;
            if number == 1 {
                begun = Instant::now();
            }
            let handler = async { black_box(&message.payload).len() };
            match way {
                Way::Bare => handler.await,
                Way::ByHand => {
                    handle_by_hand::<JetStream, _>(&self.tracer, &message, handler).await
                }
                Way::Ours => self.instrumentation.process(&message).run(handler).await,
            };
            message.ack().await.map_err(|error| anyhow!(error))?;
        }
        let took = begun.elapsed();
        drop(pulled);
        stream.delete_consumer(&consumer.cached_info().name).await?;
        Ok(took)
    }

    async fn close(self) -> Result<()> {
        self.place.close().await
    }
}
