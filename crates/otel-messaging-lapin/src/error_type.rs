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

#[cfg(test)]
mod tests {
    use crate::headers::Lapin;
    use lapin::ErrorKind;
    use lapin::protocol::{AMQPError, AMQPSoftError};
    use otel_messaging::adapter::Client;
    use std::io;

    #[test]
    fn errors_of_lapin_have_names() {
        let not_found = AMQPError::new(AMQPSoftError::NOTFOUND.into(), "no queue".into());
        for (kind, name) in [
            (ErrorKind::ProtocolError(not_found), "NOT_FOUND"),
            (ErrorKind::MissingHeartbeatError, "MissingHeartbeatError"),
            (ErrorKind::ChannelsLimitReached, "_OTHER"),
        ] {
            let error = lapin::Error::from(kind);
            assert_eq!(Lapin::error_type(&error).as_deref(), Some(name));
        }
        let foreign = io::Error::other("of the disk");
        assert_eq!(Lapin::error_type(&foreign), None);
    }
}
