//! OpenTelemetry propagators for W3C Trace Context (Level 2) and W3C Baggage: strict with what
//! comes in, careful with what goes out, and fast.
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
//! | a `traceparent` that is not by the letter of the specification, or several that differ | no remote span |
//! | a `tracestate` that is malformed, has more than 32 members, a key twice, or more than 8,192 bytes | no tracestate; the traceparent counts |
//! | a member of `baggage` that is malformed | the others count |
//! | more than 64 members or 8,192 bytes of `baggage` | those that come first count |
//!
//! Each is counted in [`refused_fields`](crate::refused_fields). A value that is null, binary, empty
//! or not UTF-8 is absent, and not counted. What a context holds that the
//! specifications cannot represent is left out on the way out and counted in
//! [`dropped_fields`](crate::dropped_fields). Neither propagator writes an empty header or a
//! character outside visible ASCII and the space.
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
mod hex;
mod trace_context;
mod traceparent;
mod tracestate;
mod w3c;

use opentelemetry::trace::SpanContext;

pub use baggage::BaggagePropagator;
pub use trace_context::TraceContextPropagator;
pub use w3c::{W3cPropagator, w3c};

pub(crate) use w3c::{FIELDS, extract, inject};

pub(crate) const TRACEPARENT: &str = "traceparent";
/// What a traceparent takes, in bytes, with its name.
pub(crate) const TRACEPARENT_SIZE: usize = TRACEPARENT.len() + traceparent::LENGTH;
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The `traceparent` of a span.
pub(crate) fn format_traceparent(span: &SpanContext) -> String {
    String::from_utf8_lossy(&traceparent::format(span)).into_owned()
}

/// The members of a list that fit into `room` bytes, from the left.
pub(crate) fn cut_list(list: &str, room: usize) -> &str {
    if list.len() <= room {
        return list;
    }
    // A comma just behind the room ends a member that fits.
    let end = list.as_bytes()[..=room].iter().rposition(|b| *b == b',');
    list.get(..end.unwrap_or(0)).unwrap_or("")
}

/// Optional white space around a header or a member (`OWS`, RFC 7230, section 3.2.3).
#[inline]
fn trim(text: &str) -> &str {
    // Mostly there is none, which the first byte and the last tell.
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    if is_space(bytes.first()) || is_space(bytes.last()) {
        text.trim_matches([' ', '\t'])
    } else {
        text
    }
}
