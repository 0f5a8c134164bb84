//! What is done with a message.

use opentelemetry::trace::SpanKind;

/// What is done with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Action {
    pub(crate) operation: Operation,
    /// The client's own word, such as `publish`.
    pub(crate) name: &'static str,
}

/// The operations that have spans and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A message is sent with a context of its own.
    Send,
    /// A message is sent on with the context that it has.
    Forward,
    /// Messages are asked for.
    Receive,
    /// A message is handled.
    Process,
    /// A delivery is settled.
    Settle,
}

impl Operation {
    /// The conventions' `messaging.operation.type`.
    pub(crate) fn operation_type(self) -> &'static str {
        match self {
            Self::Send | Self::Forward => "send",
            Self::Receive => "receive",
            Self::Process => "process",
            Self::Settle => "settle",
        }
    }
}

impl From<Operation> for SpanKind {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Send => Self::Producer,
            Operation::Forward | Operation::Receive | Operation::Settle => Self::Client,
            Operation::Process => Self::Consumer,
        }
    }
}
