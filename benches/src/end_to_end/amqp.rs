//! lapin: `basic_publish`, and a consumer.

use crate::scenario::{Scenario, Setting, Way, in_flight};
use anyhow::{Context as _, Result, ensure};
use benches::call::amqp::{ROOM, publish_span};
use benches::call::{end, handle_by_hand, start};
use benches::client::{Amqp, Client};
use benches::sample::Carried;
use bytes::Bytes;
use futures_util::stream::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind, PublisherConfirm,
};
use opentelemetry::global::{self, BoxedTracer};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::InjectingProducer;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How many messages are under way at a time.
const MOST: usize = 64;
/// The same where each is confirmed.
const MOST_UNCONFIRMED: usize = 256;
/// So much stays in the queue of what is sent, in messages.
const KEPT: i32 = 1000;
/// How many messages the broker sends before they are acknowledged.
const PREFETCH: u16 = 500;
/// One acknowledgement is for so many.
const ACKNOWLEDGED: usize = 100;

/// An exchange and its queue.
struct Place {
    connection: Connection,
    channel: Channel,
    exchange: ShortString,
    queue: ShortString,
    key: ShortString,
    payload: Bytes,
}

impl Place {
    async fn open(setting: &Setting<'_>, kept: Option<i32>) -> Result<Self> {
        let site = setting.site;
        let connecting = Connection::connect(&site.addresses.amqp, ConnectionProperties::default());
        let connection = connecting.await.context("RabbitMQ")?;
        let channel = connection.create_channel().await?;
        let (exchange, queue) = (site.name("shop"), site.name("orders"));
        let (exchange, queue) = (ShortString::from(exchange), ShortString::from(queue));
        let key = ShortString::from("orders.new");
        let mut arguments = FieldTable::default();
        if let Some(kept) = kept {
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(kept));
        }
        let (none, options) = (FieldTable::default(), QueueDeclareOptions::default());
        channel
            .queue_declare(queue.clone(), options, arguments)
            .await?;
        let (kind, options) = (ExchangeKind::Topic, ExchangeDeclareOptions::default());
        channel
            .exchange_declare(exchange.clone(), kind, options, none.clone())
            .await?;
        let options = QueueBindOptions::default();
        channel
            .queue_bind(queue.clone(), exchange.clone(), key.clone(), options, none)
            .await?;
        Ok(Self {
            connection,
            channel,
            exchange,
            queue,
            key,
            payload: setting.payload.clone(),
        })
    }

    async fn empty(&self) -> Result<()> {
        let options = QueuePurgeOptions::default();
        self.channel
            .queue_purge(self.queue.clone(), options)
            .await?;
        Ok(())
    }

    async fn publish(&self, headers: Option<FieldTable>) -> Result<PublisherConfirm> {
        let mut properties = BasicProperties::default();
        if let Some(headers) = headers {
            properties = properties.with_headers(headers);
        }
        let (exchange, key) = (self.exchange.clone(), self.key.clone());
        let options = BasicPublishOptions::default();
        let channel = &self.channel;
        let confirm = channel.basic_publish(exchange, key, options, &self.payload, properties);
        Ok(confirm.await?)
    }

    /// Waits until the broker has read all that was sent before.
    async fn arrived(&self) -> Result<()> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = self.queue.clone();
        self.channel
            .queue_declare(queue, options, FieldTable::default())
            .await?;
        Ok(())
    }

    async fn close(self) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        channel
            .queue_delete(self.queue, QueueDeleteOptions::default())
            .await?;
        channel
            .exchange_delete(self.exchange, ExchangeDeleteOptions::default())
            .await?;
        self.connection.close(200, "done".into()).await?;
        Ok(())
    }
}

/// `basic_publish`, with and without confirms.
pub(crate) struct Publishing<const CONFIRMED: bool> {
    place: Place,
    ours: InjectingProducer<Channel>,
    tracer: BoxedTracer,
}

