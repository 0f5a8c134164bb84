//! Rust handles what a client in Python sends, inside its trace.

use crate::place::Place;
use crate::program::Program;
use integration_tests::client::Client;
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::{Spans, assert_child, assert_messaging, attribute};
use integration_tests::{apply, broker_test};
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicPublishOptions};
use lapin::types::ShortString;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use otel_messaging::Failure;
use otel_messaging_celery::{
    ReadError, ReceivedTask, Task, try_with_task_by, try_with_task_by_with,
};
use otel_messaging_lapin::InjectingProducer;
use serde_json::{Value, json};

const ARGS: &str = r#"[7, "Grüße", null]"#;
const KWARGS: &str = r#"{"express": true, "lines": [{"sku": "a-1"}]}"#;

#[apply(broker_test)]
async fn a_task_is_handled_in_the_clients_trace() {
    for (name, more) in [("orders.pack", &[][..]), ("orders.stack", &["by-name"])] {
        let (mut rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
        place.declare(&rabbitmq).await;
        let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
        let mut client = Program::client(place.name(), name, ARGS, KWARGS, more);
        let delivery = next(&mut consumer).await;
        let task = ReceivedTask::from_delivery(&delivery).expect("a task");
        assert_eq!(task.name(), name);
        assert_eq!(task.root_id(), Some(task.id()));
        assert_eq!((task.parent_id(), task.retries()), (None, 0));
        assert_eq!((task.eta(), task.expires()), (None, None));
        assert!(task.reply_to().is_some(), "the client has a result backend");

        let producer = rabbitmq.producer(&spans);
        let handler = async |task: &_| handle(task, &producer, rabbitmq.queue.clone()).await;
        let handled = spans.instrumentation.with_message_context(&task, handler);
        handled.await.expect("arguments");

        let sent = |line: &Value| line["span"] == format!("apply_async/{name}");
        let sent = client.line("the client's span", sent).await;
        let span = spans.named(&format!("process {}", place.name()));
        assert_messaging(
            &span,
            SpanKind::Consumer,
            "rabbitmq",
            ["process", "process"],
        );
        assert_eq!(sent["trace"], span.span_context.trace_id().to_string());
        assert_eq!(sent["id"], span.parent_span_id.to_string());
        let links = span
            .links
            .iter()
            .map(|link| link.span_context.span_id().to_string());
        assert_eq!(json!(links.collect::<Vec<_>>()), json!([sent["id"]]));
        assert_eq!(attribute(&span, "celery.task_name"), Some(name.into()));
        assert_eq!(sent["message"], task.id());
        assert_eq!(
            attribute(&span, "messaging.message.id"),
            Some(task.id().to_owned().into())
        );
        let carried = header(&delivery, "traceparent");
        let trace = span.span_context.trace_id();
        assert_eq!(
            carried,
            format!("00-{trace}-{}-03", span.parent_span_id),
            "Python's random flag"
        );

        let onward = rabbitmq.receive().await;
        let sent = spans.named(&format!("publish {}", rabbitmq.queue));
        assert_child(&sent, &span.span_context);
        let span = sent.span_context.span_id();
        assert_eq!(
            header(&onward, "traceparent"),
            format!("00-{trace}-{span}-03")
        );
        assert_eq!(header(&onward, "baggage"), "customer=Ada+L%C3%B6velace");
        drop(client);
        place.remove(&rabbitmq).await;
    }
}

fn header(delivery: &Delivery, name: &str) -> String {
    let headers = delivery.properties.headers().as_ref().expect("headers");
    let text = headers.inner()[name].as_long_string();
    text.expect("a long string").to_string()
}

/// Sends a task of its own, to be seen by the plain client.
async fn handle(
    task: &ReceivedTask<'_>,
    producer: &InjectingProducer<Channel>,
    onward: ShortString,
) -> Result<(), ReadError> {
    let (order, note, nothing): (u64, String, Option<u8>) = task.args()?;
    assert_eq!((order, &*note, nothing), (7, "Grüße", None));
    let kwargs: Value = task.kwargs()?;
    assert_eq!(Some(kwargs), serde_json::from_str(KWARGS).ok());
    let context = Context::current();
    let customer = context.baggage().get("customer").map(ToString::to_string);
    // Python writes the space as +, which is a plus sign to everybody else.
    assert_eq!(customer.as_deref(), Some("Ada+Lövelace"));

    let next = Task::new("orders.next", (), ()).expect("a task");
    let confirm = next.publish(producer, "".into(), onward, BasicPublishOptions::default());
    confirm.await.expect("published").await.expect("confirmed");
    let acknowledged = task.delivery().ack(BasicAckOptions::default()).await;
    acknowledged.expect("an ack");
    Ok(())
}

#[apply(broker_test)]
async fn what_is_no_task_is_handled_in_the_clients_trace() {
    let cases = [
        ("protocol-1", ARGS, "NoTask", None),
        ("pickle", ARGS, "ContentType", Some("orders.pack")),
        ("gzip", ARGS, "Compressed", Some("orders.pack")),
        ("not-a-number", "[NaN]", "Body", Some("orders.pack")),
    ];
    for (option, args, kind, name) in cases {
        let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
        place.declare(&rabbitmq).await;
        let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
        let mut client = Program::client(place.name(), "orders.pack", args, "{}", &[option]);
        let delivery = next(&mut consumer).await;
        let by = &spans.instrumentation;
        let handled = try_with_task_by(by, &delivery, async |task| {
            spans.work("work");
            task.map(|_| ())
        });
        let error = handled.await.expect_err(option);
        assert_eq!(error.kind(), kind, "{option}: {error:?}");

        let sent = |line: &Value| line["span"] == "apply_async/orders.pack";
        let sent = client.line("the client's span", sent).await;
        let span = spans.named(&format!("process {}", place.name()));
        // Python's instrumentation writes no context into messages of protocol 1.
        let joins = sent["id"] == span.parent_span_id.to_string();
        assert_eq!(joins, option != "protocol-1", "{option}");
        assert_eq!(attribute(&span, "error.type"), Some(kind.into()));
        assert_eq!(span.status, Status::error(error.to_string()));
        let name = name.map(opentelemetry::Value::from);
        assert_eq!(attribute(&span, "celery.task_name"), name, "{option}");
        assert_child(&spans.named("work"), &span.span_context);
        drop(client);
        place.remove(&rabbitmq).await;
    }
}

/// The other ways in which Celery writes a task, by their content types.
#[tokio::test]
async fn every_serializer_is_handled_in_its_senders_trace() {
    let task = Task::new("orders.pack", (7,), ()).expect("a task");
    for kind in ["yaml", "x-yaml", "x-msgpack", "x-python-serialize", "data"] {
        let spans = Spans::new();
        let sender = spans.root("sender");
        let mut headers = task.properties().headers().clone().expect("headers");
        spans.instrumentation.inject(&sender, &mut headers);
        let mut delivery = Delivery::mock(1, "".into(), "orders".into(), false, vec![0x80]);
        delivery.properties = task
            .properties()
            .with_headers(headers)
            .with_content_type(format!("application/{kind}").into());
        let by = &spans.instrumentation;
        let handled = try_with_task_by(by, &delivery, async |task| task.map(|_| ()));
        assert!(handled.await.is_err());
        let span = spans.named("process orders");
        assert_child(&span, sender.span().span_context());
        assert_eq!(attribute(&span, "error.type"), Some("ContentType".into()));
        let id = attribute(&span, "messaging.message.id");
        assert_eq!(id, Some(task.id().to_owned().into()));
    }
}

/// What the handler itself finds wrong marks the span as ever; what is done about it is inside.
#[tokio::test]
async fn a_tasks_own_failure_is_on_the_span_once() {
    let task = Task::new("orders.pack", (7,), ()).expect("a task");
    let delivery = delivery_of(&task);
    for fails in [false, true] {
        let spans = Spans::new();
        let by = &spans.instrumentation;
        let handled = try_with_task_by(by, &delivery, async |task| {
            let task = task.expect("a task");
            assert_eq!(task.name(), "orders.pack");
            if fails { Err("no such order") } else { Ok(()) }
        })
        .on_error(async |error| {
            spans.work("reject");
            Err(error)
        });
        assert_eq!(handled.await.is_err(), fails);
        let span = spans.named("process orders");
        assert_eq!(attribute(&span, "error.type"), fails.then(|| "&str".into()));
        let failed = Status::error("no such order");
        assert_eq!(span.status, if fails { failed } else { Status::Unset });
        assert_eq!(spans.has("reject"), fails);
        if fails {
            assert_child(&spans.named("reject"), &span.span_context);
        }
    }
}

/// An error that was expected marks nothing, and no more of another one is exported than is said.
#[tokio::test]
async fn the_application_says_what_a_tasks_failure_is() {
    let task = Task::new("orders.pack", (7,), ()).expect("a task");
    let mut unread = delivery_of(&task);
    unread.data = b"[NaN]".to_vec();
    for (delivery, is_expected, marked) in [
        (&delivery_of(&task), true, None),
        (&delivery_of(&task), false, Some("refused")),
        // What is no task marks the span before anybody is asked.
        (&unread, true, Some("Body")),
    ] {
        let spans = Spans::new();
        let by = &spans.instrumentation;
        let handled = try_with_task_by_with(
            by,
            delivery,
            async |_| Err::<(), _>(()),
            |()| (!is_expected).then(|| Failure::new("refused", "the order was refused")),
        );
        assert_eq!(handled.await, Err(()));
        let span = spans.named("process orders");
        assert_eq!(attribute(&span, "error.type"), marked.map(Into::into));
    }
}

fn delivery_of(task: &Task) -> Delivery {
    let body = task.body().to_vec();
    let mut delivery = Delivery::mock(1, "".into(), "orders".into(), false, body);
    delivery.properties = task.properties();
    delivery
}

/// Of a message that has an identifier beside its task's.
#[tokio::test]
async fn the_messages_own_identifier_is_on_the_span() {
    let spans = Spans::new();
    let task = Task::new("orders.pack", (), ()).expect("a task");
    let mut delivery = delivery_of(&task);
    delivery.properties = task.properties().with_message_id("message-7".into());
    let received = ReceivedTask::from_delivery(&delivery).expect("a task");
    spans
        .instrumentation
        .with_message_context(&received, async |_| ())
        .await;
    let span = spans.named("process orders");
    let of_message = |it: &&KeyValue| it.key.as_str() == "messaging.message.id";
    let ids: Vec<_> = span.attributes.iter().filter(of_message).collect();
    assert_eq!(ids, [&KeyValue::new("messaging.message.id", "message-7")]);
}
