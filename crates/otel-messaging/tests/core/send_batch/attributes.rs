//! What spans and metrics say of a batch.

use super::{DURATION, Numbered, ORDERS, PARCELS, SENT, batch, of_link, parts, send, text};
use crate::message::spans;
use crate::meter::meter;
use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Attributes, Outcome, semconv};
use otel_messaging::instrumentation::MetricDestinations;
use std::collections::BTreeMap;

#[test]
fn what_differs_is_on_the_links() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    for number in 0..3 {
        let (outgoing, _) = send(&batch, &Numbered(number));
        let answer = |attributes: &mut Attributes| {
            attributes.set("offset", i64::from(100 + number));
            attributes.set("stream", "ORDERS");
        };
        outgoing.finish(Outcome::Accepted(&answer));
    }
    drop(batch);
    let (_, sending) = parts(&spans);
    assert_eq!(text(&sending, "color").as_deref(), Some("blue"));
    assert_eq!(text(&sending, "stream").as_deref(), Some("ORDERS"));
    let partition = semconv::MESSAGING_DESTINATION_PARTITION_ID;
    for differing in ["number", "offset", partition] {
        assert_eq!(text(&sending, differing), None, "{differing}");
    }
    for (number, link) in sending.links.iter().enumerate() {
        assert_eq!(link.attributes.len(), 3, "{link:?}");
        assert_eq!(of_link(link, "number"), Some(number.to_string()));
        assert_eq!(of_link(link, "offset"), Some((100 + number).to_string()));
        assert_eq!(of_link(link, partition), Some((number % 2).to_string()));
    }
}

#[test]
fn a_batch_of_several_destinations_names_none() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_metric_destinations(MetricDestinations::All);
        let by = by.with_meter_provider(&meter.provider);
        let by = by.with_create_spans(has_create_spans).build();
        let batch = batch(&by);
        drop((send(&batch, &ORDERS), send(&batch, &PARCELS), batch));
        let (_, sending) = parts(&spans);
        assert_eq!(sending.name, "publish");
        let name = semconv::MESSAGING_DESTINATION_NAME;
        assert_eq!(text(&sending, name), None);
        let mut linked: Vec<_> = sending.links.iter().map(|it| of_link(it, name)).collect();
        linked.sort();
        let named = ["orders", "parcels"].map(|name| Some(name.to_owned()));
        let expected = if has_create_spans { &named[..] } else { &[] };
        assert_eq!(linked, expected);
        let each = BTreeMap::from([("orders".to_owned(), 1), ("parcels".to_owned(), 1)]);
        assert_eq!(meter.counts_by(SENT, name), each);
        assert_eq!(
            meter.counts_by(DURATION, name),
            BTreeMap::from([(String::new(), 1)])
        );
    }
}

#[test]
fn a_partition_that_the_broker_chose_for_all_is_on_the_send_span() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    for _ in 0..2 {
        let (mut outgoing, _) = send(&batch, &ORDERS);
        outgoing.set_partition(7);
        outgoing.finish(Outcome::accepted());
    }
    drop(batch);
    let (created, sending) = parts(&spans);
    let partition = semconv::MESSAGING_DESTINATION_PARTITION_ID;
    assert_eq!(text(&sending, partition).as_deref(), Some("7"));
    let named = |it: &&KeyValue| it.key.as_str() == partition;
    assert_eq!(sending.attributes.iter().filter(named).count(), 1);
    assert_eq!(text(&created[0], partition), None, "it had ended before");
}

#[test]
fn failures_mark_the_send_span() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        for outcome in [
            Outcome::accepted(),
            Outcome::failed("Full", &"no room"),
            Outcome::Unknown,
            Outcome::failed("Closed", &"the channel is closed"),
        ] {
            send(&batch, &ORDERS).0.finish(outcome);
        }
        drop(batch);
        let (created, sending) = parts(&spans);
        assert_eq!(
            sending.status,
            Status::error("2 of 4 messages failed: no room")
        );
        assert_eq!(text(&sending, "error.type").as_deref(), Some("Full"));
        assert!(created.iter().all(|span| span.status == Status::Unset));
        let linked: Vec<_> = sending
            .links
            .iter()
            .map(|it| of_link(it, "error.type"))
            .collect();
        let errors = [None, Some("Full"), None, Some("Closed")].map(|it| it.map(str::to_owned));
        let expected = if has_create_spans { &errors[..] } else { &[] };
        assert_eq!(linked, expected);
        let sent = [("", 2), ("Full", 1), ("Closed", 1)].map(|(key, n)| (key.to_owned(), n));
        assert_eq!(meter.counts_by(SENT, "error.type"), BTreeMap::from(sent));
        let took = BTreeMap::from([("Full".to_owned(), 1)]);
        assert_eq!(meter.counts_by(DURATION, "error.type"), took);
    }
}

/// Also without spans.
#[test]
fn metrics_count_messages_and_time_the_batch() {
    for has_create_spans in [true, false] {
        let meter = meter();
        let by = Instrumentation::builder().with_meter_provider(&meter.provider);
        let by = by.with_destination_template("order{all}");
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        for _ in 0..5 {
            send(&batch, &ORDERS).0.finish(Outcome::accepted());
        }
        assert_eq!(meter.series(DURATION), []);
        drop(batch);
        let common = [
            ("messaging.system.name", "test"),
            ("messaging.operation.name", "publish"),
            ("messaging.destination.template", "order{all}"),
            ("server.address", "mq.internal"),
            ("server.port", "5672"),
        ];
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let mut expected: BTreeMap<_, _> = common.map(own).into();
        let sent = meter.only(SENT);
        assert_eq!((sent.count, &sent.attributes), (5, &expected));
        let took = meter.only(DURATION);
        expected.extend([own(("messaging.operation.type", "send"))]);
        assert_eq!((took.count, &took.attributes), (1, &expected));
    }
}
