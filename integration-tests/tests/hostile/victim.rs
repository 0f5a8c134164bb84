//! What holds after every hostile message, whatever the client.

use integration_tests::client::{Client, in_time};
use integration_tests::spans::{Spans, assert_child, assert_linked, traceparent};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, Link, SpanContext, SpanId, TraceContextExt, TraceId};

pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Another sender, in another trace.
pub(crate) const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// In which trace the handler of a message has to run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trace {
    /// A new one: the message has no context that is any good.
    New,
    /// That of this traceparent.
    Of(&'static str),
    /// A new one that is linked to each of these: they contradict each other.
    LinkedTo(&'static [&'static str]),
}

/// The next message is hostile: its handler runs in the right trace. The one after that, a good
/// one, joins its sender's.
pub(crate) async fn survives<C: Client>(client: &mut C, expected: Trace) -> C::Message {
    let message = client.receive().await;
    assert_handled::<C>(client, &message, expected).await;
    assert_goes_on(client).await;
    message
}

/// Handles the message inside a span of the consumer's loop, which it must not join.
pub(crate) async fn assert_handled<C: Client>(client: &C, message: &C::Message, expected: Trace) {
    let spans = Spans::new();
    let poll_loop = spans.root("poll loop");
    let handled = spans
        .instrumentation
        .with_message_context(message, |_| async {
            tokio::task::yield_now().await;
            spans.work("work");
        });
    handled.with_context(poll_loop.clone()).await;

    let processed = spans.named(&format!("process {}", client.destination()));
    assert_child(&spans.named("work"), &processed.span_context);
    let trace_id = processed.span_context.trace_id();
    assert_ne!(trace_id, TraceId::INVALID);
    match expected {
        Trace::New | Trace::LinkedTo(_) => {
            let senders = match expected {
                Trace::LinkedTo(senders) => senders,
                _ => &[],
            };
            let mut expected: Vec<_> = senders.iter().map(|one| ids(&sender(one))).collect();
            let links = processed.links.iter();
            let mut found: Vec<_> = links.map(|link| ids(&link.span_context)).collect();
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected);
            assert_eq!(processed.parent_span_id, SpanId::INVALID);
            assert_ne!(trace_id, poll_loop.span().span_context().trace_id());
            let is_new = |link: &Link| link.span_context.trace_id() != trace_id;
            assert!(processed.links.iter().all(is_new));
        }
        Trace::Of(traceparent) => {
            let sender = sender(traceparent);
            assert_child(&processed, &sender);
            assert_linked(&processed, &sender);
        }
    }
}

/// A good message joins its sender's trace.
pub(crate) async fn assert_goes_on<C: Client>(client: &mut C) {
    let spans = Spans::new();
    let order = spans.root("order");
    let sent = client.send(Some(&spans.instrumentation), &[]);
    let sent = in_time("send", sent.with_context(order.clone())).await;
    sent.expect("the broker takes the message");
    let message = client.receive().await;
    let handled = spans
        .instrumentation
        .with_message_context(&message, |_| async {
            Context::current().span().span_context().trace_id()
        });
    let trace_id = handled.await;

    let destination = client.destination();
    let sent = spans.named(&format!("{} {destination}", C::OPERATION));
    let processed = spans.named(&format!("process {destination}"));
    assert_child(&sent, order.span().span_context());
    assert_child(&processed, &sent.span_context);
    assert_eq!(trace_id, order.span().span_context().trace_id());
}

/// The handler sends the hostile message on, with the headers that it came with: it arrives with
/// the handler's context, and goes nowhere else. Returns it, and the traceparent that it has to
/// have.
pub(crate) async fn sent_on<C: Client>(
    client: &mut C,
    message: &C::Message,
) -> (C::Message, String) {
    let spans = Spans::new();
    let by = Some(&spans.instrumentation);
    let sent = spans
        .instrumentation
        .try_with_message_context(message, |message| client.send_on(by, message));
    let sent = in_time("send", sent).await;
    sent.expect("the broker takes the message");
    let next = client.receive().await;
    let destination = client.destination();
    let sent = spans.named(&format!("{} {destination}", C::OPERATION));
    let processed = spans.named(&format!("process {destination}"));
    assert_child(&sent, &processed.span_context);
    (next, traceparent(&sent.span_context))
}

fn ids(span: &SpanContext) -> ([u8; 16], [u8; 8]) {
    (span.trace_id().to_bytes(), span.span_id().to_bytes())
}

fn sender(traceparent: &str) -> SpanContext {
    let mut fields = traceparent.split('-').skip(1);
    let mut next = || fields.next().expect("a field");
    SpanContext::new(
        TraceId::from_hex(next()).expect("a trace id"),
        SpanId::from_hex(next()).expect("a span id"),
        opentelemetry::trace::TraceFlags::SAMPLED,
        true,
        Default::default(),
    )
}
