//! How much a message's headers may take on the wire.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// What RabbitMQ and lapin agree on unless they are told otherwise, in bytes; a channel does not
/// tell. The properties of a message have to fit into one frame (AMQP 0.9.1, section 4.2.6), and
/// one that is too large ends the connection.
pub(crate) const FRAME_MAX: usize = 131_072;

/// The frame's type, channel, size and end; then class, weight, the size of the body and the flags
/// that tell which properties there are.
const AROUND: usize = 8 + 14;

/// What one header takes beyond its name and value, in bytes: the length of each and the type.
pub(crate) const PER_HEADER: usize = 1 + 1 + 4;

/// A context of so many bytes, names and values, fits into a frame where there are no other headers:
/// other properties take less than 3 KiB, and a header, of two bytes at least, no more than four times
/// its name and its value.
pub(crate) const ALWAYS_FITS: usize = FRAME_MAX / 8;

/// What a frame has left for headers beyond these, in bytes. `None` if they do not fit themselves.
pub(crate) fn room(properties: &BasicProperties, headers: &FieldTable) -> Option<usize> {
    let room = FRAME_MAX.checked_sub(AROUND + size_without_headers(properties))?;
    // Checked on the way, so that no more is looked at than fits.
    let mut room = room.checked_sub(4)?;
    let mut tables = vec![headers];
    let mut arrays: Vec<&[AMQPValue]> = Vec::new();
    loop {
        if let Some(table) = tables.pop() {
            for (name, value) in table.inner() {
                let size = 1 + name.as_str().len() + 1 + size(value, &mut tables, &mut arrays);
                room = room.checked_sub(size)?;
            }
        } else if let Some(array) = arrays.pop() {
            for value in array {
                room = room.checked_sub(1 + size(value, &mut tables, &mut arrays))?;
            }
        } else {
            return Some(room);
        }
    }
}

/// Without the type; what is nested is left for later, so that no depth is one of calls.
fn size<'a>(
    value: &'a AMQPValue,
    tables: &mut Vec<&'a FieldTable>,
    arrays: &mut Vec<&'a [AMQPValue]>,
) -> usize {
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
            tables.push(table);
            4
        }
        AMQPValue::FieldArray(array) => {
            arrays.push(array.as_slice());
            4
        }
    }
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

    #[test]
    fn every_value_is_counted_as_it_is_written() {
        let properties = BasicProperties::default();
        let whole = FRAME_MAX - 8 - 14 - 4;
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
        let value = vec![b'x'; FRAME_MAX - 8 - 14 - 4 - 7];
        headers.insert("a".into(), AMQPValue::LongString(value.clone().into()));
        assert_eq!(room(&BasicProperties::default(), &headers), Some(0));
        headers.insert("b".into(), AMQPValue::Void);
        assert_eq!(room(&BasicProperties::default(), &headers), None);
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
        let taken = FRAME_MAX - 8 - 14 - 4 - 70_000;
        assert_eq!(room(&BasicProperties::default(), &headers), Some(taken));
        std::mem::forget(headers); // its own destructor is one call in another
    }
}
