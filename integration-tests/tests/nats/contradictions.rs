//! Contexts that contradict each other, where nothing tells which is newer: a new trace, with a
//! link to each.

use integration_tests::client::Client;
use integration_tests::go::GoService;
use integration_tests::nats::Nats;
use integration_tests::spans::{Spans, traceparent};
use integration_tests::wire::nats::{Connection, block};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_async_nats::loss::refused_fields;

const FIRST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// In the same trace.
const SECOND: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";

/// Rust → Go → Rust where ours writes lower case alone: Go finds nothing, begins a trace, and leaves
/// both.
#[apply(broker_test)]
async fn a_go_relay_behind_a_lower_case_sender_gives_a_link_to_each() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let mut relay = GoService::start(&client.client).await;
    let publish = producer.publish(relay.subject(), "order".into());
    publish.await.expect("published");
    let sent = spans.all().pop().expect("a span");
    let found = relay.next().await;
    assert_eq!(found.remote, None);
    let before = refused_fields();
    drop(spans.instrumentation.process(&found.message));
    assert!(refused_fields() > before);
    let processed = spans.all().pop().expect("a span");
    let sent = traceparent(&sent.span_context);
    assert_new_with_links(&processed, &[&sent, &found.own]);
}

/// What servers of 2.11 and 2.12 make of two spellings, as bytes.
#[apply(broker_test)]
async fn two_contexts_in_lower_case_give_a_link_to_each() {
    let (mut client, mut sender) = (Nats::connect().await, Connection::open().await);
    for lines in [
        [FIRST, OTHER],
        [OTHER, FIRST],
        [FIRST, SECOND],
        [SECOND, FIRST],
    ] {
        let spans = Spans::new();
        let block = block(
            &lines
                .map(|line| format!("traceparent: {line}").into_bytes())
                .each_ref()
                .map(Vec::as_slice),
        );
        sender.publish(&client.subject, &block, b"order").await;
        let message = client.receive().await;
        drop(spans.instrumentation.process(&message));
        let processed = spans.all().pop().expect("a span");
        assert_new_with_links(&processed, &lines);
    }
}

fn assert_new_with_links(span: &SpanData, expected: &[&str]) {
    let parts = |traceparent: &str| traceparent[3..52].to_owned();
    let mut expected: Vec<_> = expected.iter().map(|sender| parts(sender)).collect();
    expected.sort();
    let links = span.links.iter();
    let mut linked: Vec<_> = links
        .map(|link| parts(&traceparent(&link.span_context)))
        .collect();
    linked.sort();
    assert_eq!(linked, expected, "the links of {}", span.name);
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    let trace_id = span.span_context.trace_id().to_string();
    assert!(expected.iter().all(|sender| sender[..32] != trace_id));
}
