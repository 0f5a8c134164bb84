//! Baggage that the application wants to see on the metrics of messages.

use crate::message::{Message, Sent, Spans, TRACEPARENT, TestClient, spans};
use crate::meter::{Meter, Series, meter};
use crate::settlement::{Broker, Settlement, delivery};
use futures_util::FutureExt;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, ContextGuard, KeyValue};
use otel_messaging::adapter::{
    Describe, Destination, MessageInfo, Outcome, Relay, Sender, TextMap, semconv,
};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::{BaggageAttributes, MetricDestinations};
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Instrumentation, Received};
use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::thread;
use std::time::{Duration, SystemTime};

const SENT: &str = semconv::MESSAGING_CLIENT_SENT_MESSAGES;
const CONSUMED: &str = semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES;
const OPERATION: &str = semconv::MESSAGING_CLIENT_OPERATION_DURATION;
const PROCESS: &str = semconv::MESSAGING_PROCESS_DURATION;
const QUEUE_TIME: &str = semconv::OTEL_MESSAGING_QUEUE_TIME;
const PROPAGATION: &str = semconv::OTEL_MESSAGING_PROPAGATION_MESSAGES;

const ORDERS: Sent = Sent(Destination::named("orders"));

fn by(meter: &Meter, copied: BaggageAttributes) -> Instrumentation {
    let builder = Instrumentation::builder().with_meter_provider(&meter.provider);
    builder.with_baggage_on_metrics(copied).build()
}

fn tenant() -> BaggageAttributes {
    BaggageAttributes::new(["tenant"])
}

/// With a baggage, and with the time of its sending.
struct Order(Message);

fn order(baggage: &str) -> Order {
    let fields = [("traceparent", TRACEPARENT), ("baggage", baggage)];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let headers = fields.map(own).into();
    Order(Message { headers })
}

impl Describe<TextMap> for Order {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let sent_at = SystemTime::now() - Duration::from_secs(1);
        MessageInfo::new(self.destination()).with_sent_at(Some(sent_at))
    }
}

impl Received<TextMap> for Order {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        self.0.message_headers()
    }
}

/// Makes a baggage current on this thread.
fn current(key: &'static str, value: &str) -> ContextGuard {
    Context::current_with_baggage([KeyValue::new(key, value.to_owned())]).attach()
}

fn of(series: &Series, key: &str) -> Option<String> {
    series.attributes.get(key).cloned()
}

/// The messages of each tenant.
fn tenants(meter: &Meter, name: &str) -> Vec<(String, u64)> {
    meter.counts_by(name, "tenant").into_iter().collect()
}

fn own(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    let own = |(text, count): &(&str, u64)| ((*text).to_owned(), *count);
    pairs.iter().map(own).collect()
}

#[test]
fn what_is_sent_has_the_baggage_of_the_call() {
    let meter = meter();
    let by = by(&meter, tenant());
    let outgoing = {
        let _attached = current("tenant", "acme");
        by.outgoing("publish", &ORDERS)
    };
    let _another = current("tenant", "globex");
    outgoing.finish(Outcome::accepted());
    by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    let mut headers = order("tenant=initech").0.headers;
    by.relay(
        Relay::Forward,
        Destination::unknown(),
        "publish",
        &ORDERS,
        &mut headers,
        None,
    )
    .finish(Outcome::failed("Full", &"no room"));
    for name in [SENT, OPERATION] {
        let expected = own(&[("acme", 1), ("globex", 2)]);
        assert_eq!(tenants(&meter, name), expected, "{name}");
    }
}

#[test]
fn what_is_handled_has_the_baggage_of_its_message() {
    let meter = meter();
    let by = by(&meter, tenant());
    let _around = current("tenant", "mallory");
    for message in [order("tenant=acme,plan=gold"), order("plan=gold")] {
        let handled = by.with_message_context(&message, async |_: &Order| {});
        assert!(handled.now_or_never().is_some());
    }
    for name in [CONSUMED, PROCESS, QUEUE_TIME, PROPAGATION] {
        let expected = own(&[("", 1), ("acme", 1)]);
        assert_eq!(tenants(&meter, name), expected, "{name}");
        for series in meter.series(name) {
            assert_eq!(of(&series, "plan"), None, "{name}");
            assert!(series.attributes.values().all(|value| !value.is_empty()));
        }
    }
}

