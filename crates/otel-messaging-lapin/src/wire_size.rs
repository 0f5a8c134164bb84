//! What the headers of a message take on the wire, and how much a frame has for them.

use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Configuration, Connection};
use std::sync::Arc;

/// The size of a frame on which RabbitMQ and lapin agree by default, in bytes. A channel does not know
/// what its connection has agreed on.
pub(crate) const DEFAULT_FRAME_MAX: usize = 131_072;

/// What a table has beside its entries, in bytes: its size.
const TABLE: usize = 4;

/// What a frame has beside the properties, in bytes: its type, channel, size and end (8); class, weight,
/// size of the body and property flags (14); and what the table of headers has.
const AROUND: usize = 8 + 14 + TABLE;

/// What one header takes beyond its name and value, in bytes: the length of each and the type.
pub(crate) const PER_HEADER: usize = 1 + 1 + 4;

/// How large a frame may be. The properties of a message have to fit into one frame (AMQP 0.9.1,
/// section 4.2.6); a frame that is too large ends the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct FrameMax {
    /// Shared with the connection: a connection that lapin recovers may agree on another size.
    negotiated: Option<Arc<Configuration>>,
}

impl FrameMax {
    /// The size on which this connection agrees with its broker.
    pub(crate) fn of(connection: &Connection) -> Self {
        Self {
            negotiated: Some(Arc::new(connection.configuration().clone())),
        }
    }

    /// What a frame has for headers beside these properties, in bytes; `None` if there is no limit.
    pub(crate) fn room(&self, properties: &BasicProperties) -> Option<usize> {
        room_of(self.get(), properties)
    }

    fn get(&self) -> usize {
        match &self.negotiated {
            None => DEFAULT_FRAME_MAX,
            // A size that does not fit is as good as no limit.
            Some(negotiated) => usize::try_from(negotiated.frame_max()).unwrap_or(0),
        }
    }
}

/// A size of 0 is no limit (AMQP 0.9.1, class `connection`, method `tune`).
fn room_of(frame_max: usize, properties: &BasicProperties) -> Option<usize> {
    let taken = AROUND + size_without_headers(properties);
    (frame_max > 0).then(|| frame_max.saturating_sub(taken))
}

/// What these headers leave of so many bytes. `None` if they take more: nothing is looked at beyond.
pub(crate) fn left_of(headers: &FieldTable, room: usize) -> Option<usize> {
    let mut nested = Nested::default();
    let mut room = nested.left_by_table(headers, room)?;
    loop {
        if let Some(table) = nested.tables.pop() {
            room = nested.left_by_table(table, room)?;
        } else if let Some(array) = nested.arrays.pop() {
            room = nested.left_by_array(array, room)?;
        } else {
            return Some(room);
        }
    }
}

/// Tables and arrays inside others, to be counted later. Counting them by recursion would overflow the
/// stack where a remote party nests them deeply.
#[derive(Default)]
struct Nested<'a> {
    tables: Vec<&'a FieldTable>,
    arrays: Vec<&'a [AMQPValue]>,
}

impl<'a> Nested<'a> {
    fn left_by_table(&mut self, table: &'a FieldTable, mut room: usize) -> Option<usize> {
        for (name, value) in table.inner() {
            room = room.checked_sub(1 + name.as_str().len() + 1 + self.size(value))?;
        }
        Some(room)
    }

    fn left_by_array(&mut self, array: &'a [AMQPValue], mut room: usize) -> Option<usize> {
        for value in array {
            room = room.checked_sub(1 + self.size(value))?;
        }
        Some(room)
    }

    /// Without the type, and without what is inside a table or an array.
    fn size(&mut self, value: &'a AMQPValue) -> usize {
        match value {
            AMQPValue::Void => 0,
            AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
            AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
            AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
            AMQPValue::DecimalValue(_) => 5,
            AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
            AMQPValue::ShortString(text) => 1 + text.as_str().len(),
            AMQPValue::LongString(text) => 4 + text.len(),
            AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
            AMQPValue::FieldTable(table) => {
                self.tables.push(table);
                4
            }
            AMQPValue::FieldArray(array) => {
                self.arrays.push(array.as_slice());
                4
            }
        }
    }
}

/// What a message takes, in bytes: its payload, its properties and these headers. The frames around them,
/// the exchange and the routing key do not count.
pub(crate) fn envelope(
    payload: &[u8],
    properties: &BasicProperties,
    headers: Option<&FieldTable>,
) -> Option<usize> {
    let headers = match headers {
        Some(headers) => TABLE + (usize::MAX - left_of(headers, usize::MAX)?),
        None => 0,
    };
    let properties = size_without_headers(properties);
    payload.len().checked_add(properties)?.checked_add(headers)
}

