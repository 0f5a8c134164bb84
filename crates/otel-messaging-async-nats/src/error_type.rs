//! Names for the client's errors, for `error.type`.

use async_nats::error::Error;
use std::fmt::{Debug, Display};

/// The name of the error's kind, such as `MaxPayloadExceeded`.
pub(crate) fn error_type<K>(error: &Error<K>) -> String
where
    K: Clone + Debug + Display + PartialEq,
{
    format!("{:?}", error.kind())
}