#[test]
fn a_context_that_is_cut_is_counted_by_tenant() {
    let meter = meter();
    let by = by(&meter, tenant());
    let by = by.to_builder().with_injection_budget(40).build();
    let _attached = by.extract(&order("tenant=acme").0.headers).attach();
    let outgoing = by.outgoing("publish", &ORDERS);
    outgoing.inject(&mut BTreeMap::new(), None);
    outgoing.finish(Outcome::accepted());
    assert_eq!(tenants(&meter, PROPAGATION), own(&[("acme", 1)]));
}

#[test]
fn a_settlement_has_the_baggage_around_it() {
    let meter = meter();
    let by = by(&meter, tenant());
    let _around = current("tenant", "acme");
    let delivery = delivery(&Broker::default());
    let settled = by.guard(&delivery).settle(Settlement::Ack).now_or_never();
    assert!(matches!(settled, Some(Ok(()))));
    assert_eq!(tenants(&meter, OPERATION), own(&[("acme", 1)]));
}

#[test]
fn a_poll_has_none() {
    let meter = meter();
    let by = by(&meter, tenant());
    let _around = current("tenant", "acme");
    let polled = vec![order("tenant=acme"), order("tenant=acme")];
    let consumer = by.consumer(ConsumerInfo::new());
    assert!(consumer.receive(ready(polled)).now_or_never().is_some());
    assert_eq!(tenants(&meter, OPERATION), own(&[("", 1)]));
    assert_eq!(tenants(&meter, CONSUMED), own(&[("", 2)]));
}

#[test]
fn a_batch_that_is_handled_has_what_is_equal() {
    for (second, equal) in [("acme", "acme"), ("globex", "")] {
        let meter = meter();
        let copied = BaggageAttributes::new(["tenant", "plan"]);
        let by = by(&meter, copied);
        let _around = current("tenant", "mallory");
        let second = order(&format!("tenant={second},plan=gold"));
        drop(by.process_batch(&[order("plan=gold,tenant=acme"), second]));
        let process = meter.only(PROCESS);
        assert_eq!(of(&process, "tenant").unwrap_or_default(), equal);
        assert_eq!(of(&process, "plan").as_deref(), Some("gold"));
        let by_message = match equal {
            "acme" => own(&[("acme", 2)]),
            _ => own(&[("acme", 1), ("globex", 1)]),
        };
        for name in [CONSUMED, QUEUE_TIME, PROPAGATION] {
            assert_eq!(tenants(&meter, name), by_message, "{name}");
        }
    }
}

fn send_batch(by: &Instrumentation, tenants: &[&str]) {
    let mut sender = Sender::default();
    sender.set_instrumentation(by.clone());
    let _around = current("tenant", "mallory");
    let batch = sender.batch::<TestClient>("publish", &ProducerInfo::new());
    for tenant in tenants {
        let _attached = current("tenant", tenant);
        let outgoing = batch.outgoing("publish", &ORDERS);
        outgoing.finish(Outcome::accepted());
    }
}

#[test]
fn a_batch_that_is_sent_has_what_is_equal() {
    for has_create_spans in [true, false] {
        for spans in [None, Some(spans())] {
            let (equal, unequal) = (meter(), meter());
            let by = |meter: &Meter| {
                let builder = match &spans {
                    Some(Spans {
                        instrumentation, ..
                    }) => instrumentation.to_builder(),
                    None => Instrumentation::builder(),
                };
                builder
                    .with_meter_provider(&meter.provider)
                    .with_baggage_on_metrics(tenant())
                    .with_create_spans(has_create_spans)
                    .build()
            };
            send_batch(&by(&equal), &["acme", "acme"]);
            assert_eq!(tenants(&equal, SENT), own(&[("acme", 2)]));
            assert_eq!(tenants(&equal, OPERATION), own(&[("acme", 1)]));
            send_batch(&by(&unequal), &["acme", "globex"]);
            assert_eq!(tenants(&unequal, SENT), own(&[("acme", 1), ("globex", 1)]));
            assert_eq!(tenants(&unequal, OPERATION), own(&[("", 1)]));
        }
    }
}

