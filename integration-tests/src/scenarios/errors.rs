//! Handlers that fail, and what is done about it.

use crate::client::{Client, in_time};
use crate::scenarios::{fields, names};
use crate::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use opentelemetry::trace::Status;

/// The error comes back unchanged, and its type and its text are on the span.
pub async fn a_handlers_error_marks_its_span<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (_, process) = names(&client);
    client.send_plain(&[]).await;
    let message = client.receive().await;
    let refused = spans
        .instrumentation
        .try_with_message_context(&message, |_| async { "seven".parse::<u32>() });
    assert!(refused.await.is_err());

    let processed = spans.named(&process);
    let text = Status::error("invalid digit found in string");
    assert_eq!(processed.status, text);
    let error_type = attribute(&processed, "error.type");
    assert_eq!(error_type, Some("core::num::error::ParseIntError".into()));
}

/// The message is put aside in the trace that it failed in, and its span ends after that.
pub async fn what_is_done_about_an_error_is_inside_its_span<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    client.send_plain(&[("order", "7")]).await;
    let message = client.receive().await;
    let by = &spans.instrumentation;
    let put_aside = by
        .try_with_message_context(&message, |_| async { "seven".parse::<u32>().map(drop) })
        .on_error(async |error| {
            spans.work("log");
            assert!(!spans.has(&process), "it is open");
            let sent = client.send_on(Some(by), &message).await;
            sent.map_err(|refused| format!("{error}, and {refused}"))
        });
    in_time("put aside", put_aside)
        .await
        .expect("the broker takes the message");

    let processed = spans.named(&process);
    let text = Status::error("invalid digit found in string");
    assert_eq!(processed.status, text);
    let sent = spans.named(&publish);
    for span in [&sent, &spans.named("log")] {
        assert_child(span, &processed.span_context);
        assert_unfailed(span);
    }
    let letter = client.receive().await;
    let expected = [traceparent(&sent.span_context)];
    assert_eq!(fields::<C>(&letter, "traceparent"), expected);
    assert_eq!(fields::<C>(&letter, "order"), ["7"]);
}