impl<const CONFIRMED: bool> Scenario for Publishing<CONFIRMED> {
    const NAME: &'static str = if CONFIRMED {
        "AMQP publish, confirmed"
    } else {
        "AMQP publish"
    };
    const MESSAGES: usize = if CONFIRMED { 6_000 } else { 10_000 };
    const LARGEST: usize = 1024;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let place = Place::open(setting, Some(KEPT)).await?;
        if CONFIRMED {
            place
                .channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
        }
        let ours = InjectingProducer::new(place.channel.clone());
        Ok(Self {
            place,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        self.place.empty().await
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let (place, most) = (&self.place, if CONFIRMED { MOST_UNCONFIRMED } else { MOST });
        let begun = Instant::now();
        match way {
            Way::Bare => {
                in_flight(messages, most, async || {
                    let confirmation = place.publish(None).await?.await?;
                    ensure!(!confirmation.is_nack(), "RabbitMQ refused a message");
                    Ok(())
                })
                .await?;
            }
            Way::ByHand => {
                in_flight(messages, most, async || {
                    let builder = publish_span(&place.exchange, &place.key);
                    let (span, headers) = start::<Amqp>(&self.tracer, builder, None, ROOM);
                    let confirmation = place.publish(headers).await?.await?;
                    ensure!(!confirmation.is_nack(), "RabbitMQ refused a message");
                    end(span);
                    Ok(())
                })
                .await?;
            }
            Way::Ours => {
                in_flight(messages, most, async || {
                    let (exchange, key) = (place.exchange.clone(), place.key.clone());
                    let options = BasicPublishOptions::default();
                    let properties = BasicProperties::default();
                    let ours = &self.ours;
                    let confirm =
                        ours.basic_publish(exchange, key, options, &place.payload, properties);
                    let confirmation = confirm.await?.await?;
                    ensure!(!confirmation.is_nack(), "RabbitMQ refused a message");
                    Ok(())
                })
                .await?;
            }
        }
        place.arrived().await?;
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.place.close().await
    }
}

/// A consumer that acknowledges many messages at a time.
pub(crate) struct Consuming {
    place: Place,
    instrumentation: Instrumentation,
    tracer: BoxedTracer,
}

impl Scenario for Consuming {
    const NAME: &'static str = "AMQP consume";
    const MESSAGES: usize = 10_000;
    const LARGEST: usize = 1024;
    const SENDS: bool = false;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        Ok(Self {
            place: Place::open(setting, None).await?,
            instrumentation: setting.site.instrumentation.clone(),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, messages: usize) -> Result<()> {
        self.place.empty().await?;
        let headers = Amqp::received(&Carried::SPAN.entries());
        in_flight(messages, MOST, async || {
            self.place.publish(Some(headers.clone())).await?.await?;
            Ok(())
        })
        .await?;
        self.place.arrived().await
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let channel = self.place.connection.create_channel().await?;
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await?;
        let (queue, options) = (self.place.queue.clone(), BasicConsumeOptions::default());
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
        let mut deliveries = consuming.await?;
        let mut begun = Instant::now();
        for number in 1..=messages {
            let delivery = deliveries
                .next()
                .await
                .context("the consumer has ended")??;
            if number == 1 {
                begun = Instant::now();
            }
            let handler = async { black_box(&delivery.data).len() };
            match way {
                Way::Bare => handler.await,
                Way::ByHand => handle_by_hand::<Amqp, _>(&self.tracer, &delivery, handler).await,
                Way::Ours => self.instrumentation.process(&delivery).run(handler).await,
            };
            if number % ACKNOWLEDGED == 0 || number == messages {
                let options = BasicAckOptions { multiple: true };
                delivery.ack(options).await?;
            }
        }
        let took = begun.elapsed();
        channel.close(200, "done".into()).await?;
        Ok(took)
    }

    async fn close(self) -> Result<()> {
        self.place.close().await
    }
}
