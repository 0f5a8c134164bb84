//! How much a message has room for, and what is written of a context.

use crate::limited::{FRAMING, Limited};
use crate::message::{NOWHERE, TRACEPARENT, message, spans};
use crate::meter::meter;
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use otel_messaging::adapter::{Destination, Outcome, Relay, semconv};
use std::collections::BTreeMap;

/// Writes as many small fields as the budget lets it, each under a name that it does not declare.
#[derive(Debug)]
struct Many([String; 1]);

impl TextMapPropagator for Many {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        for number in 0..600 {
            injector.set(&format!("{number:03x}"), "1".to_owned());
        }
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}

/// On the wire the fields take more than their names and values, each by as much.
#[test]
fn the_framing_of_many_fields_counts() {
    let by = spans().instrumentation.to_builder();
    let by = by.with_propagator(Many(["declared".to_owned()]));
    let by = by.with_injection_budget(2_000).build();
    let most = (by.injection_budget() / 4) * (4 + FRAMING);
    let mut largest = 0;
    for limit in (500..most + 2_000).step_by(500) {
        let sending = by.outgoing("send", &NOWHERE);
        let headers = BTreeMap::from([("order".to_owned(), "7".to_owned())]);
        let mut headers = Limited::by_size(headers);
        sending.inject(&mut headers, Some(limit));
        assert!(headers.size() <= limit, "{limit}: {}", headers.size());
        assert_eq!(headers.headers["order"], "7");
        largest = largest.max(headers.size());
    }
    assert!(largest > by.injection_budget(), "{largest}");
}

/// What was written is removed again, an older context too, and it counts once, also if it did not fit
/// in the first place.
#[test]
fn a_context_is_left_out_afterwards() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    for (number, room) in [(1, None), (2, Some(10))] {
        let own = BTreeMap::from([("order".to_owned(), "7".to_owned())]);
        let mut headers = Limited::by_size(own.clone());
        let older = ("TraceParent".to_owned(), TRACEPARENT.to_owned());
        headers.headers.extend([older]);
        let outgoing = by.outgoing("send", &NOWHERE);
        outgoing.inject(&mut headers, room);
        outgoing.leave_out(&mut headers);
        outgoing.leave_out(&mut headers);
        assert_eq!(headers.headers, own, "{room:?}");
        outgoing.finish(Outcome::accepted());
        let name = semconv::OTEL_MESSAGING_PROPAGATION_MESSAGES;
        let counts = meter.counts_by(name, semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME);
        assert_eq!(counts, BTreeMap::from([("dropped".to_owned(), number)]));
    }
    assert_eq!(spans.ended().len(), 2);
}

/// A message that is forwarded keeps the context that it came with; a disabled instrumentation touches
/// nothing.
#[test]
fn what_a_message_came_with_is_not_left_out() {
    let (spans, came) = (spans(), message());
    let mut headers = came.headers.clone();
    let by = &spans.instrumentation;
    let forwarded = by.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &came,
        &mut headers,
        None,
    );
    forwarded.leave_out(&mut headers);
    assert_eq!(headers, came.headers);
    let outgoing = otel_messaging::Instrumentation::disabled().outgoing("send", &NOWHERE);
    outgoing.leave_out(&mut headers);
    assert_eq!(headers, came.headers);
}
