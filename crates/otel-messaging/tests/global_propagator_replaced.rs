//! The global propagator may be set and be replaced while messages are under way. One test, because the setting belongs
//! to the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{Message, NOWHERE, message};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, global};
use otel_messaging::{Instrumentation, extract, inject, process, propagation};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than a thread looks at the settings for each of its messages.
const MANY: usize = 50;

/// The propagators, by their fields. A message that comes in has each field, with another trace in each.
const W3C: &str = "traceparent";
const TRACE: &str = "x-trace";
const OTHER: &str = "x-other";
const FIELDS: [&str; 3] = [W3C, TRACE, OTHER];

/// Knows one field, in which stands the trace's id alone.
#[derive(Debug)]
struct OneField([String; 1]);

impl OneField {
    fn new(field: &str) -> Self {
        Self([field.to_owned()])
    }
}

impl TextMapPropagator for OneField {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let trace_id = context.span().span_context().trace_id();
        injector.set(&self.0[0], trace_id.to_string());
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let trace_id = extractor.get(&self.0[0]);
        let trace_id = trace_id.and_then(|id| TraceId::from_hex(id).ok());
        context.with_remote_span_context(remote(trace_id.unwrap_or(TraceId::INVALID)))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}

fn trace_id(number: u128) -> TraceId {
    TraceId::from_bytes(number.to_be_bytes())
}

fn remote(trace_id: TraceId) -> SpanContext {
    let span_id = SpanId::from_bytes([7; 8]);
    SpanContext::new(
        trace_id,
        span_id,
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    )
}

/// A message that each of the propagators can read.
fn for_each() -> Message {
    let mut message = message();
    for (field, number) in FIELDS.into_iter().zip(1..) {
        let id = trace_id(number);
        let value = match field {
            W3C => format!("00-{id}-0707070707070707-01"),
            _ => id.to_string(),
        };
        message.headers.insert(field.to_owned(), value);
    }
    message
}

/// Which propagator has read this context.
fn read_by(context: &Context) -> &'static str {
    let found = context.span().span_context().trace_id();
    let mut all = FIELDS.into_iter().zip(1..);
    let reader = all.find(|(_, number)| trace_id(*number) == found);
    reader.expect("one of them has read it").0
}

/// Which propagator has written these headers: no other one has written any of them.
fn written_by(headers: &BTreeMap<String, String>, trace_id: TraceId) -> &'static str {
    let mut all = FIELDS.into_iter();
    let writer = all.find(|field| headers.contains_key(*field));
    let writer = writer.expect("one of them has written it");
    assert!(
        headers[writer].contains(&trace_id.to_string()),
        "{headers:?}"
    );
    assert_eq!(headers.len(), 1, "{headers:?}");
    writer
}

/// Reads and writes a message in each way, and says which propagator did it.
fn by_whom() -> [&'static str; 4] {
    let message = for_each();
    let read = extract(&message.headers);
    let mut written = BTreeMap::new();
    inject(&read, &mut written);

    let entered = process(&message).enter();
    let mut sent = BTreeMap::new();
    let sending = Instrumentation::global().outgoing("publish", &NOWHERE);
    sending.inject(&mut sent, None);
    let id = |context: &Context| context.span().span_context().trace_id();
    [
        read_by(&read),
        written_by(&written, id(&read)),
        read_by(entered.context()),
        written_by(&sent, id(entered.context())),
    ]
}

/// Handles messages until the new propagator is used for them. Until then the old one is.
fn until_used(old: &str, new: &str) {
    let since = Instant::now();
    let mut is_used = false;
    while !is_used {
        for propagator in by_whom() {
            assert!(
                propagator == new || propagator == old && !is_used,
                "{propagator}"
            );
            is_used = propagator == new;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "never used");
        thread::yield_now();
    }
    assert!(since.elapsed() < Duration::from_secs(5), "a second at most");
    for _ in 0..MANY {
        assert_eq!(by_whom(), [new; 4]);
    }
}

#[test]
fn each_message_goes_by_the_old_propagator_or_by_the_new_one() {
    for _ in 0..MANY {
        assert_eq!(by_whom(), [W3C; 4]);
    }
    // Once before anything is set, and once when the pair has been set and seen.
    for _ in 0..2 {
        global::set_text_map_propagator(OneField::new(TRACE));
        until_used(W3C, TRACE);
        global::set_text_map_propagator(OneField::new(OTHER));
        until_used(TRACE, OTHER);
        global::set_text_map_propagator(propagation::w3c());
        until_used(OTHER, W3C);
        // It looks at the settings.
        let _ = otel_messaging::self_check();
    }
}
