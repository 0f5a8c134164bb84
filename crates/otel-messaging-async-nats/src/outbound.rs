//! What is known of a message before it is published.

use crate::headers::Nats;
use crate::received::message_id;
use crate::subject;
use async_nats::HeaderMap;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, semconv};

/// A message before it is published: where it goes to, and the headers that it has without a context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outbound<'a> {
    destination: Destination<'a>,
    headers: Option<&'a HeaderMap>,
    /// The code of the answer of a service that failed.
    service_error_code: Option<usize>,
}

impl<'a> Outbound<'a> {
    #[inline]
    pub(crate) fn to(subject: &'a str, headers: Option<&'a HeaderMap>) -> Self {
        Self {
            destination: subject::destination(subject),
            headers,
            service_error_code: None,
        }
    }

    /// The answer to one request: whatever the subject is called, it lives as long as the request.
    #[cfg(feature = "service")]
    pub(crate) fn answer(
        subject: Option<&'a str>,
        headers: &'a HeaderMap,
        service_error_code: Option<usize>,
    ) -> Self {
        Self {
            destination: subject.map_or(Destination::unknown(), Destination::temporary),
            headers: Some(headers),
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

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        let code = self.service_error_code.map(i64::try_from);
        if let Some(Ok(code)) = code {
            attributes.set(semconv::NATS_SERVICE_ERROR_CODE, code);
        }
    }
}
