//! Where is measured: the brokers, and what the application has set up of OpenTelemetry.

use crate::spans::LastSpan;
use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use opentelemetry::global;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::{Instrumentation, propagation};
use tokio::runtime::{Builder, Runtime};

/// Where the brokers are.
#[derive(Args)]
pub(crate) struct Addresses {
    /// RabbitMQ: amqp://user:password@host:port/vhost
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp: String,
    /// Kafka: host:port
    #[arg(long, env = "KAFKA_BROKERS")]
    pub kafka: String,
    /// NATS: nats://host:port
    #[arg(long, env = "NATS_URL", hide_env_values = true)]
    pub nats: String,
}

pub(crate) struct Site {
    pub addresses: Addresses,
    /// Where the tasks of a client can be that must not be counted.
    pub elsewhere: Runtime,
    /// Ours.
    pub instrumentation: Instrumentation,
    /// The last span that has ended.
    pub last: LastSpan,
}

impl Site {
    /// Sets up an SDK that records all spans and drops them when they end.
    ///
    /// # Errors
    ///
    /// If there can be no thread.
    pub(crate) fn new(addresses: Addresses) -> Result<Self> {
        let last = LastSpan::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_span_processor(last.clone())
            .build();
        global::set_tracer_provider(provider);
        let ours = Instrumentation::builder().with_propagator(propagation::w3c());
        let mut elsewhere = Builder::new_multi_thread();
        elsewhere.worker_threads(1).enable_all();
        Ok(Self {
            addresses,
            elsewhere: elsewhere.build()?,
            instrumentation: ours.build(),
            last,
        })
    }

    /// A name that nobody else has on the brokers.
    pub(crate) fn name(&self, of: &str) -> String {
        format!("benches-{}-{of}", std::process::id())
    }
}

/// Bytes of all sorts.
pub(crate) fn payload(size: usize) -> Bytes {
    (0..size).map(|index| (index % 251) as u8).collect()
}
