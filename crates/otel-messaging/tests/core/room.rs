//! How much a message has room for, and what is written of a context.

use crate::message::spans;
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use otel_messaging::{Description, Sending};
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
    const FRAMING: usize = 6;
    let by = spans().instrumentation;
    let by = by.with_propagator(Many(["declared".to_owned()]));
    let by = by.with_injection_budget(2_000);
    let size = |headers: &BTreeMap<String, String>| -> usize {
        let sizes = headers.iter();
        sizes
            .map(|(name, value)| name.len() + value.len() + FRAMING)
            .sum()
    };
    let most = (by.injection_budget() / 4) * (4 + FRAMING);
    let mut largest = 0;
    for limit in (500..most + 2_000).step_by(500) {
        let sending = Sending::start(Some(&by), Description::sent("test", "send"));
        let mut headers = BTreeMap::from([("order".to_owned(), "7".to_owned())]);
        sending.inject_where_room(&mut headers, FRAMING, |headers| {
            limit.checked_sub(size(headers))
        });
        assert!(size(&headers) <= limit, "{limit}: {}", size(&headers));
        assert_eq!(headers["order"], "7");
        largest = largest.max(size(&headers));
    }
    assert!(largest > by.injection_budget(), "{largest}");
}
