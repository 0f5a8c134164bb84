//! What arrived at a collector.

use crate::received::{OfService, Received, hex};
use integration_tests::otlp_receiver::OtlpReceiver;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeSet;

/// All that arrived.
pub(crate) fn at(collector: &OtlpReceiver) -> Received {
    let arrived = collector.received();
    assert_eq!(arrived.errors, [""; 0]);
    let mut received = Received::default();
    arrived
        .spans
        .into_iter()
        .for_each(|it| received.add_spans(it));
    arrived
        .logs
        .into_iter()
        .for_each(|it| received.add_logs(it));
    arrived
        .metrics
        .into_iter()
        .for_each(|it| received.add_metrics(it));
    received
}

/// The spans of a trace, whose id is in hexadecimal.
pub(crate) fn spans<'a>(received: &'a Received, trace: &str) -> Vec<&'a OfService<Span>> {
    let spans = received.spans.iter();
    spans
        .filter(|span| hex(&span.it.trace_id) == trace)
        .collect()
}

/// The traces of an order, in hexadecimal.
pub(crate) fn traces_of(received: &Received, order: &str) -> BTreeSet<String> {
    received.traces_of(order).map(hex).collect()
}
