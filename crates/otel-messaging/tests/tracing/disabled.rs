//! An instrumentation that is turned off, in a program with the `tracing` crate.

use crate::message::{Message, NOWHERE, message, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::trace::{SpanId, TraceContextExt};
use otel_messaging::{Instrumentation, current_context};
use std::collections::BTreeMap;
use tracing::{Instrument, info_span};

/// The handler's spans are children of the span around it, as without this crate.
#[tokio::test]
async fn a_handler_runs_in_the_span_of_its_caller() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let off = Instrumentation::disabled();
        let around = async {
            let around = current_context().span().span_context().clone();
            let handle = |_: &Message| async {
                assert_eq!(current_context().span().span_context(), &around);
                tokio::task::yield_now().await;
                drop(info_span!("handled"));
                let mut headers = BTreeMap::new();
                off.outgoing("send", &NOWHERE).inject(&mut headers, None);
                assert!(headers.is_empty());
            };
            off.with_message_context(&message, handle).await;
            let entered = off.process(&message).enter();
            drop(info_span!("entered"));
            drop(entered);
            drop(info_span!("after"));
        };
        around.instrument(info_span!("loop")).await;
        let around = named(&spans, "loop");
        assert_eq!(around.parent_span_id, SpanId::INVALID);
        for name in ["handled", "entered", "after"] {
            assert_child(&named(&spans, name), &around.span_context);
        }
        assert_eq!(spans.ended().len(), 4);
    }
}
