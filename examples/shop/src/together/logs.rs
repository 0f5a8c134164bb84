//! The log records of an order.

use super::orders::Placed;
use super::received::{Received, hex, text, text_of};
use super::table;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

pub(super) fn of(placed: &Placed, received: &Received) -> String {
    let trace = received.trace_of(placed.order.id);
    let mut lines: Vec<_> = received
        .logs
        .iter()
        .filter(|log| log.it.trace_id == trace)
        .collect();
    lines.sort_by_key(|log| log.it.time_unix_nano.max(log.it.observed_time_unix_nano));
    let rows = lines.into_iter().map(|log| {
        let span = received.span_of(&log.it);
        [
            log.service.clone(),
            log.it.severity_text.clone(),
            said(&log.it),
            span.map_or_else(|| hex(&log.it.span_id), |span| span.it.name.clone()),
        ]
    });
    table::of(["service", "level", "log record", "in the span"], rows)
}

/// Events have a name, and no text.
fn said(log: &LogRecord) -> String {
    if log.event_name.is_empty() || log.body.is_some() {
        return text(log.body.as_ref());
    }
    let message = text_of(&log.attributes, "exception.message");
    format!("{}: {}", log.event_name, message.unwrap_or_default())
}
