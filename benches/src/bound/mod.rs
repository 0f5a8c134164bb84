//! The lower bound: what the W3C rules cost, written by hand for one client and nothing else.
//!
//! Every rule that `otel_messaging` keeps is kept here too, or the comparison would be a false one;
//! what is missing is everything that makes it general: other clients, other propagators, other
//! spellings and types of a header.

pub mod baggage;
pub mod traceparent;
pub mod tracestate;

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanContext, TraceContextExt};

pub const TRACEPARENT: &str = "traceparent";
pub const TRACESTATE: &str = "tracestate";
pub const BAGGAGE: &str = "baggage";

/// The context of a message that has these headers; `tracestate` is only asked for when it counts.
#[inline]
pub fn context<'a>(
    traceparent: Option<&[u8]>,
    tracestate: impl FnOnce() -> Option<&'a [u8]>,
    baggage: Option<&[u8]>,
) -> Context {
    let mut context = Context::new();
    if let Some((trace_id, span_id, flags)) = traceparent.and_then(traceparent::parse) {
        let state = tracestate().and_then(tracestate::parse).unwrap_or_default();
        let sender = SpanContext::new(trace_id, span_id, flags, true, state);
        context = context.with_remote_span_context(sender);
    }
    match baggage.and_then(baggage::parse) {
        Some(baggage) => with_baggage(&context, baggage),
        None => context,
    }
}

#[inline(never)]
fn with_baggage(context: &Context, baggage: Baggage) -> Context {
    context.with_baggage(baggage)
}

/// What a byte may be a part of.
mod class {
    pub(super) const KEY: u8 = 1;
    pub(super) const BAGGAGE_VALUE: u8 = 2;
    pub(super) const STATE_KEY: u8 = 4;
    pub(super) const STATE_VALUE: u8 = 8;
    /// Of a baggage value, and not the sign that begins an escape.
    pub(super) const PLAIN: u8 = 16;

    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 0x20;
        while byte < 0x7f {
            let symbol = byte as u8;
            if !matches!(symbol, b',' | b'=') {
                table[byte] |= STATE_VALUE;
            }
            if !matches!(symbol, b' ' | b'"' | b',' | b';' | b'\\') {
                table[byte] |= BAGGAGE_VALUE;
                if symbol != b'%' {
                    table[byte] |= PLAIN;
                }
            }
            let alphanumeric = symbol.is_ascii_alphanumeric();
            if alphanumeric
                || matches!(
                    symbol,
                    b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                )
                || matches!(symbol, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
            {
                table[byte] |= KEY;
            }
            if (alphanumeric && !symbol.is_ascii_uppercase())
                || matches!(symbol, b'_' | b'-' | b'*' | b'/' | b'@')
            {
                table[byte] |= STATE_KEY;
            }
            byte += 1;
        }
        table
    };

    /// Where the bytes of this class end that begin at `start`.
    #[inline]
    pub(super) fn end(bytes: &[u8], start: usize, class: u8) -> usize {
        let rest = bytes.get(start..).unwrap_or_default();
        let others = rest.iter().position(|byte| !is(*byte, class));
        others.map_or(bytes.len(), |place| start + place)
    }

    #[inline]
    pub(super) fn is(byte: u8, class: u8) -> bool {
        TABLE[usize::from(byte)] & class != 0
    }
}
