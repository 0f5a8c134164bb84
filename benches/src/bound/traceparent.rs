//! `traceparent`: 55 bytes on the stack out, hex eight bytes at a time in.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

const KNOWN_FLAGS: u8 = 0x03;

const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

// Always, that it does not depend on what else there is in this crate.
#[inline(always)]
pub fn format(span: &SpanContext, flags: u8) -> [u8; 55] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let (trace_id, span_id) = (span.trace_id().to_bytes(), span.span_id().to_bytes());
    for (pair, byte) in text[3..35].chunks_exact_mut(2).zip(trace_id) {
        pair.copy_from_slice(&HEX[usize::from(byte)]);
    }
    for (pair, byte) in text[36..52].chunks_exact_mut(2).zip(span_id) {
        pair.copy_from_slice(&HEX[usize::from(byte)]);
    }
    text[53..].copy_from_slice(&HEX[usize::from(flags & KNOWN_FLAGS)]);
    text
}

#[inline(always)]
pub fn parse(header: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (fields, rest) = match header.split_first_chunk::<55>() {
        Some((fields, [])) => (fields, &[][..]),
        _ => trimmed(header)?,
    };
    if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
        return None;
    }
    let ends = digits([
        fields[0], fields[1], b'0', b'0', b'0', b'0', fields[53], fields[54],
    ]);
    let parts = [
        digits(eight(fields, 3)),
        digits(eight(fields, 11)),
        digits(eight(fields, 19)),
        digits(eight(fields, 27)),
        digits(eight(fields, 36)),
        digits(eight(fields, 44)),
        ends,
    ];
    if parts.iter().fold(0, |wrong, part| wrong | part.wrong) != 0 {
        return None;
    }
    let [a, b, c, d, e, f, ends] = parts.map(|part| part.number);
    let trace_id = u128::from(a << 32 | b) << 64 | u128::from(c << 32 | d);
    let span_id = e << 32 | f;
    let version = ends >> 24;
    let follows = match rest.first() {
        None => true,
        Some(b'-') => version != 0,
        Some(_) => false,
    };
    if version == 0xff || !follows || trace_id == 0 || span_id == 0 {
        return None;
    }
    Some((
        TraceId::from(trace_id),
        SpanId::from(span_id),
        TraceFlags::new(ends as u8 & KNOWN_FLAGS),
    ))
}

/// With white space around it, or of a version of the future (SECURITY.md, "Limits").
#[cold]
fn trimmed(header: &[u8]) -> Option<(&[u8; 55], &[u8])> {
    let header = str::from_utf8(header).ok()?;
    header
        .trim_matches([' ', '\t'])
        .as_bytes()
        .split_first_chunk()
}

#[inline]
fn eight(fields: &[u8; 55], from: usize) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(&fields[from..from + 8]);
    eight
}

struct Digits {
    number: u64,
    /// Not zero if one of the eight is no lower-case hex digit.
    wrong: u64,
}

/// Eight digits at once, one in each byte of a word.
#[inline]
fn digits(text: [u8; 8]) -> Digits {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let text = u64::from_be_bytes(text);
    // The high bit of each byte of `from(x)` says that the byte of the text is at least `x`, as
    // long as all of them are below 0x80.
    let from = |least: u8| (text & !HIGH) + ONES * u64::from(0x80 - least);
    let digit = from(b'0') & !from(b'9' + 1);
    let letter = from(b'a') & !from(b'f' + 1);
    let wrong = (!(digit | letter) | text) & HIGH;
    let nibbles = (text & (ONES * 0x0f)) + 9 * ((text >> 6) & ONES);
    let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let words = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    let number = (words | words >> 16) & 0xffff_ffff;
    Digits { number, wrong }
}
