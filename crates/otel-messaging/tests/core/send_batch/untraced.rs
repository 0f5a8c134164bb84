//! Batches without spans.

use super::{ORDERS, SENT, batch, parts, send, text};
use crate::message::{TRACEPARENT, message, spans};
use crate::meter::meter;
use opentelemetry::Context;
use otel_messaging::adapter::Outcome;
use otel_messaging::{Instrumentation, extract};

#[test]
fn without_spans_the_current_context_goes_out() {
    let builder = Instrumentation::builder;
    for has_create_spans in [true, false] {
        let by = builder().with_create_spans(has_create_spans).build();
        let _attached = extract(&message().headers).attach();
        let batch = batch(&by);
        let (outgoing, headers) = send(&batch, &ORDERS);
        outgoing.finish(Outcome::failed("Full", &"no room"));
        assert_eq!(headers["traceparent"], TRACEPARENT);
    }
}

#[test]
fn a_disabled_batch_does_nothing() {
    let batch = batch(&Instrumentation::disabled());
    let (outgoing, headers) = send(&batch, &ORDERS);
    outgoing.finish(Outcome::accepted());
    assert!(headers.is_empty());
}

#[test]
fn a_message_in_a_suppressed_context_has_no_part_in_the_batch() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let batch = batch(&by.with_create_spans(has_create_spans).build());
        drop(send(&batch, &ORDERS));
        {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            let (outgoing, headers) = send(&batch, &ORDERS);
            outgoing.finish(Outcome::accepted());
            assert!(headers.is_empty());
        }
        drop(batch);
        let (_, sending) = parts(&spans);
        assert_eq!(
            text(&sending, "messaging.batch.message_count").as_deref(),
            Some("1")
        );
        assert_eq!(meter.only(SENT).count, 1);
    }
}
