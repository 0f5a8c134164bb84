//! A message's span, and its context on the way into the headers.

use crate::headers::{PER_HEADER, wire_size};
use crate::kept::complete;
use crate::message::{SYSTEM, describe};
use crate::spelled::Spelled;
use crate::spelling::Spelling;
use async_nats::HeaderMap;
use otel_messaging::{Description, Instrumentation, Sending};
use std::mem;

/// What a message's headers may take in a stream, in bytes (nats-server, error 10097).
const STREAM_HEADERS: usize = 65_535;

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

    /// What headers may take, in bytes. `own` are those that the message has without us.
    ///
    /// A stream refuses a message with larger headers than that. A core publisher does not learn of that,
    /// nor whether there is a stream: the limit is kept for every message whose own headers keep it.
    pub(crate) fn room(&self, own: Option<&HeaderMap>) -> usize {
        let room = self.max_payload.saturating_sub(self.payload);
        if room > STREAM_HEADERS && own.is_none_or(|own| wire_size(own) <= STREAM_HEADERS) {
            STREAM_HEADERS
        } else {
            room
        }
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
        let room = message.room(headers.as_ref());
        let mut headers = headers.unwrap_or_default();
        self.write(&sending, &mut headers, room);
        (sending, headers)
    }

    /// Writes the message's context into the headers. `room` is what headers may take, in bytes.
    pub(crate) fn write(&self, sending: &Sending, headers: &mut HeaderMap, room: usize) {
        self.write_for(None, sending, headers, room);
    }

    /// Writes the context of an answer into its headers, so that the one who asked with the headers
    /// `asked` finds it.
    pub(crate) fn write_for(
        &self,
        asked: Option<&HeaderMap>,
        sending: &Sending,
        headers: &mut HeaderMap,
        room: usize,
    ) {
        if !sending.is_forwarded() {
            let mut spelled = Spelled::new(self.spelling, mem::take(headers), asked);
            sending.inject_where_room(&mut spelled, PER_HEADER, |spelled| spelled.left(room));
            *headers = spelled.headers;
        } else if !sending.context().is_telemetry_suppressed() {
            complete(self.spelling, headers, sending.instrumentation(), room);
        }
    }
}

/// What these headers leave of the room, in bytes; `None` if they are too large themselves.
pub(crate) fn left_beside(headers: &HeaderMap, room: usize) -> Option<usize> {
    let left = room.checked_sub(wire_size(headers));
    // Without headers there is no block.
    left.or_else(|| headers.is_empty().then_some(0))
}
