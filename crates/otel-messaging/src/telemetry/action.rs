//! What is done with a message.

use opentelemetry::trace::SpanKind;

/// What is done with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Action {
    pub(crate) operation: Operation,
    /// The client's own word, such as `publish`.
    pub(crate) name: &'static str,
}

impl Action {
    /// The conventions' `messaging.operation.name` of the span. No client has a word for the making of a
    /// message. The metrics of such a message are about its sending, and have the client's word.
    pub(crate) fn name_on_span(self) -> &'static str {
        match self.operation {
            Operation::Create => "create",
            _ => self.name,
        }
    }
}

/// The operations that have spans and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A message is sent with a context of its own.
    Send,
    /// A message is sent on with the context that it has.
    Forward,
    /// A message is made, to be sent in a batch.
    Create,
    /// Messages are sent that were made before.
    SendBatch,
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
            Self::Send | Self::Forward | Self::SendBatch => "send",
            Self::Create => "create",
            Self::Receive => "receive",
            Self::Process => "process",
            Self::Settle => "settle",
        }
    }
}

impl From<Operation> for SpanKind {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Send | Operation::Create => Self::Producer,
            Operation::Forward | Operation::SendBatch | Operation::Receive | Operation::Settle => {
                Self::Client
            }
            Operation::Process => Self::Consumer,
        }
    }
}
