//! Names for what went wrong, for the attribute `error.type`.

use lapin::protocol::{AMQPError, AMQPErrorKind};
use lapin::{Error, ErrorKind};
use std::borrow::Cow;

pub(crate) fn error_type(error: &Error) -> Cow<'static, str> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => return amqp_error_type(error),
        ErrorKind::InvalidChannelState(..) => "InvalidChannelState",
        ErrorKind::InvalidConnectionState(_) => "InvalidConnectionState",
        ErrorKind::IOError(_) => "IOError",
        ErrorKind::MissingHeartbeatError => "MissingHeartbeatError",
        ErrorKind::SerialisationError(_) => "SerialisationError",
        _ => "_OTHER",
    }
    .into()
}

/// The reply code's name as RabbitMQ writes it, such as `NOT_FOUND`.
pub(crate) fn amqp_error_type(error: &AMQPError) -> Cow<'static, str> {
    let name = match error.kind() {
        AMQPErrorKind::Soft(soft) => soft.to_string(),
        AMQPErrorKind::Hard(hard) => hard.to_string(),
    };
    name.replace('-', "_").into()
}
