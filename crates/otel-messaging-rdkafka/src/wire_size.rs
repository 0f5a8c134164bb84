//! How large a record is on the wire, as librdkafka counts it against `message.max.bytes`.

use crate::native::{self, RawHeader};
use rdkafka::message::{BorrowedHeaders, OwnedHeaders};

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

/// What a record takes, in bytes: its key, its payload, and these headers with their lengths. The rest, at
/// most [`AROUND`], does not count: lengths, timestamp and offset.
pub(crate) fn envelope(
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
    headers: Option<&BorrowedHeaders>,
) -> Option<usize> {
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    let content = length(key).checked_add(length(payload))?;
    let mut headers = headers.into_iter().flat_map(native::all).map(of_header);
    headers.try_fold(content, usize::checked_add)
}

/// What one header takes, in bytes.
#[inline]
pub(crate) fn of_header((name, value): RawHeader<'_>) -> usize {
    let value = value.map_or(0, <[u8]>::len);
    name.len() + value + of_length(name.len()) + of_length(value)
}

/// A length is written in seven bits a byte, doubled because lengths have a sign.
#[inline]
fn of_length(length: usize) -> usize {
    // As nearly all are.
    if length < 64 {
        return 1;
    }
    let bits = usize::BITS - length.leading_zeros() + 1;
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

        let carried = Some(headers.as_borrowed());
        assert_eq!(
            envelope(Some(b"k"), Some(b"order"), carried),
            Some(6 + size)
        );
        assert_eq!(envelope(None, None, carried), Some(size));
        assert_eq!(envelope(Some(b"k"), None, None), Some(1));
    }
}
