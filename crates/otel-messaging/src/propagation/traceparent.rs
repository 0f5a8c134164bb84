//! The header `traceparent` (Trace Context Level 2, section 3.2).

use super::hex::{PAIRS, parse2, parse8};
use super::trim;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

/// The flags that Level 2 knows: sampled and random trace id. Others are cleared, in both
/// directions (section 3.2.2.5).
const KNOWN_FLAGS: u8 = 0x03;

const LENGTH: usize = 55;

/// The header of a span, version 00.
pub(super) struct Traceparent([u8; LENGTH]);

impl Traceparent {
    pub(super) fn of(span: &SpanContext) -> Self {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write(&mut text[3..35], &span.trace_id().to_bytes());
        write(&mut text[36..52], &span.span_id().to_bytes());
        let flags = span.trace_flags().to_u8() & KNOWN_FLAGS;
        write(&mut text[53..55], &[flags]);
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        // Never empty: it is ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn write(text: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&PAIRS[usize::from(*byte)]);
    }
}

/// Reads `version "-" trace-id "-" parent-id "-" trace-flags` (section 3.2.2) with exact lengths,
/// in lower-case hex, no id all zero, and not version ff. Of a higher version these fields count
/// if nothing follows them or a `-` does (section 3.2.4, "Versioning of traceparent").
pub(super) fn parse(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (fields, rest) = trim(header).as_bytes().split_first_chunk::<LENGTH>()?;
    if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
        return None;
    }
    let version = parse2([fields[0], fields[1]])?;
    let ends_well = match rest.first() {
        None => true,
        Some(b'-') => version != 0,
        Some(_) => false,
    };
    if version == 0xff || !ends_well {
        return None;
    }
    let trace_id = u128::from(parse16(fields, 3)?) << 64 | u128::from(parse16(fields, 19)?);
    let span_id = parse16(fields, 36)?;
    let flags = parse2([fields[53], fields[54]])?;
    if trace_id == 0 || span_id == 0 {
        return None;
    }
    Some((
        TraceId::from(trace_id),
        SpanId::from(span_id),
        TraceFlags::new(flags & KNOWN_FLAGS),
    ))
}

fn parse16(fields: &[u8; LENGTH], start: usize) -> Option<u64> {
    let (digits, _) = fields[start..].split_first_chunk::<16>()?;
    let (high, rest) = digits.split_first_chunk::<8>()?;
    let (low, _) = rest.split_first_chunk::<8>()?;
    Some(u64::from(parse8(*high)?) << 32 | u64::from(parse8(*low)?))
}
