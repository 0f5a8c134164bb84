//! async-nats' messages.

use crate::client::{Attacked, Place};
use async_nats::{HeaderMap, Message};
use benches::client::Nats;
use bytes::Bytes;

impl Attacked for Nats {
    type Message = Message;

    const SEPARATOR: &str = ".";

    fn message(place: &Place, headers: HeaderMap) -> Message {
        let subject = [&*place.area, Self::SEPARATOR, &*place.name].concat();
        let payload = Bytes::from_static(b"order 7");
        Message {
            length: subject.len() + payload.len(),
            subject: subject.into(),
            reply: None,
            payload,
            headers: Some(headers),
            status: None,
            description: None,
        }
    }

    fn forged(area: &str) -> Place {
        Place::new(format!("{area}s"), "orders")
    }
}
