//! W3C Trace Context as an OpenTelemetry propagator.

use crate::carrier::several::Several;
use crate::field::name::{TRACEPARENT, TRACESTATE};
use crate::field::value::FieldValue;
use crate::field::{traceparent, tracestate};
use crate::loss::count::{refuse, report};
use crate::loss::reason::{CarrierError, Refused};
use crate::propagation::random_flag;
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use std::sync::LazyLock;

/// Reads and writes the headers `traceparent` and `tracestate` of
/// [W3C Trace Context Level 2](https://www.w3.org/TR/trace-context-2/).
///
/// - `traceparent`: exact lengths, lower-case hex, no id all zero, not version ff; a higher version is
///   read by its first four fields (section 3.2.4). The flags sampled and random trace id travel, others
///   are cleared. If valid values name different spans, none counts. If they name one span and differ in
///   flags or versions, a sampled one counts. A malformed value does not count beside a valid one.
/// - The flag random trace id goes out as it came in, also if the sampler drops the spans in between
///   (section 3.2.2.5): the context remembers it, and contexts made from it inherit that.
/// - `tracestate`: read only beside a valid traceparent. All its lines are joined in their order. At most
///   32 keys and 8,192 bytes, keys and values by the grammar of section 3.3. Otherwise the whole
///   tracestate is ignored, and the traceparent still counts. If a key occurs more than once, its first
///   entry counts.
/// - A `tracestate` of more than 8,192 bytes is shortened on the way out: it loses entries of more
///   than 128 characters first, then others, in each case those at its end first.
///
/// Malformed values read as absent, and [`refused_fields`](crate::loss::refused_fields) counts them. They
/// cost no more to read than valid values of the same length.
///
/// ```
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use otel_messaging::propagation::TraceContextPropagator;
/// use std::collections::HashMap;
///
/// let propagator = TraceContextPropagator::new();
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
/// let headers = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
/// let context = propagator.extract(&headers);
/// assert!(context.span().span_context().is_sampled());
///
/// let mut out = HashMap::new();
/// propagator.inject_context(&context, &mut out);
/// assert_eq!(out, headers);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceContextPropagator {
    _private: (),
}

impl TraceContextPropagator {
    /// The propagator; there is nothing to configure.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

static FIELDS: LazyLock<[String; 2]> =
    LazyLock::new(|| [TRACEPARENT, TRACESTATE].map(str::to_owned));

impl TextMapPropagator for TraceContextPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let header = traceparent::format(span, random_flag::flags(context, span));
        injector.set(TRACEPARENT, FieldValue::printable(&header).into_string());
        let state = state_of(span);
        if !state.is_empty() {
            injector.set(TRACESTATE, state);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let Some(lines) = extractor.get_all(TRACEPARENT) else {
            return context.clone();
        };
        let several = (lines.len() > 1).then(|| Several::of_lines(&lines));
        let counting = match &several {
            Some(several) => several.counting().and_then(|set| set.traceparent),
            None => lines.first().copied(),
        };
        let Some(traceparent) = counting else {
            return context.clone();
        };
        let state = || match extractor.get_all(TRACESTATE) {
            Some(lines) => tracestate::parse(lines.into_iter()),
            None => Some(TraceState::NONE),
        };
        match sender(traceparent.as_bytes(), state) {
            Some(sender) => random_flag::with_sender(context, sender),
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// The header `tracestate` of a span; empty if there is nothing to write.
#[inline]
pub(crate) fn state_of(span: &SpanContext) -> String {
    let state = span.trace_state();
    if state.into_iter().len() == 0 {
        return String::new();
    }
    let (header, complete) = tracestate::header(state);
    if !complete {
        report(1, CarrierError::InvalidValue);
    }
    header
}

/// The span that sent a message. The tracestate is asked for behind a valid traceparent only, and
/// is `None` if it is invalid.
#[inline]
pub(crate) fn sender(
    traceparent: &[u8],
    state: impl FnOnce() -> Option<TraceState>,
) -> Option<SpanContext> {
    let Some((trace_id, span_id, flags)) = traceparent::parse(traceparent) else {
        // An empty header says nothing, and one that is no text is none.
        if !traceparent.is_empty() && str::from_utf8(traceparent).is_ok() {
            refuse(Refused::Traceparent);
        }
        return None;
    };
    let state = state().unwrap_or_else(|| {
        refuse(Refused::Tracestate);
        TraceState::NONE
    });
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}
