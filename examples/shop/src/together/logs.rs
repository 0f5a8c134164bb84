//! The log lines of an order.

use super::orders::Placed;
use super::received::{Received, hex, text};
use super::table;

pub(super) fn of(placed: &Placed, received: &Received) -> String {
    let trace = received.trace_of(&placed.order.id.to_string());
    let mut lines: Vec<_> = received
        .logs
        .iter()
        .filter(|log| log.it.trace_id == trace)
        .collect();
    lines.sort_by_key(|log| log.it.time_unix_nano.max(log.it.observed_time_unix_nano));
    let rows = lines.into_iter().map(|log| {
        let span = received
            .spans
            .iter()
            .find(|span| span.it.span_id == log.it.span_id);
        [
            log.service.clone(),
            log.it.severity_text.clone(),
            text(log.it.body.as_ref()),
            span.map_or_else(|| hex(&log.it.span_id), |span| span.it.name.clone()),
        ]
    });
    let table = table::of(["service", "level", "log line", "in the span"], rows);
    format!("Its log lines\n{table}")
}
