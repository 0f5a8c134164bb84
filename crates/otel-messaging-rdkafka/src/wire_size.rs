//! How large a record is on the wire, as librdkafka counts it against `message.max.bytes`.

use crate::native::{self, RawHeader};
use rdkafka::message::OwnedHeaders;

/// What a record takes beside key, payload and headers at most, in bytes (librdkafka,
/// `RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD`).
pub(crate) const AROUND: usize = 36;

/// What a header takes beyond name and value, in bytes: the length of each. This is enough for values
/// of up to 1 MiB.
pub(crate) const PER_HEADER: usize = 2 + 4;

/// What the headers leave of `room` bytes, or `None` if they take more.
pub(crate) fn left_of(headers: &OwnedHeaders, room: usize) -> Option<usize> {
    native::all(headers.as_borrowed())
        .try_fold(room, |left, header| left.checked_sub(of_header(header)))
}

fn of_header((name, value): RawHeader<'_>) -> usize {
    let value = value.map_or(0, <[u8]>::len);
    name.len() + value + of_length(name.len()) + of_length(value)
}

/// A length is written in seven bits a byte, doubled because lengths have a sign.
fn of_length(length: usize) -> usize {
    let bits = (usize::BITS - length.leading_zeros() + 1).max(1);
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_as_they_are_written() {
        for (length, size) in [(0, 1), (63, 1), (64, 2), (8191, 2), (8192, 3), (1 << 20, 4)] {
            assert_eq!(of_length(length), size, "{length}");
        }
    }

    #[test]
    fn headers_take_names_values_and_their_lengths() {
        let mut headers = OwnedHeaders::new();
        assert!(native::add(&mut headers, (b"order", Some(b"7"))));
        assert!(native::add(&mut headers, (b"null", None)));
        let size = (1 + 5 + 1 + 1) + (1 + 4 + 1);
        assert_eq!(left_of(&headers, size + 3), Some(3));
        assert_eq!(left_of(&headers, size), Some(0));
        assert_eq!(left_of(&headers, size - 1), None);
    }
}
