//! Services in Go, which read and write contexts in title case alone, on both sides of ours.

use async_nats::HeaderMap;
use futures_util::StreamExt;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::go::GoService;
use integration_tests::nats::{Nats, rewrites_traceparent, start_service};
use integration_tests::spans::{Spans, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_async_nats::{Spelling, extract};

/// Go → Rust → Go: one trace, by every way on which ours sends on what it received. Servers of 2.11
/// and 2.12 take the title case off in between, so that Go finds nothing there.
#[apply(broker_test)]
async fn a_chain_of_go_services_stays_in_one_trace() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let is_rewritten = rewrites_traceparent(&client.client);
    let producer = client.injecting(&spans.instrumentation);
    let mut first = GoService::start(&client.client).await;
    let mut last = GoService::start(&client.client).await;
    for way in ["republish", "dead_letter", "publish", "forward"] {
        first.send(&[]).await;
        let sender = first.next().await;
        let to = last.subject();
        let by = &spans.instrumentation;
        let send_on = by.try_with_message_context(&sender.message, async |message| match way {
            "republish" => producer.republish(message, to).await,
            "dead_letter" => producer.dead_letter(message, &"no", to).await,
            "publish" => {
                let headers = message.headers.clone().expect("headers");
                let publish = producer.publish_with_headers(to, headers, "order".into());
                publish.await
            }
            _ => producer.forward(message, to).await,
        });
        send_on.await.expect("published");
        let [sent, processed] = last_two(&spans);
        assert_eq!(parent(&processed), sender.own[3..52], "{way}");

        let found = last.next().await;
        let expected = match way {
            // Its context stays that of the first service.
            "forward" => sender.own.clone(),
            _ => traceparent(&sent.span_context),
        };
        assert_eq!(found.remote, (!is_rewritten).then_some(expected), "{way}");
    }
}

/// Rust → Go → Rust: in one trace, if ours writes what Go reads.
#[apply(broker_test)]
async fn a_go_relay_joins_what_is_written_in_both_spellings() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let producer = producer.with_spelling(Spelling::Both);
    let mut relay = GoService::start(&client.client).await;
    let order = spans.root("order");
    let order = order.with_baggage([KeyValue::new("tenant", "a cme"), KeyValue::new("b", "2")]);
    let publish = async {
        let publish = producer.publish(relay.subject(), "order".into());
        publish.await.expect("published");
    };
    publish.with_context(order).await;
    let sent = spans.all().pop().expect("a span");
    let found = relay.next().await;
    let baggage = [("b", "2"), ("tenant", "a cme")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(found.baggage, baggage);
    if rewrites_traceparent(&client.client) {
        assert_eq!(found.remote, None);
        return;
    }
    assert_eq!(found.remote, Some(traceparent(&sent.span_context)));
    drop(spans.instrumentation.process(&found.message));
    let processed = spans.all().pop().expect("a span");
    assert_eq!(parent(&processed), found.own[3..52]);
}

/// Go asks, and finds the context of the answer: the service knows by the request how Go reads.
#[apply(broker_test)]
async fn an_answer_to_go_is_in_both_spellings() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let mut relay = GoService::start(&client.client).await;
    let subject = unique("shop");
    let (_service, mut endpoint) = start_service(&client.client, &subject).await;
    relay.send(&[("ask", &subject), ("order", "7")]).await;
    let request = in_time("a request", endpoint.next()).await;
    let request = request.expect("a request");
    let request = client
        .injecting(&spans.instrumentation)
        .injecting_request(request);
    let answered = spans
        .instrumentation
        .try_with_message_context(&request, async |request| {
            request.respond(Ok("done".into())).await
        });
    answered.await.expect("answered");
    let found = relay.next().await;
    let answer = spans.named("respond");
    let expected = (!rewrites_traceparent(&client.client)).then_some(&answer.span_context);
    assert_eq!(found.remote, expected.map(traceparent));
}

/// Go → Rust → Go: a member of the baggage that ours takes out is not found behind it.
#[apply(broker_test)]
async fn a_member_that_ours_drops_does_not_come_back_in_go() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let mut first = GoService::start(&client.client).await;
    let mut last = GoService::start(&client.client).await;
    first.send(&[("raw-baggage", "tenant=acme,secret=7")]).await;
    let message = first.next().await.message;
    let context = extract(message.headers.as_ref().expect("headers"));
    let tenant = context.baggage().get("tenant").expect("a tenant").clone();
    let context = context.with_cleared_baggage();
    let context = context.with_baggage([KeyValue::new("tenant", tenant.as_str().to_owned())]);
    let attached = context.attach();
    let republish = producer.republish(&message, last.subject());
    drop(attached);
    republish.await.expect("published");
    let expected = [("tenant".to_owned(), "acme".to_owned())];
    assert_eq!(last.next().await.baggage, expected);
}

