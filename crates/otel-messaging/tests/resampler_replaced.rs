//! An application that replaces its global tracer provider by one whose sampler does not know the marks of
//! `Resample`. One test, because the provider belongs to the whole process.
#![cfg(feature = "sdk")]

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{TRACEPARENT, message};
use opentelemetry::global;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::Finding;
use otel_messaging::sdk::Resampler;
use otel_messaging::trust::{IncomingPolicy, Messages};

#[test]
fn what_was_known_of_the_old_provider_does_not_hold_for_the_new_one() {
    let policy = IncomingPolicy::Resample;
    let by = Instrumentation::builder()
        .with_incoming(Messages::all(), policy)
        .build();
    let continues = || {
        let span = by.process(&message());
        let trace_id = span.context().span().span_context().trace_id();
        TRACEPARENT.contains(&trace_id.to_string())
    };
    let finds = || by.self_check().contains(&Finding::NoResampler);
    assert!(!continues(), "no provider yet");

    let with = SdkTracerProvider::builder()
        .with_sampler(Resampler::new(Sampler::AlwaysOff))
        .build();
    global::set_tracer_provider(with);
    // It is looked for at once, because there was no such sampler before.
    assert!(continues() && !finds());

    global::set_tracer_provider(SdkTracerProvider::builder().build());
    // The first one shows that it is another provider.
    continues();
    assert!(!continues() && !continues());
    assert!(finds());
}