fn size_without_headers(properties: &BasicProperties) -> usize {
    let text = |text: &Option<ShortString>| text.as_ref().map_or(0, |text| 1 + text.as_str().len());
    let byte = |byte: &Option<u8>| usize::from(byte.is_some());
    text(properties.content_type())
        + text(properties.content_encoding())
        + byte(properties.delivery_mode())
        + byte(properties.priority())
        + text(properties.correlation_id())
        + text(properties.reply_to())
        + text(properties.expiration())
        + text(properties.message_id())
        + properties.timestamp().map_or(0, |_| 8)
        + text(properties.kind())
        + text(properties.user_id())
        + text(properties.app_id())
        + text(properties.cluster_id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::types::FieldArray;

    /// By the size of a frame that is assumed without a connection.
    fn room(properties: &BasicProperties, headers: &FieldTable) -> Option<usize> {
        left_of(headers, FrameMax::default().room(properties)?)
    }

    #[test]
    fn every_value_is_counted_as_it_is_written() {
        let properties = BasicProperties::default();
        let whole = DEFAULT_FRAME_MAX - 8 - 14 - 4;
        assert_eq!(room(&properties, &FieldTable::default()), Some(whole));

        let mut nested = FieldTable::default();
        nested.insert("b".into(), AMQPValue::LongInt(1)); // 1 + 1 + 1 + 4
        let mut headers = FieldTable::default();
        headers.insert("a".into(), AMQPValue::FieldTable(nested)); // 1 + 1 + 1 + 4
        let array = FieldArray::from(vec![AMQPValue::Boolean(true), AMQPValue::Void]); // 2 + 1
        headers.insert("c".into(), AMQPValue::FieldArray(array)); // 1 + 1 + 1 + 4
        headers.insert("d".into(), AMQPValue::LongString("xyz".into())); // 1 + 1 + 1 + 4 + 3
        assert_eq!(
            room(&properties, &headers),
            Some(whole - 7 - 7 - 7 - 3 - 10)
        );

        let properties = properties
            .with_content_type("text".into()) // 5
            .with_timestamp(1) // 8
            .with_priority(1);
        assert_eq!(room(&properties, &FieldTable::default()), Some(whole - 14));
    }

    #[test]
    fn what_does_not_fit_has_no_room() {
        let mut headers = FieldTable::default();
        let value = vec![b'x'; DEFAULT_FRAME_MAX - 8 - 14 - 4 - 7];
        headers.insert("a".into(), AMQPValue::LongString(value.clone().into()));
        assert_eq!(room(&BasicProperties::default(), &headers), Some(0));
        headers.insert("b".into(), AMQPValue::Void);
        assert_eq!(room(&BasicProperties::default(), &headers), None);
    }

    #[test]
    fn the_size_of_a_frame_is_the_limit() {
        let properties = BasicProperties::default();
        assert_eq!(room_of(8192, &properties), Some(8192 - 8 - 14 - 4));
        assert_eq!(
            room_of(8192, &properties.clone().with_priority(1)),
            Some(8165)
        );
        assert_eq!(room_of(20, &properties), Some(0));
        assert_eq!(room_of(0, &properties), None);
    }

    #[test]
    fn an_envelope_is_payload_properties_and_headers() {
        let none = BasicProperties::default();
        assert_eq!(envelope(b"order 7", &none, None), Some(7));
        let mut headers = FieldTable::default();
        assert_eq!(envelope(b"", &none, Some(&headers)), Some(4));
        headers.insert("a".into(), AMQPValue::LongString("xyz".into())); // 1 + 1 + 1 + 4 + 3
        let properties = none.with_message_id("7".into()); // 2
        let size = envelope(b"order 7", &properties, Some(&headers));
        assert_eq!(size, Some(7 + 2 + 4 + 10));
    }

    /// Far deeper than a stack of calls would bear.
    #[test]
    fn any_depth_is_counted() {
        let mut headers = FieldTable::default();
        for _ in 0..10_000 {
            let mut outer = FieldTable::default();
            outer.insert("a".into(), AMQPValue::FieldTable(headers));
            headers = outer;
        }
        let taken = DEFAULT_FRAME_MAX - 8 - 14 - 4 - 70_000;
        assert_eq!(room(&BasicProperties::default(), &headers), Some(taken));
        std::mem::forget(headers); // its own destructor is one call in another
    }
}
