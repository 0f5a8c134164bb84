//! A message that counts how often it is asked.

use crate::message::{TestClient, message};
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, TextMap};
use std::cell::Cell;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) headers: BTreeMap<String, String>,
    info: Cell<u32>,
    attributes: Cell<u32>,
}

impl Asked {
    /// How often it was asked for its info and for its attributes, since the last time.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.info.take(), self.attributes.take())
    }
}

impl Describe<TextMap> for Asked {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.info.set(self.info.get() + 1);
        MessageInfo::new(self.destination()).with_delivery_count(Some(7))
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, _: &mut Attributes) {
        assert_eq!(info.delivery_count(), Some(7));
        self.attributes.set(self.attributes.get() + 1);
    }
}

impl Received<TextMap> for Asked {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

pub(crate) fn asked() -> Asked {
    Asked {
        headers: message().headers,
        ..Asked::default()
    }
}
