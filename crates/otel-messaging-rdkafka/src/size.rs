//! How large a record is on the wire, as librdkafka counts it against `message.max.bytes`.

use crate::headers::raw;
use crate::native::RawHeader;
use rdkafka::message::OwnedHeaders;

/// What a record takes beside key, payload and headers at most, in bytes (librdkafka,
/// `RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD`).
pub(crate) const AROUND: usize = 36;

/// What a header takes beyond name and value, in bytes: the length of each. Enough for values of up
/// to 1 MiB.
pub(crate) const PER_HEADER: usize = 2 + 4;

/// The size of the headers in bytes.
pub(crate) fn of_headers(headers: &OwnedHeaders) -> usize {
    let size = |(name, value): RawHeader<'_>| {
        let value = value.map_or(0, <[u8]>::len);
        name.len() + value + of_length(name.len()) + of_length(value)
    };
    raw(headers.as_borrowed()).map(size).sum()
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
}