/// Whoever sends a message chooses its baggage.
#[test]
fn hostile_values_make_no_further_time_series() {
    let meter = meter();
    let by = by(&meter, tenant().with_values_on_metrics(5));
    let handle = |baggage: &str| drop(by.process(&order(baggage)));
    for number in 0..5 {
        handle(&format!("tenant=t{number}"));
    }
    thread::scope(|scope| {
        for sender in 0..4 {
            scope.spawn(move || {
                for number in 0..1_000 {
                    handle(&format!("tenant={sender}-{number}"));
                }
            });
        }
    });
    handle(&format!("tenant={}", "x".repeat(4_000)));
    handle("tenant=%1B%5B2J");
    handle("tenant=t3");
    for name in [CONSUMED, PROCESS, QUEUE_TIME, PROPAGATION] {
        let expected = [
            ("_OTHER", 4_002),
            ("t0", 1),
            ("t1", 1),
            ("t2", 1),
            ("t3", 2),
            ("t4", 1),
        ];
        assert_eq!(tenants(&meter, name), own(&expected), "{name}");
    }
}

#[test]
fn values_that_are_made_up_do_not_push_out_listed_ones() {
    let meter = meter();
    let by = by(&meter, tenant().with_listed_values("tenant", ["acme"]));
    for number in 0..1_000 {
        drop(by.process(&order(&format!("tenant={number}"))));
    }
    drop(by.process(&order("tenant=acme")));
    assert_eq!(
        tenants(&meter, CONSUMED),
        own(&[("_OTHER", 1_000), ("acme", 1)])
    );
}

/// A sender must not say in which system or on which server a message was, or that it failed.
#[test]
fn what_a_metric_has_already_stays() {
    let meter = meter();
    let taken = [
        semconv::MESSAGING_SYSTEM_NAME,
        semconv::MESSAGING_OPERATION_NAME,
        semconv::MESSAGING_OPERATION_TYPE,
        semconv::MESSAGING_DESTINATION_NAME,
        semconv::MESSAGING_DESTINATION_PARTITION_ID,
        semconv::MESSAGING_CONSUMER_GROUP_NAME,
        semconv::SERVER_ADDRESS,
        semconv::ERROR_TYPE,
        semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME,
    ];
    let by = by(
        &meter,
        BaggageAttributes::new(taken.into_iter().chain(["tenant"])),
    );
    let by = by
        .to_builder()
        .with_metric_destinations(MetricDestinations::All);
    let by = by.build();
    let lies = taken.map(|key| KeyValue::new(key, "mallory"));
    let baggage = lies.into_iter().chain([KeyValue::new("tenant", "acme")]);
    let context = Context::current_with_baggage(baggage);
    assert_eq!(context.baggage().len(), 10);
    let mut headers = BTreeMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]);
    by.inject(&context, &mut headers);
    let _attached = context.attach();
    let mut outgoing = by.outgoing("publish", &ORDERS);
    outgoing.set_partition(3);
    outgoing.finish(Outcome::failed("Full", &"no room"));
    drop(by.process(&Message { headers }));
    for name in [SENT, OPERATION, CONSUMED, PROCESS, PROPAGATION] {
        let series = meter.only(name);
        let texts: BTreeSet<_> = series.attributes.values().map(String::as_str).collect();
        assert!(!texts.contains("mallory"), "{name}: {series:?}");
        assert_eq!(of(&series, "tenant").as_deref(), Some("acme"), "{name}");
    }
    assert_eq!(of(&meter.only(SENT), "error.type").as_deref(), Some("Full"));
}

#[test]
fn without_the_setting_there_is_none() {
    let meter = meter();
    let by = Instrumentation::builder().with_meter_provider(&meter.provider);
    let by = by.build();
    let _attached = current("tenant", "acme");
    by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
    drop(by.process(&order("tenant=acme")));
    send_batch(&by, &["acme"]);
    for name in [SENT, OPERATION, CONSUMED, PROCESS, QUEUE_TIME, PROPAGATION] {
        let series = meter.series(name);
        assert!(!series.is_empty(), "{name}");
        assert!(series.iter().all(|it| of(it, "tenant").is_none()), "{name}");
    }
}
