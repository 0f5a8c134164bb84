//! OpenTelemetry propagators for W3C Trace Context (Level 2) and W3C Baggage. They read leniently
//! where nothing is lost or misread, write by the letter of the specifications, and are fast.
//!
//! They are [`TextMapPropagator`](opentelemetry::propagation::TextMapPropagator)s like any other
//! and can be the global one of any program, with or without messages:
//!
//! ```
//! use opentelemetry::global;
//! use otel_messaging::propagation;
//!
//! global::set_text_map_propagator(propagation::w3c());
//! ```
//!
//! The pair is what [`Instrumentation`](crate::Instrumentation) uses where the application sets
//! none; there it reads and writes a message's headers without a detour.
//!
//! # What is refused
//!
//! | comes in | becomes |
//! | --- | --- |
//! | a `traceparent` that is not by the letter of the specification | no remote span; a valid one beside it counts |
//! | several valid `traceparent`s of different spans, of which the protocol does not settle the one that counts ([`Carrier::contexts`](crate::Carrier::contexts)) | no remote span and no baggage; a message is linked to each sender |
//! | a `tracestate` that is malformed, has more than 32 keys, or more than 8,192 bytes | no tracestate; the traceparent counts |
//! | a member of `baggage` that is malformed | the others count |
//! | a property of a member of `baggage` that is malformed | the member counts, with its other properties |
//! | more than 64 keys or 8,192 bytes of `baggage`, without optional white space | what fits counts, in the order of the header |
//!
//! Each is counted in [`refused_fields`](crate::refused_fields), once for a message. A value that is
//! null, binary, empty or not UTF-8 is absent, and not counted. What a context holds that the
//! specifications cannot represent is left out on the way out and counted in
//! [`dropped_fields`](crate::dropped_fields). Neither propagator writes an empty header or a
//! character outside visible ASCII and the space.
//!
//! Not refused, because nothing is lost: optional white space, empty members of either list, empty
//! properties (`tenant=acme;`), and a key that stands there more than once. Of such a key the last
//! value of `baggage` counts, as in OpenTelemetry's other languages, and the first entry of
//! `tracestate`, which is the newest (section 3.3).
//!
//! # The random flag
//!
//! The flag `random-trace-id` goes out as it came in, as long as the trace is the same (section
//! 3.2.2.5). OpenTelemetry's SDK clears it in a span that its sampler drops, so the extracted context
//! also remembers it as a value. Contexts that are made from that context inherit the value.
//!
//! # Python
//!
//! OpenTelemetry for Python writes a space in a value of baggage as `+`, as forms on the web do, and
//! reads a `+` as a space. To W3C Baggage, to this crate and to other languages a `+` is a plus sign.
//!
//! | from | value | to | arrives as |
//! | --- | --- | --- | --- |
//! | Rust | `a b` | Python | `a b` |
//! | Rust | `a+b` | Python | `a b` |
//! | Python | `a b` | Rust | `a+b` |
//! | Python | `a+b` | Rust | `a+b` |
//!
//! # Limits
//!
//! OpenTelemetry's own types cannot hold everything that the specifications allow. A tracestate
//! with a key that has two `@`, or behind one more than 13 characters or first one of `_-*/`, is
//! dropped as an invalid one is. Baggage forgets its order and holds a key once: the last value counts.

mod baggage;
mod baggage_member;
mod character;
mod configured;
mod hex;
mod random_flag;
mod trace_context;
mod traceparent;
mod tracestate;
mod w3c;

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

pub use baggage::BaggagePropagator;
pub use trace_context::TraceContextPropagator;
pub use w3c::{W3cPropagator, w3c};

pub(crate) use configured::Configured;
pub(crate) use random_flag::keep as keep_random_flag;
pub(crate) use w3c::{FIELDS, extract, inject, read, sender};

pub(crate) const TRACEPARENT: &str = "traceparent";
/// What a traceparent takes, in bytes, with its name.
pub(crate) const TRACEPARENT_SIZE: usize = TRACEPARENT.len() + traceparent::LENGTH;
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The `traceparent` of a span.
pub(crate) fn format_traceparent(span: &SpanContext) -> String {
    String::from_utf8_lossy(&traceparent::with_flags(span, span.trace_flags())).into_owned()
}

/// Whether a value is a `traceparent` by the letter of the specification.
pub(crate) fn is_traceparent(value: &str) -> bool {
    span_of(value).is_some()
}

/// The span that a valid `traceparent` names, and whether it is sampled.
pub(crate) fn span_of(value: &str) -> Option<((TraceId, SpanId), bool)> {
    let (trace_id, span_id, flags) = traceparent::parse(value.as_bytes())?;
    Some(((trace_id, span_id), flags.is_sampled()))
}

/// What of a list, `tracestate` or `baggage`, is written in at most `room` bytes.
pub(crate) fn shorten(name: &str, list: &str, room: usize) -> String {
    if name == TRACESTATE {
        tracestate::shorten(list, room)
    } else {
        baggage::shorten(list, room)
    }
}

/// Optional white space around a header or a member (`OWS`, RFC 7230, section 3.2.3).
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    // Mostly there is none, which the first byte and the last tell.
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    if is_space(bytes.first()) || is_space(bytes.last()) {
        text.trim_matches([' ', '\t'])
    } else {
        text
    }
}
