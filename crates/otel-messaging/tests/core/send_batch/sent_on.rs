//! Received messages that are sent on in a batch.

use super::{Numbered, ORDERS, PARCELS, SENT, batch, of_link, parts, send, text};
use crate::message::{TRACEPARENT, message, spans};
use crate::meter::meter;
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::{DeadLetter, Destination, Outcome, Relay, semconv};
use otel_messaging::extract;

#[test]
fn a_forwarded_message_of_a_batch_keeps_its_context() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        let mut headers = message().headers;
        let before = headers.clone();
        let forward = Relay::Forward;
        let forwarded = batch.relay(
            forward,
            Destination::unknown(),
            "publish",
            &Numbered(7),
            &mut headers,
            None,
        );
        assert!(forwarded.keeps_context());
        forwarded.inject(&mut headers, None);
        assert_eq!(headers, before);
        forwarded.finish(Outcome::accepted());
        drop((send(&batch, &ORDERS), batch));
        let (created, sending) = parts(&spans);
        assert_eq!(created.len(), usize::from(has_create_spans));
        let sender = extract(&before).span().span_context().span_id();
        assert_eq!(sending.links[0].span_context.span_id(), sender);
        assert_eq!(of_link(&sending.links[0], "number").as_deref(), Some("7"));
        assert_eq!(sending.links.len(), 1 + created.len());
        assert_eq!(
            text(&sending, "messaging.batch.message_count").as_deref(),
            Some("2")
        );
        assert_eq!(meter.series(SENT).iter().map(|it| it.count).sum::<u64>(), 2);
    }
}

#[test]
fn a_message_that_is_sent_on_anew_is_linked_to_its_sender() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    let letter = DeadLetter::new(Destination::named("orders"), &"no such article");
    for relay in [Relay::Republish, Relay::DeadLetter(&letter)] {
        let mut headers = message().headers;
        let outgoing = batch.relay(
            relay,
            Destination::unknown(),
            "publish",
            &PARCELS,
            &mut headers,
            None,
        );
        outgoing.inject(&mut headers, None);
        assert_ne!(headers["traceparent"], TRACEPARENT);
        outgoing.finish(Outcome::accepted());
    }
    drop(batch);
    let (created, sending) = parts(&spans);
    let sender = extract(&message().headers).span().span_context().span_id();
    for created in &created {
        let links: Vec<_> = created
            .links
            .iter()
            .map(|it| it.span_context.span_id())
            .collect();
        assert_eq!(links, [sender]);
    }
    let error = semconv::OTEL_MESSAGING_DEAD_LETTER_ERROR;
    assert_eq!(text(&created[1], error).as_deref(), Some("no such article"));
    let linked = sending.links.iter().map(|link| &link.span_context);
    assert!(linked.eq(created.iter().map(|span| &span.span_context)));
}