/// Rust → Go → Rust: a member of the baggage that Go takes out does not come back from the spelling
/// that Go leaves as it is.
#[apply(broker_test)]
async fn a_member_that_go_drops_does_not_come_back() {
    let client = Nats::connect().await;
    let (_, found) = without_secret(&client, &[]).await;
    if rewrites_traceparent(&client.client) {
        // Nothing tells which context is newer.
        assert!(!found.span().span_context().is_valid());
        assert!(found.baggage().is_empty());
        return;
    }
    assert!(found.span().span_context().is_valid());
    assert_eq!(found.baggage().get("tenant"), Some(&"acme".into()));
    assert_eq!(found.baggage().get("secret"), None);
}

/// The same where Go has no tracer provider, so that both spellings name ours. On servers of 2.11 and
/// 2.12 there are two such lines in one spelling.
#[apply(broker_test)]
async fn a_member_that_go_drops_without_a_span_does_not_come_back() {
    let client = Nats::connect().await;
    let (sent, found) = without_secret(&client, &[("untraced", "yes")]).await;
    assert_eq!(traceparent(found.span().span_context()), sent);
    assert_eq!(found.baggage().get("tenant"), Some(&"acme".into()));
    assert_eq!(found.baggage().get("secret"), None);
}

/// Ours sends two members in both spellings, and Go sends the message on without one of them. Returns
/// what ours sent, and what it finds behind Go.
async fn without_secret(client: &Nats, more: &[(&str, &str)]) -> (String, Context) {
    let spans = Spans::new();
    let producer = client.injecting(&spans.instrumentation);
    let producer = producer.with_spelling(Spelling::Both);
    let mut relay = GoService::start(&client.client).await;
    let order = spans.root("order");
    let order = order.with_baggage([
        KeyValue::new("tenant", "acme"),
        KeyValue::new("secret", "7"),
    ]);
    let publish = async {
        let mut headers = HeaderMap::new();
        headers.insert("drop-baggage", "secret");
        for (name, value) in more {
            headers.insert(*name, *value);
        }
        let publish = producer.publish_with_headers(relay.subject(), headers, "order".into());
        publish.await.expect("published");
    };
    publish.with_context(order).await;
    let sent = spans.all().pop().expect("a span");
    let found = relay.next().await;
    assert_eq!(found.baggage.len(), 2);
    let context = extract(found.message.headers.as_ref().expect("headers"));
    (traceparent(&sent.span_context), context)
}

/// Go → Rust, and Go → Go: both read the value of a member that ends in a semicolon. Go → Rust → Go:
/// what ours makes of it says the same.
#[apply(broker_test)]
async fn a_member_with_an_empty_property_is_read_as_go_reads_it() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let (mut first, mut last) = (
        GoService::start(&client.client).await,
        GoService::start(&client.client).await,
    );
    for raw in ["tenant=acme;", "tenant =acme ; ", "a=1;,tenant=acme;;,b=2"] {
        first.send(&[("raw-baggage", raw)]).await;
        let message = first.next().await.message;
        let headers = message.headers.clone().expect("headers");
        let context = extract(&headers);
        let plain = client
            .client
            .publish_with_headers(last.subject(), headers, "".into());
        plain.await.expect("published");
        let read = last.next().await.baggage;
        let tenant = ("tenant".to_owned(), "acme".to_owned());
        assert!(read.contains(&tenant), "{raw}: {read:?}");
        for (key, value) in &read {
            let found = context.baggage().get(key);
            assert_eq!(found, Some(&value.clone().into()), "{key} of {raw}");
        }
        let attached = context.attach();
        let republish = producer.republish(&message, last.subject());
        drop(attached);
        republish.await.expect("published");
        assert_eq!(last.next().await.baggage, read, "{raw}");
    }
}

/// The spans of a message that was sent on inside its handler.
fn last_two(spans: &Spans) -> [SpanData; 2] {
    let all = spans.all();
    let [.., sent, processed] = &all[..] else {
        panic!("two spans, not {all:?}");
    };
    [sent.clone(), processed.clone()]
}

/// A span's trace and parent, as a traceparent has them.
fn parent(span: &SpanData) -> String {
    let trace_id = span.span_context.trace_id();
    format!("{trace_id:032x}-{:016x}", span.parent_span_id)
}
