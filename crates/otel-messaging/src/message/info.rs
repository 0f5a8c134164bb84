//! What is known of one message.

use crate::message::destination::Destination;
use std::time::SystemTime;

/// What is known of one message, borrowed from it. Spans, metrics, hooks and the limits of redelivery read it.
///
/// An adapter makes it in [`Describe::message_info`](crate::adapter::Describe::message_info), which the
/// core calls only if it needs the result. Texts may be as a sender chose them: a span cuts and cleans
/// them when it shows them.
#[derive(Debug, Clone)]
pub struct MessageInfo<'m> {
    system: Option<&'static str>,
    destination: Destination<'m>,
    message_id: Option<&'m str>,
    conversation_id: Option<&'m str>,
    partition: Option<u32>,
    delivery_count: Option<u64>,
    is_uncounted: bool,
    sent_at: Option<SystemTime>,
}

impl<'m> MessageInfo<'m> {
    /// A message to or from this destination, of which nothing else is known.
    #[must_use]
    pub const fn new(destination: Destination<'m>) -> Self {
        Self {
            system: None,
            destination,
            message_id: None,
            conversation_id: None,
            partition: None,
            delivery_count: None,
            is_uncounted: false,
            sent_at: None,
        }
    }

    /// Sets the conventions' name of the messaging system, in place of the client's, for a message whose
    /// type does not know it.
    #[must_use]
    pub fn with_system(mut self, system: &'static str) -> Self {
        self.system = Some(system);
        self
    }

    /// Sets the destination anew.
    pub(crate) fn with_destination(mut self, destination: Destination<'m>) -> Self {
        self.set_destination(destination);
        self
    }

    pub(crate) fn set_destination(&mut self, destination: Destination<'m>) {
        self.destination = destination;
    }

    /// Sets the identifier that the sender gave the message.
    #[must_use]
    pub fn with_message_id(mut self, id: Option<&'m str>) -> Self {
        self.message_id = id;
        self
    }

    /// Sets the correlation id.
    #[must_use]
    pub fn with_conversation_id(mut self, id: Option<&'m str>) -> Self {
        self.conversation_id = id;
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn with_partition(mut self, partition: Option<u32>) -> Self {
        self.partition = partition;
        self
    }

    /// Sets how often the message was delivered, this time included. It counts for
    /// [`with_link_after_deliveries`](crate::instrumentation::Builder::with_link_after_deliveries).
    #[must_use]
    pub fn with_delivery_count(mut self, count: Option<u64>) -> Self {
        self.delivery_count = count;
        self
    }

    /// Says that the broker delivers the message again and may not count how often, so that the delivery
    /// count is the least that it can be. The crate then counts deliveries with the same count and the same
    /// sender's span itself.
    #[must_use]
    pub fn with_uncounted_redelivery(mut self, is_again: bool) -> Self {
        self.is_uncounted = is_again;
        self
    }

    /// Sets when the message was sent, by the clock of its sender or of the broker. It counts for
    /// [`with_link_after_age`](crate::instrumentation::Builder::with_link_after_age).
    #[must_use]
    pub fn with_sent_at(mut self, time: Option<SystemTime>) -> Self {
        self.sent_at = time;
        self
    }

    /// The system in place of the client's, if there is one.
    #[must_use]
    pub fn system(&self) -> Option<&'static str> {
        self.system
    }

    /// Where the message goes to, or came from.
    #[must_use]
    pub fn destination(&self) -> Destination<'m> {
        self.destination
    }

    /// The same without a copy: it is large.
    #[inline]
    pub(crate) fn destination_ref(&self) -> &Destination<'m> {
        &self.destination
    }

    /// The identifier that the sender gave the message.
    #[must_use]
    pub fn message_id(&self) -> Option<&'m str> {
        self.message_id
    }

    /// The correlation id.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&'m str> {
        self.conversation_id
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> Option<u32> {
        self.partition
    }

    /// How often the message was delivered, this time included.
    #[must_use]
    pub fn delivery_count(&self) -> Option<u64> {
        self.delivery_count
    }

    /// Whether the broker delivers it again and may not count how often.
    #[must_use]
    pub fn is_uncounted_redelivery(&self) -> bool {
        self.is_uncounted
    }

    /// When the message was sent.
    #[must_use]
    pub fn sent_at(&self) -> Option<SystemTime> {
        self.sent_at
    }
}
