//! What has to hold for every client.

mod background;
mod batches;
mod errors;
mod headers;
mod outgoing;
mod trust;

use crate::client::{Client, in_time};
use crate::spans::{
    Spans, assert_child, assert_linked, assert_messaging, assert_unfailed, attribute, traceparent,
};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanId, SpanKind, Status, TraceContextExt};
use otel_messaging::adapter::{Client as _, Describe};
use otel_messaging::{Instrumentation, with_message_context};
use tokio::sync::Barrier;

pub use background::{
    a_handler_that_owns_its_message_joins, a_synchronous_handler_joins, background_work_joins,
};
pub use batches::{collected, each_message_of_a_batch_keeps_its_trace};
pub use errors::{a_handlers_error_marks_its_span, what_is_done_about_an_error_is_inside_its_span};
pub use headers::{
    a_message_sent_on_has_one_traceparent, baggage_travels, the_callers_headers_arrive_unchanged,
    without_an_sdk_what_came_in_goes_out,
};
pub(crate) use outgoing::distinct;
pub use outgoing::{
    baggage_stays_in_the_house, the_baggage_of_others_stays_beside_ours,
    what_is_sent_out_of_the_house_tells_nothing,
};
pub use trust::each_cell_of_the_table_of_trust_holds;

pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

/// Makes a test of each scenario, for one client; `brokers` for a client that needs one,
/// `nothing` for a client that does not.
#[macro_export]
macro_rules! scenarios {
    ($client:ty, needs $what:ident) => {
        $crate::scenarios!($client, $what:
            a_handler_joins_the_trace
            a_message_without_context_gets_a_root_span
            two_messages_handled_at_once_never_mix
            each_message_of_a_batch_keeps_its_trace
            a_message_sent_on_has_one_traceparent
            the_callers_headers_arrive_unchanged
            baggage_travels
            background_work_joins
            a_handler_that_owns_its_message_joins
            a_synchronous_handler_joins
            a_handlers_error_marks_its_span
            what_is_done_about_an_error_is_inside_its_span
            a_failed_publish_marks_its_span
            without_an_sdk_what_came_in_goes_out
            each_cell_of_the_table_of_trust_holds
            what_is_sent_out_of_the_house_tells_nothing
            baggage_stays_in_the_house
            the_baggage_of_others_stays_beside_ours
        );
    };
    ($client:ty, brokers: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::broker_test)]
        async fn $scenario() {
            $crate::scenarios::$scenario::<$client>().await;
        }
    )*};
    ($client:ty, nothing: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::two_worker_test)]
        async fn $scenario() {
            $crate::scenarios::$scenario::<$client>().await;
        }
    )*};
}

/// The main path: what the handler does is in the producer's trace, each span the child of the
/// one before.
pub async fn a_handler_joins_the_trace<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    let order = spans.root("order");
    send(&client, &spans.instrumentation, &order).await;
    let sent = spans.named(&publish);

    let message = client.receive().await;
    assert_eq!(
        fields::<C>(&message, "traceparent"),
        [traceparent(&sent.span_context)]
    );
    assert_eq!(fields::<C>(&message, "tracestate"), [""; 0]);
    assert_eq!(fields::<C>(&message, "baggage"), [""; 0]);
    let handled = spans
        .instrumentation
        .with_message_context(&message, |_| async {
            tokio::task::yield_now().await;
            spans.work("work");
            "handled"
        });
    assert_eq!(handled.await, "handled");

    let system = <C::Message as Describe<C::Marker>>::Client::SYSTEM;
    assert_messaging(&sent, SpanKind::Producer, system, [C::OPERATION, "send"]);
    assert_child(&sent, order.span().span_context());
    assert_unfailed(&sent);
    let processed = spans.named(&process);
    assert_messaging(
        &processed,
        SpanKind::Consumer,
        system,
        ["process", "process"],
    );
    assert_child(&processed, &sent.span_context);
    assert_linked(&processed, &sent.span_context);
    assert_unfailed(&processed);
    for span in [&sent, &processed] {
        let destination = attribute(span, "messaging.destination.name");
        assert_eq!(destination, Some(client.destination().into()));
    }
    assert_child(&spans.named("work"), &processed.span_context);
}

