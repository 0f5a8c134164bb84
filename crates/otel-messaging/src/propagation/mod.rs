//! The W3C pair that is used where the application sets no propagator.

mod baggage;
mod trace_context;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use std::sync::LazyLock;

/// W3C trace context and W3C baggage, in this order.
#[derive(Debug)]
pub(crate) struct W3c;

pub(crate) static W3C: W3c = W3c;

static FIELDS: LazyLock<[String; 3]> = LazyLock::new(|| {
    [
        trace_context::TRACEPARENT,
        trace_context::TRACESTATE,
        baggage::BAGGAGE,
    ]
    .map(str::to_owned)
});

impl TextMapPropagator for W3c {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        trace_context::inject(context, injector);
        baggage::inject(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let context = trace_context::extract(context, extractor);
        baggage::extract(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}
