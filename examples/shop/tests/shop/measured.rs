//! The metrics of ten orders.

use crate::received::Received;
use crate::ten::Line;
use std::collections::BTreeMap;

pub(crate) fn assert_metrics(received: &Received, prefix: &str) {
    let any: (_, fn(&str) -> bool) = ("", |_| true);
    let failed: (_, fn(&str) -> bool) = ("error.type", |error| !error.is_empty());
    let extracted: (_, fn(&str) -> bool) = ("otel_messaging.propagation.outcome", |outcome| {
        outcome == "extracted"
    });
    let other: (_, fn(&str) -> bool) = ("otel_messaging.propagation.outcome", |outcome| {
        outcome != "extracted"
    });
    let propagated = "otel_messaging.propagation.messages";
    let handled = [
        ("customers", 9),
        ("invoices", 9),
        ("orders", 10),
        ("parcels", 9),
    ];
    for (metric, which, expected) in [
        (
            "messaging.client.sent.messages",
            any,
            &[
                ("customers", 9),
                ("invoices", 9),
                ("mails", 8),
                ("orders", 10),
                ("orders-failed", 1),
                ("parcels", 9),
                ("parcels-failed", 1),
            ][..],
        ),
        (
            "messaging.client.sent.messages",
            failed,
            &[("customers", 1)],
        ),
        ("messaging.client.consumed.messages", any, &handled),
        (propagated, extracted, &handled),
        (propagated, other, &[]),
        // RabbitMQ's messages have no time of their sending.
        (
            "otel_messaging.queue_time",
            any,
            &[("invoices", 9), ("parcels", 9)],
        ),
        (
            "messaging.process.duration",
            failed,
            &[("customers", 1), ("orders", 1), ("parcels", 1)],
        ),
    ] {
        let expected = expected
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        let found = counts(received, prefix, metric, which);
        assert_eq!(found, expected.collect(), "{metric}");
    }
}

/// How many messages each destination had, by tenant.
pub(crate) fn assert_tenants(received: &Received, orders: &[Line], prefix: &str) {
    let mut consumed = BTreeMap::<_, u64>::new();
    for (series, measured) in &received.metrics {
        if series.metric == "messaging.client.consumed.messages" {
            let key = ["messaging.destination.name", "tenant"].map(|key| series.attribute(key));
            *consumed.entry(key.map(str::to_owned)).or_default() += measured.count;
        }
    }
    let mut expected = BTreeMap::<_, u64>::new();
    for line in orders {
        let destinations: &[&str] = match &*line.outcome {
            "put aside by billing" => &["orders"],
            _ => &["orders", "invoices", "parcels", "customers"],
        };
        for destination in destinations {
            let key = [format!("{prefix}{destination}"), line.tenant.clone()];
            *expected.entry(key).or_default() += 1;
        }
    }
    assert_eq!(consumed, expected);
}

/// How many messages each destination had, without the prefix, in the series of a metric with this attribute.
fn counts(
    received: &Received,
    prefix: &str,
    metric: &str,
    (key, has): (&str, fn(&str) -> bool),
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::<_, u64>::new();
    for (series, measured) in &received.metrics {
        let destination = series.attribute("messaging.destination.name");
        if series.metric == metric
            && has(series.attribute(key))
            && let Some(destination) = destination.strip_prefix(prefix)
        {
            *counts.entry(destination.to_owned()).or_default() += measured.count;
        }
    }
    counts
}
