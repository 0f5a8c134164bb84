//! rdkafka's messages. A `BorrowedMessage` comes from a broker alone.

use crate::client::{Attacked, Place};
use benches::client::Kafka;
use rdkafka::message::{OwnedHeaders, OwnedMessage, Timestamp};

impl Attacked for Kafka {
    type Message = OwnedMessage;

    const SEPARATOR: &str = ".";

    const LAST_COUNTS: bool = true;

    fn message(place: &Place, headers: OwnedHeaders) -> OwnedMessage {
        let topic = [&*place.area, Self::SEPARATOR, &*place.name].concat();
        let payload = Some(b"order 7".to_vec());
        let timestamp = Timestamp::now();
        OwnedMessage::new(payload, None, topic, timestamp, 3, 42, Some(headers))
    }

    fn forged(area: &str) -> Place {
        Place::new(format!("{area}s"), "orders")
    }
}
