//! Messages that no Celery client sends, to a consumer in Rust.

use crate::outgoing::send;
use crate::place::Place;
use integration_tests::client::Client;
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::{Spans, assert_child};
use integration_tests::wire::rabbitmq::{Connection, entry, nested_tables, sized, text};
use integration_tests::{apply, broker_test};
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use otel_messaging_celery::{ReceivedTask, Task};

/// Headers as bytes, and what the reader says of them.
fn headers() -> Vec<(Vec<u8>, &'static str)> {
    let (task, id) = (text(b"task", b"orders.pack"), text(b"id", b"7"));
    let no_task =
        "the message is not a Celery task of protocol 2: it does not have the header `task`";
    let task_no_text = "the header `task` is missing, or is not text of 1 to 255 bytes";
    let id_no_text = "the header `id` is missing, or is not text of 1 to 255 bytes";
    vec![
        (vec![], no_task),
        (id.clone(), no_task),
        (text(b"Task", b"orders.pack"), no_task),
        (entry(b"headers", b'F', &sized(&task)), no_task),
        (nested_tables(b"task", 100), task_no_text),
        (entry(b"task", b'V', b""), task_no_text),
        (entry(b"task", b'x', &sized(b"orders.pack")), task_no_text),
        (text(b"task", b"\xff\xfe"), task_no_text),
        (text(b"task", &[b'x'; 100_000]), task_no_text),
        (task.clone(), id_no_text),
        (
            [&task[..], &entry(b"id", b'l', &[0; 8])].concat(),
            id_no_text,
        ),
        (
            [task, id].concat(),
            "the content type is \"\", and only application/json is supported",
        ),
    ]
}

/// Bodies of what is a task by its headers, and what the reader says of them.
fn bodies() -> Vec<(Vec<u8>, &'static str)> {
    let no_list = "the body is not a JSON list of a task's three parts";
    vec![
        (vec![], no_list),
        (b"[[],{}]".to_vec(), no_list),
        (b"order".to_vec(), no_list),
        (vec![b'['; 1 << 20], no_list),
        (vec![0xff; 1 << 20], no_list),
        (
            b"[{},[],{}]".to_vec(),
            "the task's arguments are not a list",
        ),
        (
            b"[[],[],{}]".to_vec(),
            "the task's keyword arguments are not a map",
        ),
    ]
}

#[apply(broker_test)]
async fn what_is_no_task_is_refused_and_the_next_is_handled() {
    let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
    place.declare(&rabbitmq).await;
    let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
    let mut sender = Connection::open().await;
    let mut expected = Vec::new();
    for (headers, error) in headers() {
        sender.publish(place.name(), &headers).await;
        expected.push(error);
    }
    for (body, error) in bodies() {
        let mut headers = FieldTable::default();
        headers.insert("task".into(), AMQPValue::LongString("orders.pack".into()));
        headers.insert("id".into(), AMQPValue::LongString("7".into()));
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_headers(headers);
        let (queue, options) = (place.queue.clone(), BasicPublishOptions::default());
        let published =
            rabbitmq
                .channel
                .basic_publish("".into(), queue, options, &body, properties);
        published
            .await
            .expect("published")
            .await
            .expect("confirmed");
        expected.push(error);
    }
    let task = Task::new("orders.pack", (7,), ()).expect("a task");
    send(&rabbitmq, &spans, &place, &task).await;

    for error in expected {
        let delivery = next(&mut consumer).await;
        let refused = ReceivedTask::from_delivery(&delivery).expect_err(error);
        assert_eq!(refused.to_string(), error);
    }
    let delivery = next(&mut consumer).await;
    let received = ReceivedTask::from_delivery(&delivery).expect("a task");
    assert_eq!(received.id(), task.id());
    spans
        .instrumentation
        .with_message_context(&received, async |_| ())
        .await;
    let sent = spans.named(&format!("publish {}", place.name()));
    assert_child(
        &spans.named(&format!("process {}", place.name())),
        &sent.span_context,
    );
    place.remove(&rabbitmq).await;
}
