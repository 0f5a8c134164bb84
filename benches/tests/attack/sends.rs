//! Messages that a handler sends, and what is in their headers then.

use crate::client::{Attacked, Place};
use otel_messaging::adapter::{DeadLetter, Describe, Outcome, Relay, Sender};

/// Sends a message with these headers by `sender`, and gives back what would leave.
pub(crate) fn publish<C: Attacked>(
    sender: &Sender,
    place: &Place,
    mut headers: C::Headers,
) -> C::Headers {
    let message = C::message(place, C::Headers::default());
    let outgoing = sender.outgoing("publish", &message);
    outgoing.inject(&mut headers, None);
    outgoing.finish(Outcome::accepted());
    headers
}

/// How a message is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Forward,
    Republish,
    DeadLetter,
}

/// Sends a message on to `place`, with the headers that it came with.
pub(crate) fn send_on<C: Attacked>(
    sender: &Sender,
    how: How,
    came: &C::Message,
    place: &Place,
    mut headers: C::Headers,
) -> C::Headers {
    let source = came.destination();
    let message = C::message(place, C::Headers::default());
    let letter = DeadLetter::new(source, &"no such order");
    let relay = match how {
        How::Forward => Relay::Forward,
        How::Republish => Relay::Republish,
        How::DeadLetter => Relay::DeadLetter(&letter),
    };
    let outgoing = sender.relay(relay, source, "forward", &message, &mut headers, None);
    outgoing.inject(&mut headers, None);
    outgoing.finish(Outcome::accepted());
    headers
}
