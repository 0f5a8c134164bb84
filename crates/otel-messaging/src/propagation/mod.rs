//! OpenTelemetry propagators for W3C Trace Context (Level 2) and W3C Baggage. They read leniently where
//! nothing is lost or misread, and write by the letter of the specifications.
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
//! [`Instrumentation`](crate::Instrumentation) uses this pair if the application sets no propagator. It
//! then reads and writes headers directly.
//!
//! # What is refused
//!
//! | comes in | becomes |
//! | --- | --- |
//! | a `traceparent` that is not by the letter of the specification | no remote span; a valid one beside it counts |
//! | several valid `traceparent`s of different spans, if the protocol does not say which one counts ([`Carrier::contexts`](crate::adapter::Carrier::contexts)) | no remote span and no baggage; a message is linked to each sender |
//! | a `tracestate` that is malformed, has more than 32 keys, or more than 8,192 bytes | no tracestate; the traceparent counts |
//! | a member of `baggage` that is malformed | the others count |
//! | a property of a member of `baggage` that is malformed | the member counts, with its other properties |
//! | more than 64 keys or 8,192 bytes of `baggage`, without optional white space | what fits counts, in the order of the header |
//!
//! [`refused_fields`](crate::loss::refused_fields) counts each of these once per message. A value that is
//! null, binary, empty or not UTF-8 is absent, and not counted. Parts of a context that the
//! specifications cannot represent are not written, and [`dropped_fields`](crate::loss::dropped_fields)
//! counts them. Neither propagator writes an empty header or a character outside visible ASCII and the
//! space.
//!
//! These are accepted, because nothing is lost: optional white space, empty members of either list, empty
//! properties (`tenant=acme;`), and a key that occurs more than once. In `baggage` the last value of such
//! a key counts, as in OpenTelemetry for other languages; in `tracestate` the first entry counts, which
//! is the newest (section 3.3).
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
//! OpenTelemetry's types cannot hold everything that the specifications allow. A tracestate is dropped if
//! a key has two `@`, more than 13 characters after the `@`, or one of `_-*/` directly after it. Baggage
//! has no order, and holds each key once: the last value counts.

pub(crate) mod baggage;
pub(crate) mod carried;
pub(crate) mod configured;
pub(crate) mod global;
pub(crate) mod looks;
pub(crate) mod random_flag;
pub(crate) mod settings;
pub(crate) mod trace_context;
pub(crate) mod w3c;

pub use crate::carrier::environment::Environment;
pub use crate::carrier::extractor::CarrierExtractor;
pub use crate::carrier::injector::CarrierInjector;
pub use baggage::BaggagePropagator;
pub use trace_context::TraceContextPropagator;
pub use w3c::{W3cPropagator, w3c};
