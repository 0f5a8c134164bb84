//! async-nats without a stream: `publish`, and a subscription.

use crate::scenario::{Scenario, Setting, Way};
use anyhow::{Context as _, Result, anyhow};
use async_nats::{Client, ConnectOptions, HeaderMap, Subject, Subscriber};
use benches::call::nats::{publish_span, room};
use benches::call::{end, handle_by_hand, start};
use benches::client::{Client as _, Nats};
use benches::sample::Carried;
use bytes::Bytes;
use futures_util::stream::StreamExt;
use opentelemetry::global::{self, BoxedTracer};
use otel_messaging::Instrumentation;
use otel_messaging_async_nats::InjectingProducer;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// The client's task is where it connects.
pub(crate) async fn connect(setting: &Setting<'_>) -> Result<Client> {
    let address = setting.site.addresses.nats.clone();
    if setting.apart {
        setting.site.elsewhere.spawn(connect_to(address)).await?
    } else {
        connect_to(address).await
    }
}

async fn connect_to(address: String) -> Result<Client> {
    // Whatever is sent at once has room in the client.
    let options = ConnectOptions::new().subscription_capacity(1 << 17);
    options.connect(address).await.context("NATS")
}

/// The headers that messages come with.
pub(crate) fn received() -> HeaderMap {
    Nats::received(&Carried::SPAN.entries())
}

/// `publish`.
pub(crate) struct Publishing {
    client: Client,
    ours: InjectingProducer<Client>,
    subject: Subject,
    payload: Bytes,
    tracer: BoxedTracer,
}

impl Scenario for Publishing {
    const NAME: &'static str = "NATS publish";
    const MESSAGES: usize = 60_000;
    const LARGEST: usize = 100;
    const SENDS: bool = true;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        let client = connect(setting).await?;
        let ours = InjectingProducer::new(client.clone());
        Ok(Self {
            client,
            ours: ours.with_instrumentation(setting.site.instrumentation.clone()),
            subject: setting.site.name("orders.new").into(),
            payload: setting.payload.clone(),
            tracer: global::tracer("benches"),
        })
    }

    async fn prepare(&mut self, _messages: usize) -> Result<()> {
        Ok(())
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let begun = Instant::now();
        for _ in 0..messages {
            let (subject, payload) = (self.subject.clone(), self.payload.clone());
            match way {
                Way::Bare => self.client.publish(subject, payload).await?,
                Way::ByHand => {
                    let builder = publish_span(&subject);
                    let room = room(&self.client, &payload);
                    let (span, headers) = start::<Nats>(&self.tracer, builder, None, room);
                    let headers = headers.unwrap_or_default();
                    let published = self.client.publish_with_headers(subject, headers, payload);
                    published.await?;
                    end(span);
                }
                Way::Ours => self.ours.publish(subject, payload).await?,
            }
        }
        self.client.flush().await?;
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}

/// A subscription.
pub(crate) struct Subscribing {
    client: Client,
    address: String,
    subject: Subject,
    payload: Bytes,
    subscriber: Option<Subscriber>,
    instrumentation: Instrumentation,
    tracer: BoxedTracer,
}

impl Scenario for Subscribing {
    const NAME: &'static str = "NATS subscribe";
    const MESSAGES: usize = 60_000;
    const LARGEST: usize = 100;
    const SENDS: bool = false;

    async fn open(setting: &Setting<'_>) -> Result<Self> {
        Ok(Self {
            client: connect(setting).await?,
            address: setting.site.addresses.nats.clone(),
            subject: setting.site.name("orders.new").into(),
            payload: setting.payload.clone(),
            subscriber: None,
            instrumentation: setting.site.instrumentation.clone(),
            tracer: global::tracer("benches"),
        })
    }

    /// The messages wait in the server, because this thread does not read meanwhile: the sender takes no time
    /// from what is measured.
    async fn prepare(&mut self, messages: usize) -> Result<()> {
        self.subscriber = Some(self.client.subscribe(self.subject.clone()).await?);
        self.client.flush().await?;
        thread::scope(|scope| {
            let sender = scope.spawn(|| self.fill(messages));
            sender.join().map_err(|_| anyhow!("the sender panicked"))?
        })
    }

    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let mut subscriber = self.subscriber.take().context("no subscription")?;
        let mut begun = Instant::now();
        for number in 1..=messages {
            let message = subscriber
                .next()
                .await
                .context("the subscription has ended")?;
            if number == 1 {
                begun = Instant::now();
            }
            let handler = async { black_box(&message.payload).len() };
            match way {
                Way::Bare => handler.await,
                Way::ByHand => handle_by_hand::<Nats, _>(&self.tracer, &message, handler).await,
                Way::Ours => self.instrumentation.process(&message).run(handler).await,
            };
        }
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}

impl Subscribing {
    fn fill(&self, messages: usize) -> Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (client, headers) = (connect_to(self.address.clone()).await?, received());
            for _ in 0..messages {
                let (subject, payload) = (self.subject.clone(), self.payload.clone());
                client
                    .publish_with_headers(subject, headers.clone(), payload)
                    .await?;
            }
            client.flush().await?;
            Ok(())
        })
    }
}
