//! The header `traceparent` (Trace Context Level 2, section 3.2).

use crate::field::hex::{PAIRS, parse8};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

/// The flags that Level 2 knows: sampled and random trace id. Others are cleared, in both
/// directions (section 3.2.2.5).
const KNOWN_FLAGS: u8 = 0x03;

/// Of version 00, in bytes.
pub(crate) const LENGTH: usize = 55;

/// The header of a span with these flags, version 00, in ASCII.
#[inline]
pub(crate) fn format(span: &SpanContext, flags: TraceFlags) -> [u8; LENGTH] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    write(&mut text[3..35], &span.trace_id().to_bytes());
    write(&mut text[36..52], &span.span_id().to_bytes());
    let flags = flags.to_u8() & KNOWN_FLAGS;
    write(&mut text[53..55], &[flags]);
    text
}

#[inline]
fn write(text: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&PAIRS[usize::from(*byte)]);
    }
}

/// Reads `version "-" trace-id "-" parent-id "-" trace-flags` (section 3.2.2) with exact lengths,
/// in lower-case hex, no id all zero, and not version ff. Of a higher version these fields count
/// if nothing follows them or a `-` does (section 3.2.4, "Versioning of traceparent").
#[inline]
pub(crate) fn parse(header: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (fields, rest) = trim(header).split_first_chunk::<LENGTH>()?;
    if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
        return None;
    }
    let mut wrong = 0;
    let ends = [
        b'0', b'0', b'0', b'0', fields[0], fields[1], fields[53], fields[54],
    ];
    let ends = parse8(ends, &mut wrong);
    let high = parse16(fields, 3, &mut wrong);
    let low = parse16(fields, 19, &mut wrong);
    let span_id = parse16(fields, 36, &mut wrong);
    let version = ends >> 8;
    let ends_well = match rest.first() {
        None => true,
        Some(b'-') => version != 0,
        Some(_) => false,
    };
    if wrong != 0 || !ends_well || version == 0xff || high | low == 0 || span_id == 0 {
        return None;
    }
    let [flags, ..] = ends.to_le_bytes();
    Some((
        TraceId::from(u128::from(high) << 64 | u128::from(low)),
        SpanId::from(span_id),
        TraceFlags::new(flags & KNOWN_FLAGS),
    ))
}

#[inline]
fn parse16(fields: &[u8; LENGTH], start: usize, wrong: &mut u64) -> u64 {
    let mut eight = |start: usize| {
        let mut digits = [0; 8];
        digits.copy_from_slice(&fields[start..start + 8]);
        parse8(digits, wrong)
    };
    eight(start) << 32 | eight(start + 8)
}

/// Without the optional white space around a header; most have none.
#[inline]
fn trim(mut header: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = header {
        header = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = header {
        header = rest;
    }
    header
}

/// Whether a value is a `traceparent` by the letter of the specification.
pub(crate) fn is_valid(value: &str) -> bool {
    parse(value.as_bytes()).is_some()
}
