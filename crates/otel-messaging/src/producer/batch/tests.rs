use super::*;
use crate::carrier::maps::TextMap;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::cell::Cell;

enum TestClient {}

impl Client for TestClient {
    const SYSTEM: &'static str = "test";
    const NAME: &'static str = "otel-messaging-test";
    const VERSION: &'static str = "1.2.3";
}

struct Order;

impl Describe<TextMap> for Order {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }
}

/// A join has up to 1,024 links, and each message inside would copy them.
#[test]
fn links_are_made_only_if_a_span_may_have_them() {
    let without = Instrumentation::default();
    let provider = SdkTracerProvider::builder().build();
    let with = without.to_builder().with_tracer_provider(&provider).build();
    for (by, is_wanted) in [(without, false), (with, true)] {
        for has_create_spans in [true, false] {
            let by = by.to_builder().with_create_spans(has_create_spans).build();
            let batch = Batch::start::<TestClient>(&by, "send", &ProducerInfo::new());
            let batch = Arc::new(batch.expect("telemetry is on"));
            for kept in [None, Some(Context::new())] {
                let made = Cell::new(false);
                let links = || {
                    made.set(true);
                    Vec::new()
                };
                let described = ("send", &Order);
                let settings = by.settings();
                drop(batch.start_message(
                    settings,
                    described,
                    Context::new(),
                    links,
                    kept.as_ref(),
                ));
                assert_eq!(made.get(), is_wanted, "{has_create_spans} {kept:?}");
            }
        }
    }
}
