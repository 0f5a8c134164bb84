//! The end of a message's span, by what the client answers.

use crate::error_type::error_type;
use crate::service_error::ServiceError;
use async_nats::Message;
use async_nats::client::RequestError;
use async_nats::error::Error;
use otel_messaging::adapter::{Outcome, Outgoing};
use std::fmt::{Debug, Display};

/// Ends the span of a message that the client has taken, or has not.
pub(crate) fn finish<T, K>(outgoing: Outgoing, taken: &Result<T, Error<K>>)
where
    K: Clone + Debug + Display + PartialEq,
{
    outgoing.finish(match taken {
        Ok(_) => Outcome::accepted(),
        Err(error) => Outcome::failed(error_type(error), error),
    });
}

/// Ends the span of a request with its reply: as failed, if the service says so.
pub(crate) fn finish_request(outgoing: Outgoing, reply: &Result<Message, RequestError>) {
    match reply {
        Ok(reply) => match reply.headers.as_ref().and_then(ServiceError::of) {
            Some(error) => outgoing.finish(Outcome::failed(error.code, &error.text)),
            None => outgoing.finish(Outcome::accepted()),
        },
        Err(error) => outgoing.finish(Outcome::failed(error_type(error), error)),
    }
}
