//! How much a message has room for, and what is written of a context.

use crate::limited::{FRAMING, Limited};
use crate::message::{NOWHERE, spans};
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
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
