//! What has to hold for every client that sends received messages on.

mod trust;

use crate::client::{Client, in_time};
use crate::scenarios::{TRACEPARENT, fields, names};
use crate::spans::{
    Spans, assert_child, assert_linked, assert_messaging, assert_unfailed, attribute, traceparent,
};
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use otel_messaging::adapter::{Client as _, Describe};
use otel_messaging::{Instrumentation, extract};
use std::collections::BTreeMap;
use std::fmt;

pub use trust::{
    a_believed_context_is_forwarded_as_it_came, nothing_of_a_refused_context_is_sent_on,
    what_is_sent_on_out_of_the_house_tells_nothing,
    what_is_sent_on_without_baggage_keeps_its_trace,
};

/// A client that sends received messages on.
#[expect(async_fn_in_trait, reason = "for the tests of this package only")]
pub trait SendsOn: Client {
    /// Forwards to the client's own destination, and waits for the broker's answer.
    async fn forward(&self, by: &Instrumentation, message: &Self::Message) -> Result<(), String>;

    /// Republishes likewise.
    async fn republish(&self, by: &Instrumentation, message: &Self::Message) -> Result<(), String>;

    /// Puts the message aside, at the client's own destination too, so that the test can read it.
    async fn dead_letter(
        &self,
        by: &Instrumentation,
        message: &Self::Message,
        error: &dyn fmt::Display,
    ) -> Result<(), String>;
}

/// Makes a test of each scenario of sending on, for one client; see
/// [`scenarios!`](crate::scenarios!).
#[macro_export]
macro_rules! sending_on {
    ($client:ty, needs $what:ident) => {
        $crate::sending_on!($client, $what:
            a_forwarded_message_keeps_its_context
            a_message_without_context_gets_one_when_forwarded
            a_republished_message_has_a_new_context
            a_dead_letter_tells_where_it_comes_from
            nothing_of_a_refused_context_is_sent_on
            a_believed_context_is_forwarded_as_it_came
            what_is_sent_on_out_of_the_house_tells_nothing
            what_is_sent_on_without_baggage_keeps_its_trace
        );
    };
    ($client:ty, brokers: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::broker_test)]
        async fn $scenario() {
            $crate::onward::$scenario::<$client>().await;
        }
    )*};
    ($client:ty, nothing: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::two_worker_test)]
        async fn $scenario() {
            $crate::onward::$scenario::<$client>().await;
        }
    )*};
}

const CARRIED: [(&str, &str); 4] = [
    ("baggage", "tenant=acme"),
    ("order", "7"),
    ("traceparent", TRACEPARENT),
    ("tracestate", "a=1"),
];

/// The headers stay as they came, to the byte; the span is no part of the message's own path.
pub async fn a_forwarded_message_keeps_its_context<C: SendsOn>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    client.send_plain(&CARRIED).await;
    let message = client.receive().await;
    let by = &spans.instrumentation;
    let forwarded = by.try_with_message_context(&message, |message| client.forward(by, message));
    in_time("forward", forwarded)
        .await
        .expect("the broker takes the message");

    let next = client.receive().await;
    let mut arrived = C::headers(&next);
    arrived.sort();
    assert_eq!(arrived, CARRIED.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let sent = spans.named(&publish);
    let system = <C::Message as Describe<C::Marker>>::Client::SYSTEM;
    assert_messaging(&sent, SpanKind::Client, system, [C::OPERATION, "send"]);
    assert_child(&sent, &spans.named(&process).span_context);
    assert_linked(&sent, &sender(TRACEPARENT));
    assert_unfailed(&sent);
}

/// There is nothing to keep.
pub async fn a_message_without_context_gets_one_when_forwarded<C: SendsOn>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, _) = names(&client);
    client.send_plain(&[("order", "7")]).await;
    let message = client.receive().await;
    in_time("forward", client.forward(&spans.instrumentation, &message))
        .await
        .expect("the broker takes the message");

    let next = client.receive().await;
    let sent = spans.named(&publish);
    assert_eq!(sent.span_kind, SpanKind::Producer);
    let expected = [traceparent(&sent.span_context)];
    assert_eq!(fields::<C>(&next, "traceparent"), expected);
    assert_eq!(fields::<C>(&next, "order"), ["7"]);
}

/// Outside a handler too, the old trace can be found from the new one.
pub async fn a_republished_message_has_a_new_context<C: SendsOn>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, _) = names(&client);
    client.send_plain(&CARRIED).await;
    let message = client.receive().await;
    in_time(
        "republish",
        client.republish(&spans.instrumentation, &message),
    )
    .await
    .expect("the broker takes the message");

    let next = client.receive().await;
    let sent = spans.named(&publish);
    assert_eq!(sent.span_kind, SpanKind::Producer);
    assert_linked(&sent, &sender(TRACEPARENT));
    let old = sender(TRACEPARENT);
    assert_ne!(sent.span_context.trace_id(), old.trace_id());
    let expected = [traceparent(&sent.span_context)];
    assert_eq!(fields::<C>(&next, "traceparent"), expected);
    assert_eq!(fields::<C>(&next, "tracestate"), [""; 0]);
    assert_eq!(fields::<C>(&next, "baggage"), [""; 0]);
    assert_eq!(fields::<C>(&next, "order"), ["7"]);
}

/// What failed, where and in which trace: on the span, in the headers, and still there when the
/// letter is put aside once more.
pub async fn a_dead_letter_tells_where_it_comes_from<C: SendsOn>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    let (destination, by) = (client.destination(), &spans.instrumentation);
    client.send_plain(&CARRIED).await;
    let message = client.receive().await;
    let put_aside = by.try_with_message_context(&message, |message| {
        client.dead_letter(by, message, &"no such\r\narticle")
    });
    in_time("dead letter", put_aside)
        .await
        .expect("the broker takes the message");

    let letter = client.receive().await;
    let sent = spans.named(&publish);
    assert_eq!(sent.span_kind, SpanKind::Producer);
    assert_child(&sent, &spans.named(&process).span_context);
    assert_linked(&sent, &sender(TRACEPARENT));
    assert_unfailed(&sent);
    let error = attribute(&sent, "otel_messaging.dead_letter.error");
    assert_eq!(error, Some("no such  article".into()));
    let source = attribute(&sent, "otel_messaging.dead_letter.source");
    assert_eq!(source, Some(destination.clone().into()));
    assert_letter::<C>(&letter, "no such  article", &destination);
    let expected = [traceparent(&sent.span_context)];
    assert_eq!(fields::<C>(&letter, "traceparent"), expected);
    assert_eq!(fields::<C>(&letter, "order"), ["7"]);

    let again = Spans::new();
    let put_aside = client.dead_letter(&again.instrumentation, &letter, &"still none");
    in_time("dead letter", put_aside)
        .await
        .expect("the broker takes the message");
    let letter = client.receive().await;
    assert_letter::<C>(&letter, "still none", &destination);
    assert_linked(&again.named(&publish), &sent.span_context);
}

fn assert_letter<C: Client>(letter: &C::Message, error: &str, source: &str) {
    assert_eq!(fields::<C>(letter, "dead-letter-error"), [error]);
    assert_eq!(fields::<C>(letter, "dead-letter-source"), [source]);
    let of_origin = fields::<C>(letter, "dead-letter-traceparent");
    assert_eq!(of_origin, [TRACEPARENT]);
}

fn sender(traceparent: &str) -> SpanContext {
    let headers = BTreeMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    extract(&headers).span().span_context().clone()
}
