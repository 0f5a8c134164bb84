//! What of a task stands on the wire, as the plain client shows it.

use crate::outgoing::send;
use crate::place::Place;
use integration_tests::client::Client;
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::{Spans, traceparent};
use integration_tests::{apply, broker_test};
use lapin::types::AMQPValue;
use otel_messaging_celery::{ReceivedTask, Task};
use std::collections::BTreeMap;

#[apply(broker_test)]
async fn a_task_is_flat_long_strings_and_json() {
    let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
    place.declare(&rabbitmq).await;
    let task = Task::new(
        "orders.pack",
        ("card", 7),
        [("note", "Grüße")].into_iter().collect::<BTreeMap<_, _>>(),
    )
    .and_then(|task| task.with_id("order-7"))
    .and_then(|task| task.with_eta("2026-11-21T20:30:00+00:00"))
    .and_then(|task| task.with_expires("2036-11-21T20:30:00+00:00"))
    .expect("a task")
    .with_reply_to("answers".into());
    send(&rabbitmq, &spans, &place, &task).await;

    let mut consumer = consume(&rabbitmq.channel, &place.queue).await;
    let delivery = next(&mut consumer).await;
    let sent = spans.named(&format!("publish {}", place.name()));
    let headers = delivery.properties.headers().as_ref().expect("headers");
    let headers: Vec<_> = headers
        .inner()
        .iter()
        .map(|(name, value)| match value {
            AMQPValue::LongString(text) => (name.as_str(), text.to_string()),
            other => panic!("{name} is no long string but {other:?}"),
        })
        .collect();
    let expected = [
        ("argsrepr", r#"["card",7]"#),
        ("baggage", "customer=Ada%20L%C3%B6velace,sum=1+1"),
        ("eta", "2026-11-21T20:30:00+00:00"),
        ("expires", "2036-11-21T20:30:00+00:00"),
        ("id", "order-7"),
        ("kwargsrepr", r#"{"note":"Grüße"}"#),
        ("lang", "rust"),
        ("root_id", "order-7"),
        ("task", "orders.pack"),
        ("traceparent", &traceparent(&sent.span_context)),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name, value.to_owned()))
    );

    let properties = &delivery.properties;
    let texts = [
        (properties.content_type(), "application/json"),
        (properties.content_encoding(), "utf-8"),
        (properties.correlation_id(), "order-7"),
        (properties.message_id(), "order-7"),
        (properties.reply_to(), "answers"),
    ];
    for (property, expected) in texts {
        assert_eq!(property.as_ref().map(|it| it.as_str()), Some(expected));
    }
    assert_eq!(properties.delivery_mode(), &Some(2));
    let body = r#"[["card",7],{"note":"Grüße"},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]"#;
    assert_eq!(str::from_utf8(&delivery.data), Ok(body));

    let task = ReceivedTask::from_delivery(&delivery).expect("a task");
    assert_eq!((task.name(), task.id()), ("orders.pack", "order-7"));
    place.remove(&rabbitmq).await;
}
