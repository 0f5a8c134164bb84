//! A client in Python waits for the result of a task that Rust handles.

use crate::place::Place;
use crate::program::Program;
use integration_tests::client::Client;
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::{Spans, attribute};
use integration_tests::{apply, broker_test};
use lapin::message::Delivery;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use otel_messaging_celery::{ReceivedTask, Task};
use otel_messaging_lapin::InjectingProducer;
use serde_json::{Value, json};
use std::num::ParseIntError;

async fn ask(order: &str, said: &str) -> Value {
    let (rabbitmq, place) = (RabbitMq::connect().await, Place::new());
    place.declare(&rabbitmq).await;
    let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
    let args = json!([order]).to_string();
    let mut client = Program::client(place.name(), "orders.pack", &args, "{}", &["get"]);
    let delivery = next(&mut consumer).await;
    let task = ReceivedTask::from_delivery(&delivery).expect("a task");
    let (order,): (String,) = task.args().expect("an order");
    let packed: Result<Value, ParseIntError> =
        order.parse::<u64>().map(|order| json!({"packed": order}));
    let answer = task
        .answer_for_rpc_backend(&packed)
        .expect("JSON")
        .expect("the client waits");
    let producer = InjectingProducer::new(rabbitmq.channel.clone());
    let confirm = answer.publish(&producer).await.expect("published");
    assert!(confirm.await.expect("confirmed").is_ack());
    let line = client
        .line("the result", |line| line.get(said).is_some())
        .await;
    drop(client);
    place.remove(&rabbitmq).await;
    line
}

#[apply(broker_test)]
async fn a_client_gets_the_result() {
    assert_eq!(ask("7", "result").await["result"], json!({"packed": 7}));
}

#[apply(broker_test)]
async fn a_client_is_raised_the_error() {
    let line = ask("seven", "raised").await;
    assert_eq!(line["raised"], "core::num::error::ParseIntError");
    assert_eq!(line["text"], "invalid digit found in string");
}

/// The message does not tell: it names a queue, which nobody has declared. So whoever answers decides.
#[apply(broker_test)]
async fn a_client_without_a_backend_names_a_queue_too_and_its_answer_is_dropped() {
    for (option, is_read) in [("backend", true), ("no-backend", false)] {
        let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
        place.declare(&rabbitmq).await;
        let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
        let client = Program::client(place.name(), "orders.pack", "[7]", "{}", &[option]);
        let delivery = next(&mut consumer).await;
        let task = ReceivedTask::from_delivery(&delivery).expect("a task");
        let reply_to = task.reply_to().expect("a queue").clone();
        let options = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let other = rabbitmq.open_channel().await;
        let declared = other.queue_declare(reply_to.clone(), options, FieldTable::default());
        assert_eq!(declared.await.is_ok(), is_read);

        let answer = task.answer_for_rpc_backend(&Ok::<_, String>(7));
        let answer = answer.expect("JSON").expect("a queue for it");
        let confirm = answer.publish(&rabbitmq.producer(&spans)).await;
        let confirm = confirm.expect("published").await.expect("confirmed");
        assert!(confirm.is_ack());
        // Its name is another one for each client.
        let span = spans.named("publish");
        let name = attribute(&span, "messaging.destination.name");
        assert_eq!(name, Some(reply_to.to_string().into()));
        let temporary = attribute(&span, "messaging.destination.temporary");
        assert_eq!(temporary, Some(true.into()));
        drop(client);
        place.remove(&rabbitmq).await;
    }
}

/// Some clients tell their calls apart by another identifier than the task's, some by none.
#[apply(broker_test)]
async fn an_answer_has_what_the_client_knows_its_call_by() {
    let (rabbitmq, place) = (RabbitMq::connect().await, Place::new());
    place.declare(&rabbitmq).await;
    let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
    let producer = InjectingProducer::new(rabbitmq.channel.clone());
    let task = Task::new("orders.pack", (), ())
        .and_then(|task| task.with_id("order-7"))
        .expect("a task")
        .with_reply_to(place.queue.clone());
    for (asked, expected) in [("call-7", "call-7"), ("", "order-7")] {
        let body = task.body().to_vec();
        let mut delivery = Delivery::mock(1, "".into(), "orders".into(), false, body);
        delivery.properties = task.properties().with_correlation_id(asked.into());
        let received = ReceivedTask::from_delivery(&delivery).expect("a task");
        let answer = received
            .answer_for_rpc_backend(&Ok::<_, String>(7))
            .expect("JSON");
        let answer = answer.expect("a client that waits");
        let confirm = answer.publish(&producer).await.expect("published");
        assert!(confirm.await.expect("confirmed").is_ack());

        let answer = next(&mut consumer).await;
        let correlation = answer.properties.correlation_id().as_ref();
        assert_eq!(correlation.map(|id| id.as_str()), Some(expected));
        assert_eq!(answer.properties.delivery_mode(), &Some(1));
        let meta: Value = serde_json::from_slice(&answer.data).expect("JSON");
        assert_eq!(meta["task_id"], "order-7");
        assert_eq!(meta["result"], 7);
    }
    place.remove(&rabbitmq).await;
}
