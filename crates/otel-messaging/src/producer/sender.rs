//! What a wrapped producer sends by.

use crate::carrier::headers::CarrierMut;
use crate::instrumentation::settings::Instrumentation;
use crate::message::destination::Destination;
use crate::message::producer_info::ProducerInfo;
use crate::message::received::{Client, Describe};
use crate::producer::batch::Batch;
use crate::producer::injection::Injection;
use crate::producer::outgoing::{Onward, Outgoing};
use crate::producer::relay::Relay;
use crate::telemetry::action::Operation;
use std::sync::Arc;

/// What a wrapped producer sends by: an instrumentation, and a batch if it sends one. An
/// `InjectingProducer` of an adapter holds it, and starts its messages by it.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    /// `None` for the global one.
    instrumentation: Option<Instrumentation>,
    batch: Option<Arc<Batch>>,
}

impl Sender {
    /// Sends by this instrumentation, in place of the global one.
    pub fn set_instrumentation(&mut self, instrumentation: Instrumentation) {
        self.instrumentation = Some(instrumentation);
    }

    /// The instrumentation by which messages go out.
    #[must_use]
    #[inline]
    pub fn instrumentation(&self) -> &Instrumentation {
        let given = self.instrumentation.as_ref();
        given.unwrap_or_else(|| Instrumentation::global())
    }

    /// Starts a batch: the messages of the sender that this returns are sent together. `operation` is the
    /// client's own word for the sending, such as `publish`.
    ///
    /// Each message has a span `create {destination}`, of kind PRODUCER and a child of the context that is
    /// current when the message is started; it ends when the message is
    /// [handed over](Outgoing::hand_over). One span of kind CLIENT stands for the sending of all. It is
    /// called `{operation} {destination}`, is a child of the context that is current now, and is linked to
    /// each create span. It ends when the returned sender, its clones and its messages are dropped.
    /// [`with_create_spans`](crate::instrumentation::Builder::with_create_spans) turns the create spans
    /// off. A message that is [forwarded](Relay::Forward) keeps its context: it has no create span, and the
    /// span of the sending is linked to its sender (conventions, "Producer spans").
    ///
    /// Attributes with the same value for all messages are on the span of the sending, and the others are
    /// on its links. A failure of a message marks that span.
    #[must_use]
    pub fn batch<C: Client>(&self, operation: &'static str, info: &ProducerInfo) -> Self {
        let batch = Batch::start::<C>(self.instrumentation(), operation, info);
        Self {
            instrumentation: self.instrumentation.clone(),
            batch: batch.map(Arc::new),
        }
    }

    /// Starts a message, as [`Instrumentation::outgoing`] does, in the batch if there is one.
    #[inline]
    pub fn outgoing<C, M>(&self, operation: &'static str, message: &M) -> Outgoing
    where
        M: Describe<C> + ?Sized,
    {
        let by = self.instrumentation();
        let batch = self.batch.as_ref();
        let onward = Onward::new(Injection::of(by.settings(), message));
        by.started(batch, Operation::Send, operation, message, Vec::new, onward)
    }

    /// Starts a message that is sent on, as [`Instrumentation::relay`] does, in the batch if there is one.
    pub fn relay<C, M, H>(
        &self,
        relay: Relay<'_>,
        source: Destination<'_>,
        operation: &'static str,
        message: &M,
        headers: &mut H,
        room: Option<usize>,
    ) -> Outgoing
    where
        M: Describe<C> + ?Sized,
        H: CarrierMut<C> + Clone,
    {
        let batch = self.batch.as_ref();
        let by = self.instrumentation();
        by.relay_in(batch, (relay, source), operation, message, headers, room)
    }
}
