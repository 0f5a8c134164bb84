//! A delivery as the examination reads it.

use crate::message::{Header, Message, Origin, Place, Value, contexts};
use crate::report::End;
use crate::source::scan::Scan;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging_lapin as _;

/// Hands a delivery to the scan.
pub(crate) fn seen(delivery: &Delivery, place: Place, scan: &mut Scan) -> Option<End> {
    let properties = &delivery.properties;
    let table = properties.headers().as_ref();
    let headers = table.into_iter().flat_map(|table| table.inner());
    let headers = headers.map(|(name, value)| Header {
        name: name.as_str().as_bytes(),
        value: of(value),
    });
    let routing_key = delivery.routing_key.as_str();
    scan.see(&Message {
        // The default exchange has no name, and its routing keys are names of queues.
        destination: match delivery.exchange.as_str() {
            "" => routing_key,
            exchange => exchange,
        },
        origin: Origin::Route {
            routing_key,
            app_id: properties.app_id().as_ref().map(ShortString::as_str),
        },
        place,
        headers: headers.collect(),
        contexts: contexts(table),
        id: properties.message_id().as_ref().map(ShortString::as_str),
        content_type: properties.content_type().as_ref().map(ShortString::as_str),
        payload: &delivery.data,
    })
}

/// Where the delivery is in its stream.
pub(crate) fn stream_offset(delivery: &Delivery) -> Option<u64> {
    let headers: &FieldTable = delivery.properties.headers().as_ref()?;
    match headers.inner().get("x-stream-offset")? {
        AMQPValue::LongLongInt(offset) => u64::try_from(*offset).ok(),
        AMQPValue::Timestamp(offset) => Some(*offset),
        AMQPValue::LongUInt(offset) => Some(u64::from(*offset)),
        AMQPValue::LongInt(offset) => u64::try_from(*offset).ok(),
        _ => None,
    }
}

fn of(value: &AMQPValue) -> Value<'_> {
    match value {
        AMQPValue::LongString(text) => match str::from_utf8(text.as_bytes()) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Bytes(text.as_bytes()),
        },
        AMQPValue::ShortString(text) => Value::Text(text.as_str()),
        AMQPValue::ByteArray(bytes) => Value::Bytes(bytes.as_slice()),
        AMQPValue::Void => Value::Null,
        AMQPValue::Boolean(_) => Value::Other("boolean"),
        AMQPValue::ShortShortInt(_)
        | AMQPValue::ShortShortUInt(_)
        | AMQPValue::ShortInt(_)
        | AMQPValue::ShortUInt(_)
        | AMQPValue::LongInt(_)
        | AMQPValue::LongUInt(_)
        | AMQPValue::LongLongInt(_) => Value::Other("integer"),
        AMQPValue::Float(_) | AMQPValue::Double(_) | AMQPValue::DecimalValue(_) => {
            Value::Other("number")
        }
        AMQPValue::FieldArray(_) => Value::Other("array"),
        AMQPValue::Timestamp(_) => Value::Other("timestamp"),
        AMQPValue::FieldTable(_) => Value::Other("table"),
    }
}
