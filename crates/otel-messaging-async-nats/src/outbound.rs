//! What is known of a message before it is published.

use crate::headers::Nats;
use crate::received::message_id;
use crate::subject;
use crate::wire_size;
use async_nats::HeaderMap;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, semconv};
use otel_messaging::producer::ProducerInfo;

/// A message before it is published: where it goes to, and the headers that it has without a context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outbound<'a> {
    destination: Destination<'a>,
    headers: Option<&'a HeaderMap>,
    /// The size of the payload, in bytes.
    payload: usize,
    info: &'a ProducerInfo,
    /// The code of the answer of a service that failed.
    service_error_code: Option<usize>,
}

impl<'a> Outbound<'a> {
    #[inline]
    pub(crate) fn to(
        subject: &'a str,
        headers: Option<&'a HeaderMap>,
        payload: usize,
        info: &'a ProducerInfo,
    ) -> Self {
        Self {
            destination: subject::destination(subject),
            headers,
            payload,
            info,
            service_error_code: None,
        }
    }

    /// The answer to one request: whatever the subject is called, it lives as long as the request.
    #[cfg(feature = "service")]
    pub(crate) fn answer(
        subject: Option<&'a str>,
        headers: &'a HeaderMap,
        payload: usize,
        info: &'a ProducerInfo,
        service_error_code: Option<usize>,
    ) -> Self {
        Self {
            destination: subject.map_or(Destination::unknown(), Destination::temporary),
            headers: Some(headers),
            payload,
            info,
            service_error_code,
        }
    }
}

impl Describe<Nats> for Outbound<'_> {
    type Client = Nats;

    fn destination(&self) -> Destination<'_> {
        self.destination
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination).with_message_id(self.headers.and_then(message_id))
    }

    fn producer_info(&self) -> Option<&ProducerInfo> {
        Some(self.info)
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.payload)
    }

    fn envelope_size(&self) -> Option<usize> {
        wire_size::envelope(self.payload, self.headers)
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        let code = self.service_error_code.map(i64::try_from);
        if let Some(Ok(code)) = code {
            attributes.set(semconv::NATS_SERVICE_ERROR_CODE, code);
        }
    }
}
