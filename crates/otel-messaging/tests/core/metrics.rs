//! The metrics of what is sent and handled.

use crate::limited::Limited;
use crate::message::{Message, Sent, TestClient, message, spans};
use crate::meter::{Meter, meter};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::metrics::{Meter as OfOpenTelemetry, MeterProvider};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use otel_messaging::adapter::{
    Describe, Destination, MessageInfo, Outcome, Relay, TextMap, semconv,
};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::MetricDestinations;
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Failure, Instrumentation, Received};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

const SENT: &str = semconv::MESSAGING_CLIENT_SENT_MESSAGES;
const CONSUMED: &str = semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES;
const OPERATION: &str = semconv::MESSAGING_CLIENT_OPERATION_DURATION;
const PROCESS: &str = semconv::MESSAGING_PROCESS_DURATION;
const QUEUE_TIME: &str = semconv::OTEL_MESSAGING_QUEUE_TIME;
const PROPAGATION: &str = semconv::OTEL_MESSAGING_PROPAGATION_MESSAGES;
const OUTCOME: &str = semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME;

const ORDERS: Sent = Sent(Destination::named("orders"));

/// With metrics and without spans.
fn by(meter: &Meter) -> Instrumentation {
    let builder = Instrumentation::builder().with_meter_provider(&meter.provider);
    let names = MetricDestinations::Names(vec!["orders".to_owned()]);
    builder.with_metric_destinations(names).build()
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

#[test]
fn what_is_sent_is_counted_and_timed() {
    let meter = meter();
    let by = by(&meter);
    by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    let common = [
        ("messaging.system.name", "test"),
        ("messaging.operation.name", "publish"),
        ("messaging.destination.name", "orders"),
    ];
    let sent = meter.only(SENT);
    assert_eq!(sent.count, 1);
    assert_eq!(sent.attributes, attributes(&common));
    let operation = meter.only(OPERATION);
    assert_eq!(operation.count, 1);
    let mut expected = attributes(&common);
    expected.insert("messaging.operation.type".to_owned(), "send".to_owned());
    assert_eq!(operation.attributes, expected);
}

#[test]
fn what_is_handled_is_counted_and_timed() {
    let meter = meter();
    let message = message();
    let handled = by(&meter).with_message_context(&message, async |_: &Message| {});
    assert!(handled.now_or_never().is_some());
    let common = attributes(&[
        ("messaging.system.name", "test"),
        ("messaging.operation.name", "process"),
        ("messaging.destination.name", "orders"),
    ]);
    for name in [CONSUMED, PROCESS] {
        let series = meter.only(name);
        assert_eq!(
            (series.count, series.attributes),
            (1, common.clone()),
            "{name}"
        );
    }
    assert_eq!(meter.series(OPERATION), [], "it has no processing in it");
}

#[test]
fn a_failure_is_the_same_on_span_and_metric() {
    let (meter, spans) = (meter(), spans());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let failing = async |_: &Message| Err::<(), _>("no such article");
    let failure = |_: &&str| Some(Failure::new("article", "unknown"));
    let message = message();
    let handled = by.try_with_message_context_with(&message, failing, failure);
    assert!(handled.now_or_never().is_some());
    by.outgoing("publish", &ORDERS)
        .finish(Outcome::failed("Full", &"no room"));

    let by_error = |name| meter.counts_by(name, "error.type");
    let article = BTreeMap::from([("article".to_owned(), 1)]);
    let full = BTreeMap::from([("Full".to_owned(), 1)]);
    assert_eq!(by_error(PROCESS), article);
    assert_eq!(by_error(OPERATION), full);
    assert_eq!(by_error(SENT), full);
    // It was delivered, whatever became of it.
    assert_eq!(by_error(CONSUMED), BTreeMap::from([(String::new(), 1)]));
    let ended = spans.ended();
    for (span, error) in ended.iter().zip(["article", "Full"]) {
        let found = crate::errors::attribute(span, "error.type");
        assert_eq!(found, Some(error.into()));
    }
}

/// The duration of the span and the one that is measured are one.
#[test]
fn a_span_lasts_as_long_as_its_metric_says() {
    let (meter, spans) = (meter(), spans());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    drop(by.process(&message()));
    for (span, name) in spans.ended().iter().zip([OPERATION, PROCESS]) {
        let lasted = span.end_time.duration_since(span.start_time);
        let lasted = lasted.expect("an end after the start").as_secs_f64();
        let measured = meter.only(name).seconds;
        assert!(
            (lasted - measured).abs() < 1e-9,
            "{name}: {lasted} {measured}"
        );
    }
}

/// As the future of a publish that is dropped before it is polled.
#[test]
fn what_was_never_handed_over_is_not_counted() {
    let meter = meter();
    let by = by(&meter);
    drop(by.outgoing("publish", &ORDERS));
    assert_eq!(meter.series(SENT), []);
    assert_eq!(meter.series(OPERATION), []);

    // The answer never came, but the client was asked.
    let mut outgoing = by.outgoing("publish", &ORDERS);
    outgoing.hand_over();
    drop(outgoing);
    by.outgoing("publish", &ORDERS).finish(Outcome::Unknown);
    assert_eq!(meter.only(SENT).count, 2);
    assert_eq!(meter.only(OPERATION).count, 2);
}

#[test]
fn a_message_that_is_sent_on_counts_as_any() {
    let meter = meter();
    let mut headers = message().headers;
    let outgoing = by(&meter).relay(
        Relay::Forward,
        Destination::unknown(),
        "publish",
        &ORDERS,
        &mut headers,
        None,
    );
    assert!(outgoing.keeps_context());
    outgoing.finish(Outcome::accepted());
    assert_eq!(meter.only(SENT).count, 1);
}

#[test]
fn where_telemetry_is_off_nothing_is_counted() {
    let meter = meter();
    let by = by(&meter);
    let off = Instrumentation::disabled().to_builder();
    let off = off.with_meter_provider(&meter.provider).build();
    off.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    drop(off.process(&message()));
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    drop(by.process(&message()));
    for name in [SENT, CONSUMED, OPERATION, PROCESS, PROPAGATION] {
        assert_eq!(meter.series(name), [], "{name}");
    }
}

/// Somebody else may choose destinations: each would be a time series.
#[test]
fn a_destination_is_on_metrics_if_the_application_says_so() {
    let all = |builder: otel_messaging::instrumentation::Builder| {
        builder.with_metric_destinations(MetricDestinations::All)
    };
    let meters = [meter(), meter(), meter()];
    let [by_default, by_template, by_name] = &meters;
    let builder = |meter: &Meter| Instrumentation::builder().with_meter_provider(&meter.provider);
    let by = [
        builder(by_default).build(),
        builder(by_template)
            .with_destination_template("orders.{id}")
            .build(),
        all(builder(by_name)).build(),
    ];
    for by in &by {
        for destination in [
            Destination::named("orders.7"),
            Destination::named("orders.8"),
            Destination::temporary("_INBOX.9"),
        ] {
            by.outgoing("publish", &Sent(destination))
                .finish(Outcome::accepted());
        }
    }
    let counts = |meter: &Meter, key| meter.counts_by(SENT, key);
    let name = "messaging.destination.name";
    let template = "messaging.destination.template";
    let own = |pairs: &[(&str, u64)]| {
        let own = pairs
            .iter()
            .map(|(text, count)| ((*text).to_owned(), *count));
        own.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(counts(by_default, name), own(&[("", 3)]));
    assert_eq!(
        counts(by_template, template),
        own(&[("", 1), ("orders.{id}", 2)])
    );
    assert_eq!(counts(by_template, name), own(&[("", 3)]));
    let named = own(&[("", 1), ("orders.7", 1), ("orders.8", 1)]);
    assert_eq!(counts(by_name, name), named);
    assert_eq!(counts(by_name, template), own(&[("", 3)]));
}

struct Described {
    sent_at: Option<SystemTime>,
    producer: ProducerInfo,
    headers: BTreeMap<String, String>,
}

impl Describe<TextMap> for Described {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination())
            .with_partition(Some(3))
            .with_message_id(Some("7"))
            .with_sent_at(self.sent_at)
    }

    fn producer_info(&self) -> Option<&ProducerInfo> {
        Some(&self.producer)
    }
}

