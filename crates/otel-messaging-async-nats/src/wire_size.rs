//! The bytes that headers take on the wire. They count towards the server's `max_payload`.

use crate::header_name::text;
use async_nats::header::HeaderMap;

/// What a header takes beyond its name and its value, in bytes.
pub(crate) const PER_HEADER: usize = ": \r\n".len();

/// The lines around the headers, in bytes.
const BLOCK: usize = "NATS/1.0\r\n\r\n".len();

/// What a message's headers may take in a stream, in bytes (nats-server, error 10097).
const STREAM_HEADERS: usize = 65_535;

/// What one header takes, in bytes.
#[inline]
pub(crate) fn of_header(name: &str, value: &str) -> usize {
    name.len() + value.len() + PER_HEADER
}

/// What headers take with the lines around them, in bytes; 0 if there are none.
pub(crate) fn of_headers(headers: Option<&HeaderMap>) -> Option<usize> {
    match headers.filter(|headers| !headers.is_empty()) {
        Some(headers) => Some(usize::MAX - left_of(headers, usize::MAX)?),
        None => Some(0),
    }
}

/// What a message takes, in bytes, as the server's `max_payload` counts it: its payload, and its headers
/// with the lines around them.
pub(crate) fn envelope(payload: usize, headers: Option<&HeaderMap>) -> Option<usize> {
    payload.checked_add(of_headers(headers)?)
}

/// What these headers leave of the room, in bytes; `None` if they take more.
#[inline]
pub(crate) fn left_of(headers: &HeaderMap, room: usize) -> Option<usize> {
    if headers.is_empty() {
        return left_beside(0, room);
    }
    let mut left = room.checked_sub(BLOCK)?;
    for (name, values) in headers.iter() {
        for value in values {
            left = left.checked_sub(of_header(text(name), value.as_str()))?;
        }
    }
    Some(left)
}

/// The same for headers that take so many bytes.
#[inline]
pub(crate) fn left_beside(size: usize, room: usize) -> Option<usize> {
    if size == 0 {
        // A message without headers has no lines around them either.
        Some(room.saturating_sub(BLOCK))
    } else {
        room.checked_sub(size)
    }
}

/// What the headers of a message may take, in bytes. `own` is what those take that the caller gave.
///
/// A stream refuses a message with headers that are larger than 65,535 bytes. A publisher on core NATS
/// learns neither of the refusal nor of the stream, so every message whose own headers keep this limit
/// keeps it with its context too.
pub(crate) fn room_for(max_payload: usize, payload: usize, own: Option<usize>) -> usize {
    let room = max_payload.saturating_sub(payload);
    if room > STREAM_HEADERS && own.is_some_and(|own| own <= STREAM_HEADERS) {
        STREAM_HEADERS
    } else {
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("Order", value);
        headers
    }

    #[test]
    fn lines_and_what_is_around_them_count() {
        let headers = of("7");
        let size = BLOCK + "Order: 7\r\n".len();
        for (room, left) in [
            (0, None),
            (BLOCK - 1, None),
            (size - 1, None),
            (size, Some(0)),
            (size + 1, Some(1)),
        ] {
            assert_eq!(left_of(&headers, room), left, "{room}");
        }
        let none = HeaderMap::new();
        for (room, left) in [(0, 0), (BLOCK, 0), (BLOCK + 1, 1)] {
            assert_eq!(left_of(&none, room), Some(left), "{room}");
        }
    }

    #[test]
    fn an_envelope_is_payload_and_headers() {
        assert_eq!(envelope(7, None), Some(7));
        assert_eq!(envelope(7, Some(&HeaderMap::new())), Some(7));
        let size = "NATS/1.0\r\nOrder: 7\r\n\r\n".len();
        assert_eq!(envelope(7, Some(&of("7"))), Some(7 + size));
    }

    #[test]
    fn a_streams_limit_is_kept_where_the_callers_headers_keep_it() {
        let rest = STREAM_HEADERS - BLOCK - of_header("Order", "");
        let (fits, exceeds) = (of(&"x".repeat(rest)), of(&"x".repeat(rest + 1)));
        for (max_payload, payload, own, room) in [
            (100, 101, None, 0),
            (STREAM_HEADERS + 8, 9, None, STREAM_HEADERS - 1),
            (STREAM_HEADERS + 8, 7, None, STREAM_HEADERS),
            (STREAM_HEADERS + 8, 7, Some(&fits), STREAM_HEADERS),
            (STREAM_HEADERS + 8, 7, Some(&exceeds), STREAM_HEADERS + 1),
        ] {
            assert_eq!(room_for(max_payload, payload, of_headers(own)), room);
        }
    }
}
