//! A record of Kafka as the examination reads it.

use crate::message::{Header, Message, Origin, Place, Value, contexts};
use crate::report::End;
use crate::source::scan::Scan;
use otel_messaging_rdkafka::raw_headers;
use rdkafka::message::{BorrowedMessage, Message as _};

/// Hands a record to the scan.
pub(crate) fn seen(record: &BorrowedMessage<'_>, scan: &mut Scan) -> Option<End> {
    let sent = record.headers();
    let headers = sent.into_iter().flat_map(raw_headers);
    let headers = headers.map(|(name, value)| Header {
        name,
        value: value.map_or(Value::Null, |value| match str::from_utf8(value) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Bytes(value),
        }),
    });
    scan.see(&Message {
        destination: record.topic(),
        origin: Origin::Key(record.key()),
        place: Place::Offset {
            partition: record.partition(),
            offset: record.offset(),
        },
        headers: headers.collect(),
        contexts: contexts(sent),
        id: None,
        content_type: None,
        payload: record.payload().unwrap_or_default(),
    })
}
