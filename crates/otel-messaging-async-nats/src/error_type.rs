//! Names for the client's errors, for `error.type`.

use async_nats::client::{PublishError, RequestErrorKind, SubscribeError};
use async_nats::error::Error;
use async_nats::jetstream::consumer::{pull, push};
use async_nats::jetstream::stream::{DirectGetErrorKind, LastRawMessageErrorKind};
use std::any::Any;
use std::fmt::{Debug, Display};
use std::io;

/// The errors with which async-nats gives messages, beside [`async_nats::Error`].
const OF_POLLS: [fn(&dyn Any) -> Option<String>; 7] = [
    known::<pull::MessagesErrorKind>,
    known::<pull::OrderedErrorKind>,
    known::<push::MessagesErrorKind>,
    known::<push::OrderedErrorKind>,
    known::<RequestErrorKind>,
    known::<DirectGetErrorKind>,
    known::<LastRawMessageErrorKind>,
];

/// The name of the error's kind, such as `MaxPayloadExceeded`, without what the kind has with it.
pub(crate) fn error_type<K>(error: &Error<K>) -> String
where
    K: Clone + Debug + Display + PartialEq,
{
    name(&error.kind())
}

/// The name of an error, if it is one with which async-nats gives messages or settles them.
pub(crate) fn error_type_of(error: &dyn Any) -> Option<String> {
    if let Some(error) = error.downcast_ref::<async_nats::Error>() {
        return Some(boxed(error));
    }
    OF_POLLS.iter().find_map(|known| known(error))
}

/// The type of what an untyped error wraps. Polls and settlements return such errors.
fn boxed(error: &async_nats::Error) -> String {
    if let Some(error) = error.downcast_ref::<PublishError>() {
        return error_type(error);
    }
    if let Some(error) = error.downcast_ref::<SubscribeError>() {
        return error_type(error);
    }
    match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() != io::ErrorKind::Other => name(&error.kind()),
        _ => "_OTHER".to_owned(),
    }
}

fn known<K>(error: &dyn Any) -> Option<String>
where
    K: Clone + Debug + Display + PartialEq + 'static,
{
    error.downcast_ref().map(error_type::<K>)
}

/// A server chooses what some kinds have with them.
fn name(kind: &impl Debug) -> String {
    let mut name = format!("{kind:?}");
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    name.truncate(name.find(|letter| !is_part(letter)).unwrap_or(name.len()));
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::Nats;
    use async_nats::StatusCode;
    use async_nats::client::{PublishErrorKind, SubscribeErrorKind};
    use otel_messaging::adapter::Client;

    #[test]
    fn errors_of_consumers_have_names() {
        let heartbeat = pull::MessagesError::new(pull::MessagesErrorKind::MissingHeartbeat);
        let deleted = push::OrderedError::new(push::OrderedErrorKind::ConsumerDeleted);
        let response = DirectGetErrorKind::ErrorResponse(StatusCode::TIMEOUT, "7 of 9".to_owned());
        let response = Error::new(response);
        let late: async_nats::Error = io::Error::from(io::ErrorKind::TimedOut).into();
        let other: async_nats::Error = io::Error::other("status 503").into();
        let text: async_nats::Error = "no such thing".into();
        let closed: async_nats::Error = PublishError::new(PublishErrorKind::Send).into();
        let inbox: async_nats::Error =
            SubscribeError::new(SubscribeErrorKind::InvalidSubject).into();
        let errors: [(&dyn Any, &str); 8] = [
            (&heartbeat, "MissingHeartbeat"),
            (&deleted, "ConsumerDeleted"),
            (&response, "ErrorResponse"),
            (&late, "TimedOut"),
            (&other, "_OTHER"),
            (&text, "_OTHER"),
            (&closed, "Send"),
            (&inbox, "InvalidSubject"),
        ];
        for (error, name) in errors {
            assert_eq!(Nats::error_type(error).as_deref(), Some(name));
        }
        assert_eq!(Nats::error_type(&"of the disk"), None);
    }
}