impl Received<TextMap> for Described {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

fn described(sent_at: Option<SystemTime>) -> Described {
    Described {
        sent_at,
        producer: ProducerInfo::new()
            .with_client_id("shop-1")
            .with_server("kafka.internal", 9092),
        headers: BTreeMap::new(),
    }
}

/// The allow-list: no client, no identifier of a message, and no group on what is sent.
#[test]
fn each_metric_has_its_attributes_and_no_others() {
    let meter = meter();
    let by = Instrumentation::builder().with_meter_provider(&meter.provider);
    let by = by.with_metric_destinations(MetricDestinations::All).build();
    let message = described(Some(SystemTime::now() - Duration::from_secs(2)));
    by.outgoing("send", &message).finish(Outcome::accepted());
    let info = ConsumerInfo::new()
        .with_group("billing")
        .with_subscription("durable")
        .with_queue("billing")
        .with_client_id("billing-1")
        .with_server("kafka.internal", 9092);
    drop(by.consumer(info).process(&message));

    // Partition 3 of an unknown topic says nothing.
    let unknown = crate::meter::meter();
    let by = by.to_builder().with_meter_provider(&unknown.provider);
    let by = by
        .with_metric_destinations(MetricDestinations::Templates)
        .build();
    drop(by.process(&message));
    let keys = unknown.only(PROCESS).attributes.into_keys();
    assert!(keys.into_iter().all(|key| !key.contains("partition")));

    let keys = |name| {
        let attributes = meter.only(name).attributes;
        attributes.into_keys().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        keys(SENT),
        "messaging.destination.name messaging.destination.partition.id \
         messaging.operation.name messaging.system.name server.address server.port"
    );
    assert_eq!(
        keys(OPERATION),
        "messaging.destination.name messaging.destination.partition.id \
         messaging.operation.name messaging.operation.type messaging.system.name \
         server.address server.port"
    );
    for name in [CONSUMED, PROCESS, QUEUE_TIME] {
        assert_eq!(
            keys(name),
            "messaging.consumer.group.name messaging.destination.name \
             messaging.destination.partition.id messaging.destination.subscription.name messaging.operation.name \
             messaging.system.name server.address server.port",
            "{name}"
        );
    }
}

#[test]
fn the_time_in_the_queue_is_measured_unless_the_clocks_contradict_it() {
    let (meter, spans) = (meter(), spans());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    for sent_at in [
        Some(now - hour),
        Some(now + hour),
        Some(SystemTime::UNIX_EPOCH),
        None,
    ] {
        drop(by.process(&described(sent_at)));
    }
    let measured = meter.only(QUEUE_TIME);
    assert_eq!(measured.count, 1);
    assert!((3600.0..3660.0).contains(&measured.seconds), "{measured:?}");
    let on_spans = spans.ended().into_iter().map(|span| {
        let time = crate::errors::attribute(&span, QUEUE_TIME);
        time.is_some_and(|time| matches!(time, opentelemetry::Value::F64(3600.0..3660.0)))
    });
    assert_eq!(on_spans.collect::<Vec<_>>(), [true, false, false, false]);
}

fn with_headers(fields: &[(&str, &str)]) -> Message {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Message {
        headers: fields.iter().map(own).collect(),
    }
}

#[test]
fn what_becomes_of_a_context_is_counted() {
    let meter = meter();
    let by = by(&meter);
    let traceparent = crate::message::TRACEPARENT;
    let other = traceparent.replace("0af7", "1af7");
    for (fields, expected) in [
        (&[("traceparent", traceparent)][..], "extracted"),
        (&[("order", "7")], "no_context"),
        (&[("baggage", "tenant=acme")], "no_context"),
        (&[("traceparent", "00-nonsense")], "malformed"),
        (
            &[("traceparent", traceparent), ("TraceParent", &other)],
            "contradicting",
        ),
    ] {
        let before = meter.counts_by(PROPAGATION, OUTCOME);
        drop(by.process(&with_headers(fields)));
        let mut after = meter.counts_by(PROPAGATION, OUTCOME);
        let count = after.entry(expected.to_owned()).or_default();
        *count -= 1;
        after.retain(|_, count| *count > 0);
        assert_eq!(before, after, "{fields:?}");
    }
    // A part that is ignored counts beside.
    let cut = [("traceparent", traceparent), ("baggage", "ten ant=acme")];
    drop(by.process(&with_headers(&cut)));
    let counts = meter.counts_by(PROPAGATION, OUTCOME);
    assert_eq!((counts["extracted"], counts["cut"]), (2, 1));
}

/// Also by a propagator that does not say so itself.
#[test]
fn another_propagators_failures_are_counted() {
    let meter = meter();
    let by = by(&meter).to_builder();
    let by = by.with_propagator(TraceContextPropagator::new()).build();
    drop(by.process(&with_headers(&[("traceparent", "00-nonsense")])));
    drop(by.process(&with_headers(&[("order", "7")])));
    let counts = meter.counts_by(PROPAGATION, OUTCOME);
    assert_eq!((counts["malformed"], counts["no_context"]), (1, 1));

    // It is not called for each of them: after 16 panics in a row it is left alone for a minute.
    let by = by.to_builder().with_propagator(Panicking).build();
    for _ in 0..40 {
        let outgoing = by.outgoing("publish", &ORDERS);
        outgoing.inject(&mut message().headers, None);
        outgoing.finish(Outcome::accepted());
        // Nobody has sent this one.
        by.outgoing("publish", &ORDERS)
            .inject(&mut message().headers, None);
    }
    assert_eq!(meter.counts_by(PROPAGATION, OUTCOME)["panicked"], 40);
    for _ in 0..40 {
        drop(by.process(&message()));
    }
    assert_eq!(meter.counts_by(PROPAGATION, OUTCOME)["panicked"], 80);
}

#[derive(Debug)]
struct Panicking;

impl TextMapPropagator for Panicking {
    fn inject_context(&self, _: &Context, _: &mut dyn Injector) {
        panic!("a propagator");
    }

