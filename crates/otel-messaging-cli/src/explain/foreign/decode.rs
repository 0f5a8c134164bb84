//! The ids in the values of other formats.

use crate::explain::foreign::ForeignTraceId;
use crate::explain::foreign::name::Part;
use crate::message::Value;
use serde::Deserialize;

/// Longer values are not read: each format takes far less.
const LONGEST: usize = 4096;

/// What a context names, as far as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ids {
    pub(crate) trace_id: Option<ForeignTraceId>,
    /// The high half of a trace id that comes apart.
    pub(crate) high: Option<u64>,
    pub(crate) span_id: Option<u64>,
    pub(crate) sampled: Option<bool>,
}

impl Ids {
    /// Takes what one header says. What is malformed says nothing.
    pub(crate) fn read(&mut self, part: Part, value: Value<'_>) {
        let bytes = match value {
            Value::Text(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
            Value::Null | Value::Other(_) => return,
        };
        if bytes.len() > LONGEST {
            return;
        }
        if part == Part::ElasticBinary && self.read_elastic(bytes).is_some() {
            return;
        }
        let Ok(text) = str::from_utf8(bytes) else {
            return;
        };
        let text = text.trim_matches([' ', '\t']);
        match part {
            Part::B3 => self.read_b3(text),
            Part::Jaeger => self.read_jaeger(text),
            Part::XRay => self.read_xray(text),
            Part::Google => self.read_google(text),
            Part::NewRelic => self.read_newrelic(text),
            Part::Sentry => self.read_sentry(text),
            Part::Traceparent | Part::ElasticBinary => self.read_traceparent(text),
            Part::HexTraceId => self.trace_id = hex_trace_id(text),
            Part::HexSpanId => self.span_id = hex_span_id(text),
            Part::DecimalTraceId => {
                self.trace_id = text.parse().ok().map(ForeignTraceId::Low);
            }
            Part::DecimalSpanId => self.span_id = text.parse().ok(),
            Part::Sampled => self.sampled = self.sampled.or_else(|| sampled(text)),
            Part::DebugFlag => {
                if text == "1" {
                    self.sampled = Some(true);
                }
            }
            Part::Priority => {
                self.sampled = text.parse().ok().map(|priority: i8| priority > 0);
            }
            Part::DatadogTags => self.high = datadog_high(text),
            Part::Other => {}
        }
    }

    /// `trace-span-sampled-parent`, of which all but the first two may be missing; or the decision alone.
    fn read_b3(&mut self, text: &str) {
        let mut fields = text.split('-');
        let first = fields.next().unwrap_or_default();
        let Some(span_id) = fields.next() else {
            self.sampled = sampled(first);
            return;
        };
        self.trace_id = hex_trace_id(first);
        self.span_id = hex_span_id(span_id);
        self.sampled = fields.next().and_then(sampled);
    }

    /// `trace:span:parent:flags`, without leading zeros; the colons may be percent-encoded.
    fn read_jaeger(&mut self, text: &str) {
        let encoded = text.replace("%3A", ":").replace("%3a", ":");
        let mut fields = encoded.split(':');
        self.trace_id = fields.next().and_then(short_hex).map(wide_or_low);
        self.span_id = fields.next().and_then(hex_span_id);
        let flags = fields.nth(1).and_then(short_hex);
        self.sampled = flags.map(|flags| flags & 1 == 1);
    }

    /// `Root=1-8 digits-24 digits;Parent=…;Sampled=1`.
    fn read_xray(&mut self, text: &str) {
        for field in text.split(';') {
            match field.trim().split_once('=') {
                Some(("Root", root)) => {
                    let root = root.strip_prefix("1-").unwrap_or_default();
                    let root: String = root.split('-').collect();
                    self.trace_id = hex_trace_id(&root);
                }
                Some(("Parent", parent)) => self.span_id = hex_span_id(parent),
                Some(("Sampled", text)) => self.sampled = sampled(text),
                _ => {}
            }
        }
    }

    /// `trace/span;o=1`, the span in decimal digits.
    fn read_google(&mut self, text: &str) {
        let (ids, options) = text.split_once(';').unwrap_or((text, ""));
        let (trace_id, span_id) = ids.split_once('/').unwrap_or((ids, ""));
        self.trace_id = hex_trace_id(trace_id);
        self.span_id = span_id.parse().ok();
        self.sampled = options.strip_prefix("o=").and_then(sampled);
    }

    /// JSON in base64.
    fn read_newrelic(&mut self, text: &str) {
        let json = base64(text).unwrap_or_default();
        let Ok(NewRelic { d }) = serde_json::from_slice(&json) else {
            return;
        };
        self.trace_id = d.tr.and_then(short_hex).map(wide_or_low);
        self.span_id = d.id.and_then(hex_span_id);
        self.sampled = d.sa;
    }

    /// `trace-span-sampled`.
    fn read_sentry(&mut self, text: &str) {
        let mut fields = text.split('-');
        self.trace_id = fields.next().and_then(hex_trace_id);
        self.span_id = fields.next().and_then(hex_span_id);
        self.sampled = fields.next().and_then(sampled);
    }

    fn read_traceparent(&mut self, text: &str) {
        if crate::explain::traceparent::check(text).is_some() {
            return;
        }
        let mut fields = text.split('-').skip(1);
        self.trace_id = fields.next().and_then(hex_trace_id);
        self.span_id = fields.next().and_then(hex_span_id);
        let flags = fields.next().and_then(short_hex);
        self.sampled = flags.map(|flags| flags & 1 == 1);
    }

    /// A version 0, then fields by number: 0 the trace id, 1 the span id, 2 the flags.
    fn read_elastic(&mut self, bytes: &[u8]) -> Option<()> {
        let rest = bytes.strip_prefix(&[0, 0])?;
        let (trace_id, rest) = rest.split_first_chunk()?;
        let (span_id, rest) = rest.strip_prefix(&[1])?.split_first_chunk()?;
        let [2, flags] = rest else {
            return None;
        };
        self.trace_id = Some(ForeignTraceId::Wide(u128::from_be_bytes(*trace_id)));
        self.span_id = Some(u64::from_be_bytes(*span_id));
        self.sampled = Some(flags & 1 == 1);
        Some(())
    }
}

#[derive(Deserialize)]
struct NewRelic<'a> {
    #[serde(borrow)]
    d: NewRelicIds<'a>,
}

