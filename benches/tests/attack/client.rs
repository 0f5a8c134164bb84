//! What the flood has to know of a client.

use benches::client::Client;
use otel_messaging::Received;

/// A destination in two parts: exchange and routing key, or the first token and the others.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) area: String,
    pub(crate) name: String,
}

impl Place {
    pub(crate) fn new(area: impl Into<String>, name: impl Into<String>) -> Self {
        let (area, name) = (area.into(), name.into());
        Self { area, name }
    }
}

pub(crate) trait Attacked: Client<Headers: Clone> {
    type Message: Received<Self::Marker>;

    /// What stands between area and name in the name of a destination.
    const SEPARATOR: &str;

    /// Two names of headers by which a message contradicts itself.
    const TWICE: [&str; 2] = ["traceparent", "traceparent"];

    /// Whether the second of them counts, because the protocol has an order.
    const LAST_COUNTS: bool = false;

    fn message(place: &Place, headers: Self::Headers) -> Self::Message;

    /// Whether the name of a forged destination can be read as one in the area too: the stricter policy counts then.
    const CAN_BE_READ_TWICE: bool = false;

    /// A destination that looks like one in this area, and is not.
    fn forged(area: &str) -> Place;
}
