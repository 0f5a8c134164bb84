//! What depends on accounts: a service that is called from another one, to which the server makes the
//! reply subject, and a server that reports the way of messages.

use async_nats::{Client, ConnectOptions, Subject};
use futures_util::StreamExt;
use integration_tests::client::in_time;
use integration_tests::nats::{message_from, start_service};
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::spans::{Spans, assert_child, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_async_nats::InjectingProducer;

const SUBJECT: &str = "orders";

/// The shop's client, and that of the account which calls it.
async fn connect(broker: &PrivateBroker) -> (Client, Client) {
    let shop = async_nats::connect(broker.url());
    let shop = in_time("connect", shop).await.expect("the shop's client");
    (shop, connect_as("billing", broker).await)
}

async fn connect_as(user: &str, broker: &PrivateBroker) -> Client {
    let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
    let connect = options.connect(broker.url());
    in_time("connect", connect).await.expect("a client")
}

/// Waits until the server knows the client's subscriptions; a flush waits for no answer.
async fn known(client: &Client) {
    let asked = in_time("an answer", client.request("nobody", "".into())).await;
    asked.expect_err("nobody answers, and the server says so");
}

/// A span that is named for the operation alone, with the subject as an attribute.
fn assert_temporary(span: &SpanData, operation: &'static str, subject: &str) {
    assert_eq!(span.name, operation);
    let name = attribute(span, "messaging.destination.name");
    assert_eq!(name, Some(subject.to_owned().into()));
    let temporary = attribute(span, "messaging.destination.temporary");
    assert_eq!(temporary, Some(true.into()));
}

/// Calls the service by another account, and checks the spans.
async fn assert_traced(
    billing: &Client,
    spans: &Spans,
    operation: &'static str,
    serve: impl Future<Output = Subject>,
) {
    let by = &spans.instrumentation;
    let requester = InjectingProducer::new(billing.clone()).with_instrumentation(by.clone());
    let request = requester.request(SUBJECT, "order".into());
    let both = async { tokio::join!(serve, request) };
    let (reply, answer) = in_time("an answer", both).await;
    let answer = answer.expect("an answer");
    assert_eq!(&answer.payload[..], b"done");
    assert!(reply.starts_with("_R_."), "{reply}");

    let requested = spans.named("request orders");
    let processed = spans.named("process orders");
    assert_child(&processed, &requested.span_context);
    let answered = spans.named(operation);
    assert_temporary(&answered, operation, &reply);
    assert_child(&answered, &processed.span_context);

    drop(by.process(&answer));
    let handled = spans.named("process");
    assert_temporary(&handled, "process", &answer.subject);
    assert_child(&handled, &answered.span_context);
}

#[apply(broker_test)]
async fn an_answer_to_another_account_has_no_subject_in_its_spans_name() {
    let broker = PrivateBroker::start(Server::NatsWithAccounts).await;
    let (shop, billing) = connect(&broker).await;
    let spans = Spans::new();
    let by = &spans.instrumentation;
    let mut orders = shop.subscribe(SUBJECT).await.expect("a subscription");
    known(&shop).await;
    let serve = async {
        let message = orders.next().await.expect("a request");
        let reply = message.reply.clone().expect("a reply subject");
        let producer = InjectingProducer::new(shop.clone()).with_instrumentation(by.clone());
        let answer = by.try_with_message_context(&message, async |_| {
            producer.publish(reply.clone(), "done".into()).await
        });
        answer.await.expect("answered");
        reply
    };
    assert_traced(&billing, &spans, "publish", serve).await;
}

#[apply(broker_test)]
async fn a_services_answer_to_another_account_has_no_subject_in_its_spans_name() {
    let broker = PrivateBroker::start(Server::NatsWithAccounts).await;
    let (shop, billing) = connect(&broker).await;
    let spans = Spans::new();
    let by = &spans.instrumentation;
    let (_service, mut orders) = start_service(&shop, SUBJECT).await;
    known(&shop).await;
    let serve = async {
        let request = orders.next().await.expect("a request");
        let producer = InjectingProducer::new(shop.clone()).with_instrumentation(by.clone());
        let request = producer.injecting_request(request);
        let reply = request.message().reply.clone().expect("a reply subject");
        let answer = by.try_with_message_context(&request, async |request| {
            request.respond(Ok("done".into())).await
        });
        answer.await.expect("answered");
        reply
    };
    assert_traced(&billing, &spans, "respond", serve).await;
}

/// A server takes such a reply subject from nobody else, and drops the message with it.
#[apply(broker_test)]
async fn a_request_of_another_account_is_forwarded_without_its_reply_subject() {
    let broker = PrivateBroker::start(Server::NatsWithAccounts).await;
    let (shop, billing) = connect(&broker).await;
    let mut orders = shop.subscribe(SUBJECT).await.expect("a subscription");
    let mut next = shop.subscribe("next").await.expect("a subscription");
    known(&shop).await;
    let asked = billing.publish_with_reply(SUBJECT, billing.new_inbox(), "order".into());
    asked.await.expect("published");
    let message = in_time("a request", orders.next()).await;
    let message = message.expect("a request");
    let reply = message.reply.as_deref().expect("a reply subject");
    assert!(reply.starts_with("_R_."), "{reply}");
    let forwarded = InjectingProducer::new(shop).forward(&message, "next").await;
    forwarded.expect("published");
    let forwarded = in_time("the request", next.next()).await;
    let forwarded = forwarded.expect("the request");
    assert_eq!(&forwarded.payload[..], b"order");
    assert_eq!(forwarded.reply, None);
}

/// As the README's table says of `traceparent`: by the sampled flag of what is forwarded, whoever
/// chose it.
#[apply(broker_test)]
async fn a_server_reports_the_way_of_a_sampled_message_that_is_forwarded() {
    let broker = PrivateBroker::start(Server::NatsWithAccounts).await;
    let client = connect_as("traced", &broker).await;
    let mut reports = client.subscribe("reports").await.expect("a subscription");
    known(&client).await;
    let producer = InjectingProducer::new(client.clone());
    for (order, flags) in [("unsampled", "00"), ("sampled", "01")] {
        let sender = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        let traceparent = format!("00-{sender}-{flags}");
        let message = message_from("elsewhere", &[("traceparent", &traceparent)]);
        let forwarded = producer.forward(&message, order).await;
        forwarded.expect("published");
    }
    let report = in_time("a report", reports.next()).await;
    let report = report.expect("a report").payload;
    let report = String::from_utf8_lossy(&report);
    assert!(report.contains(r#""subj":"sampled""#), "{report}");
}
