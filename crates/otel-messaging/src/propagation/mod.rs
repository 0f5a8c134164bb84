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
//! The pair is what [`Instrumentation`](crate::Instrumentation) uses where the application sets
//! none; there it reads and writes a message's headers without a detour.
//!
//! # What is refused
//!
//! | comes in | becomes |
//! | --- | --- |
//! | a `traceparent` that is not by the letter of the specification | no remote span; a valid one beside it counts |
//! | several valid `traceparent`s of different spans, of which the protocol does not settle the one that counts ([`Carrier::contexts`](crate::adapter::Carrier::contexts)) | no remote span and no baggage; a message is linked to each sender |
//! | a `tracestate` that is malformed, has more than 32 keys, or more than 8,192 bytes | no tracestate; the traceparent counts |
//! | a member of `baggage` that is malformed | the others count |
//! | a property of a member of `baggage` that is malformed | the member counts, with its other properties |
//! | more than 64 keys or 8,192 bytes of `baggage`, without optional white space | what fits counts, in the order of the header |
//!
//! Each is counted in [`refused_fields`](crate::loss::refused_fields), once for a message. A value that is
//! null, binary, empty or not UTF-8 is absent, and not counted. What a context holds that the
//! specifications cannot represent is left out on the way out and counted in
//! [`dropped_fields`](crate::loss::dropped_fields). Neither propagator writes an empty header or a
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

pub(crate) mod baggage;
pub(crate) mod carried;
pub(crate) mod configured;
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