    fn extract_with_context(&self, _: &Context, _: &dyn Extractor) -> Context {
        panic!("a propagator");
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["traceparent".to_owned()]);
        FieldIter::new(&FIELDS)
    }
}

#[test]
fn a_context_that_does_not_fit_is_counted() {
    let meter = meter();
    let by = by(&meter).to_builder().with_injection_budget(80).build();
    let baggage = format!("tenant={}", "x".repeat(99));
    let fields = [
        ("traceparent", crate::message::TRACEPARENT),
        ("baggage", &baggage),
    ];
    let _attached = by.extract(&with_headers(&fields).headers).attach();
    let send = |room| {
        let outgoing = by.outgoing("publish", &ORDERS);
        outgoing.inject(&mut Limited::by_size(BTreeMap::new()), room);
        outgoing.finish(Outcome::accepted());
        meter.counts_by(PROPAGATION, OUTCOME)
    };
    let own = |pairs: &[(&str, u64)]| {
        let own = pairs
            .iter()
            .map(|(text, count)| ((*text).to_owned(), *count));
        own.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(send(None), own(&[("cut", 1)]));
    assert_eq!(send(Some(10)), own(&[("cut", 1), ("dropped", 1)]));
}

/// A meter provider is the application's code too.
#[test]
fn a_provider_that_panics_stops_nothing_and_is_left_alone() {
    #[derive(Clone, Default)]
    struct Failing(Arc<AtomicU32>);

    impl MeterProvider for Failing {
        fn meter_with_scope(&self, _: opentelemetry::InstrumentationScope) -> OfOpenTelemetry {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("a meter provider")
        }
    }
    let failing = Failing::default();
    let by = Instrumentation::builder().with_meter_provider(&failing);
    let by = by.build();
    let before = otel_messaging::loss::caught_panics();
    let message = message();
    for _ in 0..20 {
        let handled = by.with_message_context(&message, async |_: &Message| 7);
        assert_eq!(handled.now_or_never(), Some(7));
        by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    }
    assert_eq!(failing.0.load(Ordering::Relaxed), 16, "in a row");
    assert!(otel_messaging::loss::caught_panics() >= before + 16);
}
