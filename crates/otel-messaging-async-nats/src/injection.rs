//! A message's span, and its context on the way into the headers.

use crate::headers::{PER_HEADER, wire_size};
use crate::message::{SYSTEM, describe};
use crate::spelling::{BothSpellings, Spelling, has_title_case};
use async_nats::HeaderMap;
use otel_messaging::{Description, Instrumentation, Sending};
use std::mem;

/// What a wrapper was told of how to send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Injection {
    /// The global one if there is none.
    pub(crate) instrumentation: Option<Instrumentation>,
    pub(crate) spelling: Spelling,
}

/// What is known of a message before it is published.
pub(crate) struct Outgoing<'a> {
    pub(crate) subject: &'a str,
    /// In bytes.
    pub(crate) payload: usize,
    /// What the server takes, in bytes.
    pub(crate) max_payload: usize,
}

impl Outgoing<'_> {
    pub(crate) fn description(
        &self,
        operation: &'static str,
        headers: Option<&HeaderMap>,
    ) -> Description {
        let mut description = Description::sent(SYSTEM, operation);
        describe(&mut description, self.subject, headers);
        description
    }

    /// What is left for headers, in bytes.
    pub(crate) fn room(&self) -> usize {
        self.max_payload.saturating_sub(self.payload)
    }
}

impl Injection {
    /// Starts the message's span and writes its context into the headers.
    pub(crate) fn start(
        &self,
        operation: &'static str,
        message: Outgoing<'_>,
        headers: Option<HeaderMap>,
    ) -> (Sending, HeaderMap) {
        let description = message.description(operation, headers.as_ref());
        let sending = Sending::start(self.instrumentation.as_ref(), description);
        let mut headers = headers.unwrap_or_default();
        self.write(&sending, &mut headers, message.room());
        (sending, headers)
    }

    /// Writes the message's context into the headers, in both spellings if it has a context in title
    /// case there. `room` is what headers may take, in bytes.
    pub(crate) fn write(&self, sending: &Sending, headers: &mut HeaderMap, room: usize) {
        if !sending.is_forwarded() {
            let spelling = self.spelling_for(sending, headers);
            write_spelled(spelling, sending, headers, room);
        }
    }

    /// In which spelling those find a context who sent these headers.
    pub(crate) fn spelling_for(&self, sending: &Sending, headers: &HeaderMap) -> Spelling {
        match self.spelling {
            Spelling::Lower if has_title_case(headers, sending.instrumentation()) => Spelling::Both,
            spelling => spelling,
        }
    }
}

/// Writes the message's context into the headers in this spelling. `room` is what headers may take,
/// in bytes.
pub(crate) fn write_spelled(
    spelling: Spelling,
    sending: &Sending,
    headers: &mut HeaderMap,
    room: usize,
) {
    match spelling {
        Spelling::Lower => {
            sending.inject_where_room(headers, PER_HEADER, |headers| left_beside(headers, room))
        }
        Spelling::Both => {
            let mut both = BothSpellings(mem::take(headers));
            // Whatever is written takes twice its size.
            sending.inject_where_room(&mut both, PER_HEADER, |both| {
                left_beside(&both.0, room).map(|left| left / 2)
            });
            *headers = both.0;
        }
    }
}

/// What these headers leave of the room, in bytes; `None` if they are too large themselves.
pub(crate) fn left_beside(headers: &HeaderMap, room: usize) -> Option<usize> {
    let left = room.checked_sub(wire_size(headers));
    // Without headers there is no block.
    left.or_else(|| headers.is_empty().then_some(0))
}
