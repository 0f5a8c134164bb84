//! Contexts that stand in the double quotes of JSON, as older versions of Spring for Apache Kafka write
//! them.

use crate::native::{self, RawHeader};
use otel_messaging::adapter::is_name;
use rdkafka::message::{Headers, OwnedHeaders};

/// The fields of W3C's context and of B3. Services with Spring Cloud Sleuth write those of B3. No value of
/// these fields begins with a quote of its own.
const IN_QUOTES: [&str; 9] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
];

/// The value without the quotes of JSON, or `None` if it has a JSON escape inside them. The values of
/// other headers stay as they are.
#[inline]
pub(crate) fn inside<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    match value {
        [b'"', text @ .., b'"'] => inside_quotes(key, value, text),
        _ => Some(value),
    }
}

#[cold]
fn inside_quotes<'a>(key: &[u8], value: &'a [u8], text: &'a [u8]) -> Option<&'a [u8]> {
    if !IN_QUOTES.iter().any(|name| is_name(key, name)) {
        return Some(value);
    }
    // With an escape, the text inside differs from the text that the sender meant.
    (!text.contains(&b'\\')).then_some(text)
}

/// The headers of a message that is forwarded: a context that came in JSON quotes goes on without them,
/// because readers in other languages do not remove them.
pub(crate) fn without_quotes(headers: OwnedHeaders) -> OwnedHeaders {
    let is_plain = |(key, value): RawHeader<'_>| value.is_none_or(|v| inside(key, v) == Some(v));
    if native::all(headers.as_borrowed()).all(is_plain) {
        return headers;
    }
    let mut rest = OwnedHeaders::new_with_capacity(headers.count());
    for (key, value) in native::all(headers.as_borrowed()) {
        // A value with an escape inside cannot be read as a context. It stays as it is.
        let text = value.and_then(|value| inside(key, value));
        native::add(&mut rest, (key, text.or(value)));
    }
    rest
}
