//! What a reply says of a service that failed (ADR-32).

use async_nats::header::{HeaderMap, HeaderName};
use otel_messaging::Sending;

pub(crate) const TEXT: HeaderName = HeaderName::from_static("Nats-Service-Error");
pub(crate) const CODE: HeaderName = HeaderName::from_static("Nats-Service-Error-Code");

/// Ends the span of a request: as failed, if the service says so.
pub(crate) fn mark(sending: Sending, reply: Option<&HeaderMap>) {
    let Some(headers) = reply else { return };
    let Some(code) = headers.get(CODE) else {
        return;
    };
    // Anybody may have answered: only a number makes few values.
    let code = match code.as_str().parse::<u16>() {
        Ok(code) => code.to_string(),
        Err(_) => "service_error".to_owned(),
    };
    let text = headers.get(TEXT).map_or("", |text| text.as_str());
    sending.fail(code, text);
}
