//! Programs that are attacked: rules, samplers and filters.

use crate::client::Attacked;
use crate::message::TENANT;
use crate::policy::{LAST, POLICIES, name};
use crate::spans::Ended;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Sender;
use otel_messaging::consumer::{Consumer, ConsumerInfo};
use otel_messaging::instrumentation::BaggageAttributes;
use otel_messaging::sdk::{BaggageProcessor, Resampler};
use otel_messaging::trust::{BaggageFilter, IncomingPolicy, Messages, OutgoingPolicy};

/// The key that a list of keys has.
pub(crate) const LISTED: &str = "tenant";

/// Which baggage comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lets {
    All,
    Listed,
    None,
}

pub(crate) struct House {
    pub(crate) lets: Lets,
    /// What the sampler says of a root.
    pub(crate) samples_roots: bool,
    pub(crate) has_resampler: bool,
    pub(crate) ended: Ended,
    pub(crate) by: Instrumentation,
    /// In the order of [`POLICIES`].
    pub(crate) consumers: [Consumer; 5],
    /// Sends by the rules.
    pub(crate) ruled: Sender,
    /// Sends the listed key of baggage alone.
    pub(crate) listed: Sender,
    /// Sends without rules.
    pub(crate) plain: Sender,
    /// Sends out of the house.
    pub(crate) external: Sender,
}

impl House {
    /// One that samples nothing, one that samples all, and one without the sampler that `Resample` needs.
    pub(crate) fn all<C: Attacked>(meters: &SdkMeterProvider) -> [Self; 3] {
        let none = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.0)));
        let all = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        let off = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        let builder = SdkTracerProvider::builder;
        let none = builder().with_sampler(Resampler::new(none));
        let all = builder().with_sampler(Resampler::new(all));
        let off = builder().with_sampler(off);
        let shown = BaggageAttributes::new(["tenant", "note", "token"]);
        let made = [(none, Lets::All), (all, Lets::Listed), (off, Lets::None)];
        let mut number = 0;
        made.map(|(tracers, lets)| {
            number += 1;
            let ended = Ended::default();
            let tracers = tracers
                .with_span_processor(BaggageProcessor::new(shown.clone()))
                .with_span_processor(ended.clone())
                .build();
            let plain = Instrumentation::builder()
                .with_tracer_provider(&tracers)
                .with_meter_provider(meters)
                .with_baggage_on_metrics(shown.clone())
                .with_captured_headers(["baggage", "tracestate", TENANT])
                .build();
            Self::of::<C>(&plain, ended, lets, number)
        })
    }

    fn of<C: Attacked>(plain: &Instrumentation, ended: Ended, lets: Lets, number: usize) -> Self {
        let area = |name: &str| Messages::to_prefix([name, C::SEPARATOR].concat());
        let mut by = plain.to_builder();
        for policy in POLICIES {
            let header = Messages::all().with_header(TENANT, name(policy));
            by = by.with_incoming(header, policy);
        }
        for other in 0..20 {
            let messages = area(&format!("other-{other}"));
            by = by.with_incoming(messages, IncomingPolicy::Continue);
        }
        for policy in POLICIES {
            by = by
                .with_incoming(Messages::all().in_queue(name(policy)), policy)
                .with_incoming(area(name(policy)), policy);
        }
        let by = by
            .with_incoming(Messages::all(), LAST)
            .with_incoming_baggage(match lets {
                Lets::All => BaggageFilter::All,
                Lets::Listed => BaggageFilter::keys([LISTED]),
                Lets::None => BaggageFilter::None,
            })
            .with_outgoing(area("partner"), OutgoingPolicy::Suppress)
            .with_outgoing(area("analytics"), OutgoingPolicy::TraceContextOnly)
            .build();
        let listed = plain
            .to_builder()
            .with_outgoing_baggage(BaggageFilter::keys([LISTED]))
            .build();
        let consumer = |policy| by.consumer(ConsumerInfo::new().with_queue(name(policy)));
        Self {
            lets,
            samples_roots: number == 2,
            has_resampler: number < 3,
            ended,
            consumers: POLICIES.map(consumer),
            ruled: sender(&by),
            listed: sender(&listed),
            plain: sender(plain),
            external: sender(&plain.external()),
            by,
        }
    }
}

fn sender(by: &Instrumentation) -> Sender {
    let mut sender = Sender::default();
    sender.set_instrumentation(by.clone());
    sender
}
