//! The names of headers. To NATS, two spellings are two names, and programs differ in what they write.

use async_nats::header::HeaderName;
use otel_messaging::adapter::{CarrierError, is_name};

pub(crate) const TRACEPARENT: &str = "traceparent";
/// The name to which some servers change `traceparent`.
pub(crate) const DISABLED: &str = "Xraceparent";

#[inline]
pub(crate) fn text(name: &HeaderName) -> &str {
    name.as_ref()
}

/// A name that can be written. The names that are written most take no allocation.
#[inline]
pub(crate) fn header_name(name: &str) -> Result<HeaderName, CarrierError> {
    const TRACEPARENT_NAME: HeaderName = HeaderName::from_static(TRACEPARENT);
    const TRACESTATE_NAME: HeaderName = HeaderName::from_static("tracestate");
    const BAGGAGE_NAME: HeaderName = HeaderName::from_static("baggage");
    Ok(match name {
        TRACEPARENT => TRACEPARENT_NAME,
        "tracestate" => TRACESTATE_NAME,
        "baggage" => BAGGAGE_NAME,
        // The client takes it, but other readers refuse the message for it.
        "" => return Err(CarrierError::InvalidName),
        _ => name.parse().map_err(|_| CarrierError::InvalidName)?,
    })
}

/// Whether the key is this name, in any spelling.
#[inline(always)]
pub(crate) fn is_spelling(key: &str, name: &str) -> bool {
    let ends_alike = match (key.as_bytes().last(), name.as_bytes().last()) {
        (Some(a), Some(b)) => (a ^ b) & !0x20 == 0,
        _ => true,
    };
    key.len() == name.len()
        && ends_alike
        && match key.as_bytes().first() {
            Some(b'X' | b'x') => is_disabled(key, name),
            _ => is_name(key.as_bytes(), name),
        }
}

#[cold]
fn is_disabled(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
        || (name.eq_ignore_ascii_case(TRACEPARENT) && key.eq_ignore_ascii_case(DISABLED))
}

/// Whether the key is this field as Go spells it. Other capitals do not show who reads them.
pub(crate) fn is_title_case(key: &str, field: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.eq_ignore_ascii_case(field)
        && in_title_case(key).eq(key.chars())
}

/// A name as Go's `textproto.CanonicalMIMEHeaderKey` spells it: each part between hyphens begins
/// with a capital. A name that is not a token (RFC 7230, section 3.2.6) stays as it is.
pub(crate) fn canonical(name: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return name.to_owned();
    }
    in_title_case(name).collect()
}

fn in_title_case(name: &str) -> impl Iterator<Item = char> {
    let mut starts = true;
    name.chars().map(move |c| {
        let spelled = if starts {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        starts = c == '-';
        spelled
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_go_does() {
        for (name, expected) in [
            ("traceparent", "Traceparent"),
            ("X-B3-TraceId", "X-B3-Traceid"),
            ("b3", "B3"),
            ("uber-trace-id", "Uber-Trace-Id"),
            ("x--y-", "X--Y-"),
            ("1a_b", "1a_b"),
            ("a b", "a b"),
            ("ä-b", "ä-b"),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }
}
