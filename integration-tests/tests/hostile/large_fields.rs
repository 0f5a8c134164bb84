//! Propagators that write more than a message has room for, under names that they declare and
//! others. The message arrives, without what does not fit, and the connection lives on.

use integration_tests::client::{Client, in_time};
use integration_tests::kafka::Kafka;
use integration_tests::nats::{JetStream, Nats};
use integration_tests::onward::SendsOn;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::FutureExt;
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging::loss::dropped_fields;

/// Writes one field, of so many bytes.
#[derive(Debug)]
struct Large {
    declared: [String; 1],
    written: &'static str,
    size: usize,
}

impl TextMapPropagator for Large {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        injector.set(self.written, "x".repeat(self.size));
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.declared)
    }
}

/// Larger than the headers of a stream, than a frame of AMQP, than what a Kafka producer sends, and than
/// what NATS takes.
const SIZES: [usize; 4] = [70_000, 200_000, 999_900, 1_100_000];
const DEFAULT: usize = 9_216;

#[apply(broker_test)]
async fn a_message_arrives_without_what_does_not_fit() {
    arrives::<RabbitMq>(FRAME).await;
    arrives::<Kafka>(1_000_000).await;
    arrives::<Nats>(STREAM_HEADERS).await;
    arrives::<JetStream>(STREAM_HEADERS).await;
}

/// Of AMQP, as lapin and RabbitMQ agree on it.
const FRAME: usize = 131_072;
/// What a stream takes.
const STREAM_HEADERS: usize = 65_535;

/// `room` is what a message may have at most, in bytes.
async fn arrives<C: SendsOn>(room: usize) {
    let (mut client, spans) = (C::connect().await, Spans::new());
    for written in ["x-declared", "x-undeclared", "traceparent"] {
        for (size, budget) in SIZES
            .into_iter()
            .flat_map(|size| [DEFAULT, 1_000_000, usize::MAX].map(|budget| (size, budget)))
        {
            let propagator = Large {
                declared: ["x-declared".to_owned()],
                written,
                size,
            };
            let by = spans
                .instrumentation
                .to_builder()
                .with_propagator(propagator)
                .build();
            let by = by.to_builder().with_injection_budget(budget).build();
            let fits = size < budget.min(room - 1_000);
            let case = format!("{written}, {size} bytes, {budget}");
            sent_each_way(&mut client, &by, written, fits.then_some(size), &case).await;
        }
    }
}

async fn sent_each_way<C: SendsOn>(
    client: &mut C,
    by: &Instrumentation,
    written: &str,
    expected: Option<usize>,
    case: &str,
) {
    let mut dropped = dropped_fields();
    client.send_plain(&[]).await;
    let message = client.receive().await;
    for way in 0..4 {
        let sent = async {
            match way {
                0 => client.send(Some(by), &[]).await,
                1 => client.forward(by, &message).await,
                2 => client.republish(by, &message).await,
                _ => client.dead_letter(by, &message, &"no such article").await,
            }
        };
        let sent = in_time("send", sent).await;
        sent.unwrap_or_else(|error| panic!("{case}, {way}: {error}"));
        let headers = C::headers(&client.receive().await);
        let mut found = headers.iter().filter(|(name, _)| name == written);
        let found = found.next().map(|(_, value)| value.len());
        assert_eq!(found, expected, "{case}, {way}");
        let now = dropped_fields();
        // Other tests of this process drop fields too.
        assert!(now > dropped || expected.is_some(), "{case}, {way}");
        dropped = now;
    }
}

/// The caller's own headers leave less room in a stream than a context takes by default.
#[apply(broker_test)]
async fn a_stream_takes_a_message_with_large_headers() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let order = spans.root("order").with_baggage([KeyValue::new("a", "1")]);
    // What is around the lines, and around the caller's own.
    let most = STREAM_HEADERS - 12 - "x: \r\n".len();
    let traceparent = "traceparent: \r\n".len() + 55;
    let baggage = "baggage: a=1\r\n".len();
    for (spare, expected) in [
        // Room is kept for a tracestate.
        (traceparent + baggage + 4, &["baggage", "traceparent"][..]),
        (traceparent, &["traceparent"]),
        (traceparent - 1, &[]),
        (0, &[]),
    ] {
        let own = "x".repeat(most - spare);
        let own = [("x", own.as_str())];
        let sent = client.send(Some(&spans.instrumentation), &own);
        let sent = in_time("send", sent.with_context(order.clone())).await;
        sent.unwrap_or_else(|error| panic!("{spare}: {error}"));
        let headers = JetStream::headers(&client.receive().await);
        let mut names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.retain(|name| *name != "x");
        names.sort_unstable();
        assert_eq!(names, expected, "{spare}");
    }
}

/// Where there is no stream, larger ones are as good, and get their context.
#[apply(broker_test)]
async fn larger_headers_than_a_stream_takes_have_a_context_too() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let own = "x".repeat(STREAM_HEADERS);
    let own = [("x", own.as_str())];
    let sent = client.send(Some(&spans.instrumentation), &own);
    in_time("send", sent).await.expect("the server takes it");
    let headers = Nats::headers(&client.receive().await);
    assert_eq!(headers.len(), 2);
}
