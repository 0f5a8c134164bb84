//! An adapter that panics while it describes a message: the span of `tracing` is there without that description.

use crate::message::{TestClient, spans};
use crate::{named, subscribe};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, TextMap};
use otel_messaging::loss::caught_panics;
use std::collections::BTreeMap;

struct Panics;

impl Describe<TextMap> for Panics {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        attributes.set("test.first", 7);
        panic!("an adapter");
    }
}

#[test]
fn a_description_that_panics_costs_its_attributes_alone() {
    let (spans, before) = (spans(), caught_panics());
    let _subscribed = subscribe(&spans, true);
    let sending = Instrumentation::global().outgoing("publish", &Panics);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    drop(sending);
    assert!(caught_panics() > before);
    let published = named(&spans, "publish orders");
    let id = published.span_context.span_id().to_string();
    assert_eq!(headers["traceparent"][36..52], id);
    let mut keys = published.attributes.iter().map(|it| it.key.as_str());
    assert!(keys.all(|key| key != "test.first"), "half a description");
}
