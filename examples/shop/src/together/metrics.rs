//! The metrics of messages, as tables.

use super::received::{Measured, Received, Series};
use super::table;
use std::collections::BTreeMap;

const OPERATION: &str = "messaging.operation.name";
const DESTINATION: &str = "messaging.destination.name";

/// Those of all services.
pub(super) fn table(received: &Received) -> String {
    let columns = [
        "service",
        "metric",
        "operation",
        "destination",
        "",
        "count",
        "mean",
    ];
    let grouped = group(received, |series| {
        let of_messages = ["messaging.", "otel_messaging."];
        let is_shown = of_messages
            .iter()
            .any(|prefix| series.metric.starts_with(prefix));
        let what = ["error.type", "otel_messaging.propagation.outcome"];
        is_shown.then(|| {
            let what = what.iter().find_map(|key| series.attributes.get(*key));
            [
                series.service.clone(),
                series.metric.clone(),
                series.attribute(OPERATION).to_owned(),
                series.attribute(DESTINATION).to_owned(),
                what.cloned().unwrap_or_default(),
            ]
        })
    });
    let rows = grouped.into_iter().map(
        |([service, metric, operation, destination, what], measured)| {
            let mean = 1000.0 * measured.sum / measured.count as f64;
            let mean = if measured.sum > 0.0 {
                format!("{mean:.1} ms")
            } else {
                String::new()
            };
            [
                service,
                metric,
                operation,
                destination,
                what,
                measured.count.to_string(),
                mean,
            ]
        },
    );
    format!("Metrics\n{}", table::of(columns, rows))
}

/// How many orders billing has handled, by tenant.
pub(super) fn by_tenant(received: &Received) -> String {
    let grouped = group(received, |series| {
        let is_shown = series.service == "billing" && series.metric == "messaging.process.duration";
        is_shown.then(|| ["tenant", "error.type"].map(|key| series.attribute(key)))
    });
    let rows = grouped.into_iter().map(|([tenant, error], measured)| {
        [
            tenant.to_owned(),
            measured.count.to_string(),
            error.to_owned(),
        ]
    });
    format!(
        "Orders by tenant\n{}",
        table::of(["tenant", "orders", "error"], rows)
    )
}

/// The sums of the series that have the same key.
fn group<'a, K: Ord>(
    received: &'a Received,
    key: impl Fn(&'a Series) -> Option<K>,
) -> BTreeMap<K, Measured> {
    let mut grouped = BTreeMap::<K, Measured>::new();
    for (series, measured) in &received.metrics {
        if let Some(key) = key(series) {
            grouped.entry(key).or_default().add(*measured);
        }
    }
    grouped
}
