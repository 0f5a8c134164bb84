//! What a reply says of a service that failed (ADR-32).

use async_nats::header::{HeaderMap, HeaderName};

pub(crate) const TEXT: HeaderName = HeaderName::from_static("Nats-Service-Error");
pub(crate) const CODE: HeaderName = HeaderName::from_static("Nats-Service-Error-Code");

/// The error of a service, as a reply shows it.
pub(crate) struct ServiceError<'a> {
    /// A name for `error.type`.
    pub(crate) code: String,
    pub(crate) text: &'a str,
}

impl<'a> ServiceError<'a> {
    /// Reads the headers of a reply; `None` if the service did not fail.
    pub(crate) fn of(reply: &'a HeaderMap) -> Option<Self> {
        let code = reply.get(CODE)?;
        // Anybody may have answered, and each value is a time series: only small numbers are few enough.
        let code = match code.as_str().parse::<u16>() {
            Ok(code) if code < 1000 => code.to_string(),
            _ => "service_error".to_owned(),
        };
        let text = reply.get(TEXT).map_or("", |text| text.as_str());
        Some(Self { code, text })
    }
}