#[derive(Deserialize)]
struct NewRelicIds<'a> {
    tr: Option<&'a str>,
    id: Option<&'a str>,
    sa: Option<bool>,
}

/// Of 32 digits, or of 16.
fn hex_trace_id(text: &str) -> Option<ForeignTraceId> {
    let id = short_hex(text)?;
    match text.len() {
        32 => Some(ForeignTraceId::Wide(id)),
        16 => u64::try_from(id).ok().map(ForeignTraceId::Low),
        _ => None,
    }
}

fn hex_span_id(text: &str) -> Option<u64> {
    short_hex(text).and_then(|id| u64::try_from(id).ok())
}

/// Without its leading zeros, perhaps.
fn short_hex(text: &str) -> Option<u128> {
    // The standard library's parser takes a sign too.
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

fn wide_or_low(id: u128) -> ForeignTraceId {
    u64::try_from(id).map_or(ForeignTraceId::Wide(id), ForeignTraceId::Low)
}

fn sampled(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "True" | "d" => Some(true),
        "0" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The high half of the trace id, in the tag `_dd.p.tid`.
fn datadog_high(tags: &str) -> Option<u64> {
    let mut tags = tags.split(',');
    let id = tags.find_map(|tag| tag.trim().strip_prefix("_dd.p.tid="))?;
    hex_span_id(id)
}

/// Standard base64, with its padding or without.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}
