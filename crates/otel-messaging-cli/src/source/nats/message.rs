//! A message as the examination reads it.

use crate::message::{Header, Message, Origin, Place, Value, contexts};
use crate::report::End;
use crate::source::scan::Scan;
use async_nats::HeaderMap;
use async_nats::header::HeaderValue;
use otel_messaging_async_nats as _;

/// The id by which a stream recognises a message that was sent twice.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Hands a message to the scan.
pub(crate) fn seen(
    subject: &str,
    place: Place,
    headers: Option<&HeaderMap>,
    payload: &[u8],
    scan: &mut Scan,
) -> Option<End> {
    let each = headers.into_iter().flat_map(HeaderMap::iter);
    let each = each.flat_map(|(name, values)| {
        values.iter().map(|value: &HeaderValue| Header {
            name: name.as_ref(),
            value: Value::Text(value.as_str()),
        })
    });
    let each: Vec<Header<'_>> = each.collect();
    let id = each
        .iter()
        .find(|header| header.name == MESSAGE_ID.as_bytes());
    let id = id.and_then(|header| match header.value {
        Value::Text(text) => Some(text),
        _ => None,
    });
    scan.see(&Message {
        destination: subject,
        origin: Origin::Subject,
        place,
        id,
        headers: each,
        contexts: contexts(headers),
        content_type: None,
        payload,
    })
}
