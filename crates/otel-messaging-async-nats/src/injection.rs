//! A message's span, and its context on the way into the headers.

use crate::headers::Nats;
use crate::kept::complete;
use crate::relay;
use crate::spelled::Spelled;
use crate::spelling::Spelling;
use async_nats::HeaderMap;
use otel_messaging::adapter::{Describe, Destination, Outgoing, Relay, Sender};
use otel_messaging::producer::ProducerInfo;
use std::mem;

/// How a wrapper sends, as it was told: the instrumentation, the batch, the spelling and the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Injection {
    pub(crate) sender: Sender,
    pub(crate) spelling: Spelling,
    pub(crate) info: ProducerInfo,
}

impl Injection {
    /// Starts the span of a message that is sent on, and gives the headers with which it goes: those
    /// with which it came, renamed where they would act on it, and its context. `room` is what headers
    /// may take, in bytes.
    pub(crate) fn relay<M: Describe<Nats>>(
        &self,
        relay: Relay<'_>,
        source: Destination<'_>,
        message: &M,
        came: Option<&HeaderMap>,
        room: usize,
    ) -> (Outgoing, HeaderMap) {
        let mut headers = relay::headers(relay, came, room);
        let by = &self.sender;
        let outgoing = by.relay(relay, source, "publish", message, &mut headers, Some(room));
        self.write(&outgoing, &mut headers, room);
        (outgoing, headers)
    }

    /// Writes the message's context into the headers. `room` is what headers may take, in bytes.
    pub(crate) fn write(&self, outgoing: &Outgoing, headers: &mut HeaderMap, room: usize) {
        self.write_beside(None, (headers, None), outgoing, room);
    }

    /// Writes the context into headers that take so many bytes, if that is known. `asked` are the headers
    /// of the request, if the message is an answer: the request's sender finds the context in its spelling.
    #[inline]
    pub(crate) fn write_beside(
        &self,
        asked: Option<&HeaderMap>,
        (headers, size): (&mut HeaderMap, Option<usize>),
        outgoing: &Outgoing,
        room: usize,
    ) {
        if !outgoing.keeps_context() {
            let mut spelled = Spelled::new(self.spelling, mem::take(headers), asked).of_size(size);
            outgoing.inject(&mut spelled, Some(room));
            *headers = spelled.headers;
        } else if !outgoing.context().is_telemetry_suppressed() {
            // The context stays as it is; the span shows headers that the application wants to see.
            outgoing.inject(headers, Some(room));
            complete(self.spelling, headers, outgoing.instrumentation(), room);
        }
    }
}

#[cfg(test)]
mod tests;
