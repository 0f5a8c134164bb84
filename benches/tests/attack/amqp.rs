//! lapin's deliveries.

use crate::client::{Attacked, Place};
use benches::client::Amqp;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::FieldTable;

impl Attacked for Amqp {
    type Message = Delivery;

    const SEPARATOR: &str = ":";

    /// In lower case, one of them would count before the other.
    const TWICE: [&str; 2] = ["Traceparent", "TRACEPARENT"];

    const CAN_BE_READ_TWICE: bool = true;

    fn message(place: &Place, headers: FieldTable) -> Delivery {
        let (exchange, key) = (place.area.as_str().into(), place.name.as_str().into());
        let mut delivery = Delivery::mock(7, exchange, key, false, b"order 7".to_vec());
        delivery.properties = BasicProperties::default().with_headers(headers);
        delivery
    }

    /// The default exchange, whose routing keys name queues.
    fn forged(area: &str) -> Place {
        Place::new("", format!("{area}:orders"))
    }
}
