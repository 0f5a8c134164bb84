//! The states of a hop, in words.

use crate::report::HopState;
use std::fmt;

impl fmt::Display for HopState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HopState::Joined => "joined",
            HopState::OnlyLinked => "only linked",
            HopState::OwnTrace => "trace of its own",
            HopState::NoConsumer => "no consumer's span",
            HopState::ProducerNotExported => "producer's span not exported",
            HopState::Unsampled => "not sampled",
            HopState::NoContext => "no context",
        })
    }
}

impl HopState {
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            HopState::Joined => "The consumer's span is a child of the producer's span.",
            HopState::OnlyLinked => {
                "The consumer's span is in a trace of its own, with a link to the producer's span."
            }
            HopState::OwnTrace => "The consumer's span is in a trace of its own, without a link.",
            HopState::NoConsumer => "No span of a consumer was exported for the message.",
            HopState::ProducerNotExported => {
                "The message names a span of its producer that was not exported."
            }
            HopState::Unsampled => {
                "The message's context is not sampled, so neither side exports its span."
            }
            HopState::NoContext => "The message has no context that a consumer could join.",
        }
    }
}
