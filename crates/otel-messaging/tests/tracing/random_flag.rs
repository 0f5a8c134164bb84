//! The flag "random trace id" is the trace's, also where spans are of `tracing`.

use crate::message::{Message, NOWHERE, TRACEPARENT};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::{Instrumentation, current_context, get_context, inject, process};
use std::collections::BTreeMap;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt;

#[test]
fn it_goes_out_as_it_came_in() {
    let samplers = [(Sampler::AlwaysOff, 0), (Sampler::AlwaysOn, 1)];
    for (sampler, sampled) in samplers {
        for activation in [true, false] {
            let provider = SdkTracerProvider::builder()
                .with_sampler(sampler.clone())
                .build();
            let layer = tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("application"))
                .with_context_activation(activation);
            let subscriber = tracing_subscriber::registry().with(layer);
            let _subscribed = tracing::subscriber::set_default(subscriber);
            for flags in 0..4 {
                let traceparent = TRACEPARENT.replace("-01", &format!("-{flags:02x}"));
                let headers = BTreeMap::from([("traceparent".to_owned(), traceparent)]);
                let expected = format!("{:02x}", (flags & 2) | sampled);
                let what = format!("{sampler:?} {activation} {flags}");
                let check = |fields: &BTreeMap<String, String>| {
                    let traceparent = &fields["traceparent"];
                    assert_eq!(traceparent[..35], TRACEPARENT[..35], "{what}");
                    assert_eq!(traceparent[53..], expected, "{what}");
                };

                let _handling = process(&Message { headers }).enter();
                check(&get_context().into());
                let _inner = info_span!("inner").entered();
                assert!(current_context().span().span_context().is_valid());
                check(&get_context().into());
                let sending = Instrumentation::global().outgoing("send", &NOWHERE);
                let mut headers = BTreeMap::new();
                inject(sending.context(), &mut headers);
                check(&headers);
            }
        }
    }
}
