//! Which broker carries which hop.

use crate::arguments::Arguments;
use crate::hop::{Consumer, Ends, Hop, Producer, Route};
use crate::kafka::Kafka;
use crate::nats::Nats;
use crate::rabbitmq::RabbitMq;
use crate::service::{Service, Services};
use anyhow::anyhow;
use examples::address::Address;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How long a broker may take to be connected to, and again to create what its hop needs.
const ANSWER: Duration = Duration::from_secs(8);
/// How long the order may take, the joining of consumer groups included.
const RUN: Duration = Duration::from_secs(20);
/// How long the brokers may take to be left.
const CLOSE: Duration = Duration::from_secs(2);

const QUEUE: &str = "orders";
const TOPIC: &str = "invoices";
const STREAM: &str = "parcels";

/// The destinations on the embedded Kafka, and the templates of their names on real brokers.
pub(crate) const DESTINATIONS: [(&str, &str); 3] = [
    (QUEUE, "orders-{run}"),
    (TOPIC, "invoices-{run}"),
    (STREAM, "parcels-{run}"),
];

pub(crate) enum Brokers {
    Embedded(Kafka),
    Real(Box<Real>),
}

pub(crate) struct Real {
    rabbitmq: Named<RabbitMq>,
    kafka: Named<Kafka>,
    nats: Named<Nats>,
    /// Makes the names of this run its own.
    run: String,
}

struct Named<B> {
    name: &'static str,
    address: Address,
    client: B,
}

impl Brokers {
    pub(crate) async fn connect(arguments: &Arguments) -> anyhow::Result<Self> {
        let Some(addresses) = arguments.addresses() else {
            return Ok(Brokers::Embedded(Kafka::embedded()?));
        };
        let (rabbitmq, kafka, nats) = tokio::try_join!(
            connect("RabbitMQ", addresses.rabbitmq, RabbitMq::connect),
            connect("Kafka", addresses.kafka, Kafka::connect),
            connect("NATS", addresses.nats, Nats::connect),
        )?;
        Ok(Brokers::Real(Box::new(Real {
            rabbitmq,
            kafka,
            nats,
            run: run_id(),
        })))
    }

    /// Opens both ends of the three hops.
    pub(crate) async fn route(&self, services: &Services) -> anyhow::Result<Route> {
        let Services {
            shop,
            checkout,
            billing,
            shipping,
            ..
        } = services;
        let deadline = Instant::now() + RUN;
        let plan = [
            (1, QUEUE, shop, checkout),
            (2, TOPIC, checkout, billing),
            (3, STREAM, billing, shipping),
        ];
        let [orders, invoices, parcels] =
            plan.map(|(number, name, from, to)| self.open(number, name, from, to, deadline));
        let (orders, invoices, parcels) = tokio::try_join!(orders, invoices, parcels)?;
        Ok(Route {
            orders,
            invoices,
            parcels,
        })
    }

    /// Removes what was created, whether or not it was.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let Brokers::Real(real) = self else {
            return Ok(());
        };
        let Real {
            rabbitmq,
            kafka,
            nats,
            run,
        } = *real;
        let (topic, stream) = (format!("{TOPIC}-{run}"), format!("{STREAM}-{run}"));
        let closing = async {
            let (closed, (), ()) = tokio::join!(
                rabbitmq.client.close(),
                kafka.client.close(&topic),
                nats.client.close(&stream),
            );
            closed
        };
        match timeout(CLOSE, closing).await {
            Ok(Err(error)) => Err(rabbitmq.address.failure(rabbitmq.name, error)),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    async fn open(
        &self,
        number: u8,
        name: &str,
        from: &Service,
        to: &Service,
        deadline: Instant,
    ) -> anyhow::Result<Ends> {
        let (broker, destination) = match self {
            Brokers::Embedded(_) => ("embedded Kafka".to_owned(), name.to_owned()),
            Brokers::Real(real) => (real.shown(number), format!("{name}-{}", real.run)),
        };
        let hop = Arc::new(Hop {
            number,
            from: from.name,
            to: to.name,
            broker,
            destination,
            ready: Arc::new(Notify::new()),
            deadline,
        });
        let opening = async {
            match self {
                Brokers::Embedded(kafka) => kafka.ends(&hop, from, to).await,
                Brokers::Real(real) => match number {
                    1 => real.rabbitmq.client.ends(&hop, from, to).await,
                    2 => real.kafka.client.ends(&hop, from, to).await,
                    _ => real.nats.client.ends(&hop, from, to).await,
                },
            }
        };
        let ends = timeout(ANSWER, opening).await;
        let (producer, consumer) = ends
            .map_err(|_| anyhow!("no answer within {} s", ANSWER.as_secs()))
            .and_then(|ends| ends)
            .map_err(|error| anyhow!("{hop}: {error}"))?;
        let producer = Producer {
            hop: hop.clone(),
            client: producer,
        };
        let consumer = Consumer {
            hop: hop.clone(),
            client: consumer,
        };
        Ok(Ends {
            hop,
            producer,
            consumer,
        })
    }
}

impl Real {
    fn shown(&self, number: u8) -> String {
        let (name, address) = match number {
            1 => (self.rabbitmq.name, &self.rabbitmq.address),
            2 => (self.kafka.name, &self.kafka.address),
            _ => (self.nats.name, &self.nats.address),
        };
        format!("{name} at {address}")
    }
}

async fn connect<B>(
    name: &'static str,
    address: Address,
    connect: impl AsyncFnOnce(&Address) -> anyhow::Result<B>,
) -> anyhow::Result<Named<B>> {
    let connected = timeout(ANSWER, connect(&address)).await;
    let client = connected
        .map_err(|_| anyhow!("no answer within {} s", ANSWER.as_secs()))
        .and_then(|connected| connected)
        .map_err(|error| address.failure(name, error))?;
    Ok(Named {
        name,
        address,
        client,
    })
}

/// Enough to keep runs on the same brokers apart.
fn run_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_micros() as u64;
    let mixed = millis ^ u64::from(std::process::id()).rotate_left(12);
    format!("{:06x}", mixed & 0xff_ffff)
}