/// What a user writes: no instrumentation is named, the application's global provider counts.
pub async fn the_two_lines_are_enough<C: Client>(global: &Spans) {
    let mut client = C::connect().await;
    let (publish, process) = names(&client);
    let order = global.root("order");
    let sent = client.send(None, &[]).with_context(order.clone());
    in_time("send", sent)
        .await
        .expect("the broker takes the message");
    let message = client.receive().await;
    with_message_context(&message, |_| async {}).await;

    let sent = global.named(&publish);
    assert_child(&sent, order.span().span_context());
    assert_child(&global.named(&process), &sent.span_context);
}

/// A message from a producer that propagates nothing starts a trace of its own, whatever span
/// surrounds the loop. That span is linked.
pub async fn a_message_without_context_gets_a_root_span<C: Client>() {
    let mut client = C::connect().await;
    for headers in [&[][..], &[("order", "7")]] {
        client.send_plain(headers).await;
        let message = client.receive().await;
        assert_eq!(C::headers(&message).len(), headers.len());
        assert_root_span::<C>(&client, message).await;
    }
}

async fn assert_root_span<C: Client>(client: &C, message: C::Message) {
    let spans = Spans::new();
    let (_, process) = names(client);

    let poll_loop = spans.root("poll loop");
    let handling = async {
        let handled = spans
            .instrumentation
            .with_message_context(&message, |_| async {
                tokio::task::yield_now().await;
                spans.work("work");
            });
        handled.await;
        spans.work("next poll");
    };
    handling.with_context(poll_loop.clone()).await;

    let processed = spans.named(&process);
    assert_eq!(processed.parent_span_id, SpanId::INVALID);
    let around = poll_loop.span().span_context().clone();
    assert_linked(&processed, &around);
    assert_ne!(processed.span_context.trace_id(), around.trace_id());
    assert_child(&spans.named("work"), &processed.span_context);
    assert_child(&spans.named("next poll"), &around);
}

/// Two handlers that run in turns, each waiting for the other, see their own message's context
/// after every wait.
pub async fn two_messages_handled_at_once_never_mix<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let orders = [spans.root("first"), spans.root("second")];
    for order in &orders {
        send(&client, &spans.instrumentation, order).await;
    }
    let messages = [client.receive().await, client.receive().await];
    let turns = Barrier::new(2);
    let handle = |message| {
        spans
            .instrumentation
            .with_message_context(message, |message| {
                let turns = &turns;
                async move {
                    let mut seen = Vec::new();
                    for _ in 0..5 {
                        turns.wait().await;
                        seen.push(Context::current().span().span_context().trace_id());
                    }
                    (fields::<C>(message, "traceparent"), seen)
                }
            })
    };
    let [first, second] = &messages;
    let both = async { tokio::join!(handle(first), handle(second)) };
    let (first, second) = in_time("two handlers", both).await;

    for (headers, seen) in [&first, &second] {
        for trace_id in seen {
            assert_eq!(headers[0][3..35], format!("{trace_id:032x}"));
        }
        assert_eq!(seen.len(), 5);
    }
    assert_ne!(first.1, second.1);
}

/// What the broker or the client refuses ends its span with an error.
pub async fn a_failed_publish_marks_its_span<C: Client>() {
    let (client, spans) = (C::connect().await, Spans::new());
    let order = spans.root("order");
    let refused = client
        .send_in_vain(Some(&spans.instrumentation))
        .with_context(order.clone());
    let error = in_time("send", refused)
        .await
        .expect_err("nobody takes this message");

    let all = spans.all();
    let [sent] = &all[..] else {
        panic!("one span, not {all:?}")
    };
    assert_eq!(sent.span_kind, SpanKind::Producer);
    assert_child(sent, order.span().span_context());
    assert_eq!(
        attribute(sent, "error.type"),
        Some(C::FAILURE.into()),
        "{error}"
    );
    let Status::Error { description } = &sent.status else {
        panic!("{:?}", sent.status)
    };
    assert_eq!(*description, error);
}

async fn send<C: Client>(client: &C, by: &Instrumentation, context: &Context) {
    let sent = client.send(Some(by), &[]).with_context(context.clone());
    in_time("send", sent)
        .await
        .expect("the broker takes the message");
}

/// The names of the spans of a publish and of a handling.
pub fn names<C: Client>(client: &C) -> (String, String) {
    let destination = client.destination();
    (
        format!("{} {destination}", C::OPERATION),
        format!("process {destination}"),
    )
}

/// Every value of a header, by its exact name, as the plain client shows them.
pub(crate) fn fields<C: Client>(message: &C::Message, name: &str) -> Vec<String> {
    let headers = C::headers(message).into_iter();
    headers
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value)
        .collect()
}
