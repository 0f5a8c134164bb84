//! Settling messages of streams.

use crate::ack_subject::AckSubject;
use crate::headers::Nats;
use crate::received::{message_id, set_delivery};
use crate::subject;
use async_nats::jetstream::message::{AckKind, Acker};
use async_nats::{Error, Subject, jetstream};
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use otel_messaging::consumer::{Settle, SettleFuture, Unsettled};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::unconstrained;

/// How a message of a stream is settled, for [`with_settlement`](crate::with_settlement) and
/// [`Guard::settle`](crate::consumer::Guard::settle).
///
/// NATS does not answer a settlement, except [`DoubleAck`](Self::DoubleAck). If one is lost on its way, the
/// stream delivers the message again after the consumer's `ack_wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// `ack`: the message was handled, and the stream does not deliver it to this consumer again. If the
    /// consumer has `AckPolicy::All`, this acknowledges all messages before it too, also those that are
    /// still handled.
    Ack,
    /// `double_ack`: the same, and waits until the stream has confirmed it, for as long as the timeout of
    /// the JetStream context.
    DoubleAck,
    /// `AckKind::Nak`: the stream delivers the message again, at once or after this time, until the
    /// consumer's `max_deliver`.
    Nak(Option<Duration>),
    /// `AckKind::Progress`: the message is still handled, and `ack_wait` starts anew. This settles nothing.
    Progress,
    /// `AckKind::Term`: the stream does not deliver the message again, and publishes an advisory that says
    /// so.
    Term,
}

/// Settles a message by its reply subject, also when the message itself is gone.
pub struct Settler {
    acker: Arc<Acker>,
    reply: Option<Subject>,
    subject: Subject,
    message_id: Option<String>,
}

impl Unsettled<Nats> for jetstream::Message {
    type Settler = Settler;

    /// [`split`](jetstream::Message::split) takes the reply subject off the message, and a message without
    /// one cannot be settled. So call it before.
    fn settler(&self) -> Settler {
        let headers = self.message.headers.as_ref();
        Settler {
            acker: Arc::new(Acker::new(self.context.clone(), self.message.reply.clone())),
            reply: self.message.reply.clone(),
            subject: self.message.subject.clone(),
            message_id: headers.and_then(message_id).map(str::to_owned),
        }
    }
}

impl Settle<Nats> for Settler {
    type Settlement = Settlement;
    type Error = Error;

    fn handled() -> Settlement {
        Settlement::Ack
    }

    fn returned() -> Settlement {
        Settlement::Nak(None)
    }

    fn operation(settlement: &Settlement) -> Option<&'static str> {
        Some(match settlement {
            Settlement::Ack => "ack",
            Settlement::DoubleAck => "double_ack",
            Settlement::Nak(_) => "nak",
            Settlement::Progress => "in_progress",
            Settlement::Term => "term",
        })
    }

    fn is_final(settlement: &Settlement) -> bool {
        *settlement != Settlement::Progress
    }

    /// Nobody waits for the confirmation, and waiting needs a running runtime.
    fn unawaited(settlement: Settlement) -> Settlement {
        match settlement {
            Settlement::DoubleAck => Settlement::Ack,
            other => other,
        }
    }

    fn settle(&self, settlement: &Settlement) -> SettleFuture<Error> {
        let (acker, settlement) = (self.acker.clone(), *settlement);
        // The client takes it at once if it has room. Without this, a task that has used up its turn would
        // have to wait, and a handler that is dropped cannot.
        Box::pin(unconstrained(async move {
            match settlement {
                Settlement::Ack => acker.ack().await,
                Settlement::DoubleAck => acker.double_ack().await,
                Settlement::Nak(delay) => acker.ack_with(AckKind::Nak(delay)).await,
                Settlement::Progress => acker.ack_with(AckKind::Progress).await,
                Settlement::Term => acker.ack_with(AckKind::Term).await,
            }
        }))
    }
}

impl Describe<Nats> for Settler {
    type Client = Nats;

    fn destination(&self) -> Destination<'_> {
        subject::destination(&self.subject)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination()).with_message_id(self.message_id.as_deref())
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        if let Some(told) = self.reply.as_deref().and_then(AckSubject::parse) {
            set_delivery(attributes, &told);
        }
    }
}

impl fmt::Debug for Settler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settler")
            .field("reply", &self.reply)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}
