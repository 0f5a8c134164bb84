//! A delivery that can be settled.

use crate::message::{Message, TestClient, message};
use otel_messaging::Received;
use otel_messaging::adapter::{Describe, Destination, TextMap};
use otel_messaging::consumer::{Settle, SettleFuture, Unsettled};
use std::collections::BTreeMap;

/// A message that waits to be settled.
pub(crate) struct Delivery {
    message: Message,
    broker: Broker,
}

pub(crate) fn delivery() -> Delivery {
    Delivery {
        message: message(),
        broker: Broker { refuses: false },
    }
}

/// A message whose settlement the broker refuses.
#[cfg(feature = "logs")]
pub(crate) fn refused_delivery() -> Delivery {
    Delivery {
        message: message(),
        broker: Broker { refuses: true },
    }
}

impl Describe<TextMap> for Delivery {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        self.message.destination()
    }
}

impl Received<TextMap> for Delivery {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        self.message.message_headers()
    }
}

impl Unsettled<TextMap> for Delivery {
    type Settler = Broker;

    fn settler(&self) -> Broker {
        self.broker.clone()
    }
}

/// What a delivery is settled with.
#[derive(Clone)]
pub(crate) struct Broker {
    refuses: bool,
}

impl Describe<TextMap> for Broker {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    Ack,
    Return,
}

impl Settle<TextMap> for Broker {
    type Settlement = Settlement;
    type Error = String;

    fn handled() -> Settlement {
        Settlement::Ack
    }

    fn returned() -> Settlement {
        Settlement::Return
    }

    fn operation(settlement: &Settlement) -> Option<&'static str> {
        Some(match settlement {
            Settlement::Ack => "ack",
            Settlement::Return => "return",
        })
    }

    fn settle(&self, _: &Settlement) -> SettleFuture<String> {
        let refused = self.refuses.then(|| "the channel is closed".to_owned());
        Box::pin(async { refused.map_or(Ok(()), Err) })
    }
}
