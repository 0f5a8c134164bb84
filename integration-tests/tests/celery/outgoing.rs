//! A worker in Python runs what Rust sends, inside the trace.

use crate::place::Place;
use crate::program::Program;
use integration_tests::client::Client;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::{Spans, assert_child, assert_messaging};
use integration_tests::{apply, broker_test};
use lapin::options::BasicPublishOptions;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, SpanContext, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use otel_messaging_celery::Task;
use serde_json::{Value, json};

/// Sends a task in a span of its own, with baggage; gives the context of that span.
pub(crate) async fn send(
    rabbitmq: &RabbitMq,
    spans: &Spans,
    place: &Place,
    task: &Task,
) -> Context {
    let producer = rabbitmq.producer(spans);
    let entries = [("customer", "Ada Lövelace"), ("sum", "1+1")];
    let entries = entries.map(|(key, value)| KeyValue::new(key, value));
    let baggage = Context::new().with_baggage(entries);
    let span = spans.tracer.start_with_context("order", &baggage);
    let context = baggage.with_span(span);
    let options = BasicPublishOptions::default();
    let publishing = async {
        let confirm = task
            .publish(&producer, "".into(), place.queue.clone(), options)
            .await?;
        confirm.await
    };
    let confirmation = publishing
        .with_context(context.clone())
        .await
        .expect("published");
    assert!(confirmation.is_ack(), "{confirmation:?}");
    context
}

fn hex(span: &SpanContext) -> (String, String) {
    (span.trace_id().to_string(), span.span_id().to_string())
}

#[apply(broker_test)]
async fn a_worker_runs_the_task_in_the_trace() {
    let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
    let mut worker = Program::worker(place.name(), &[]).await;
    let kwargs = json!({"note": "Grüße\u{1f4e6}", "express": true, "lines": [{"sku": "a-1"}]});
    let task = Task::new("orders.pack", (7, "card", 2.5, None::<u8>), &kwargs).expect("a task");
    let order = send(&rabbitmq, &spans, &place, &task).await;

    let ran = worker.run(task.id()).await;
    assert_eq!(ran["args"], json!([7, "card", 2.5, null]));
    assert_eq!(ran["kwargs"], kwargs);
    assert_eq!(ran["root"], task.id());
    assert_eq!(ran["parent"], json!(null));
    assert_eq!(ran["retries"], 0);
    assert_eq!(ran["here"]["baggage"], baggage_in_python());

    let sent = spans.named(&format!("publish {}", place.name()));
    assert_messaging(&sent, SpanKind::Producer, "rabbitmq", ["publish", "send"]);
    assert_child(&sent, order.span().span_context());
    let (trace, sender) = hex(&sent.span_context);
    let run = worker.span("run/orders.pack", &json!(trace)).await;
    assert_eq!(run["kind"], "CONSUMER");
    assert_eq!(run["parent"], sender);
    assert_eq!(run["links"], json!([]));
    assert_eq!(run["status"], "UNSET");
    assert_eq!(ran["here"]["trace"], trace);
    assert_eq!(ran["here"]["span"], run["id"]);
    drop(worker);
    place.remove(&rabbitmq).await;
}

#[apply(broker_test)]
async fn what_the_task_sends_stays_in_the_trace() {
    let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
    let mut worker = Program::worker(place.name(), &[]).await;
    let task = Task::new("orders.ship", (7,), ()).expect("a task");
    let order = send(&rabbitmq, &spans, &place, &task).await;

    let trace = json!(order.span().span_context().trace_id().to_string());
    let ran = |line: &_| ran_as(line, "orders.pack");
    let packed = worker.line("the task's own task", ran).await;
    assert_eq!(packed["root"], task.id());
    assert_eq!(packed["parent"], task.id());
    assert_eq!(packed["here"]["baggage"], baggage_in_python());
    let shipped = worker.span("run/orders.ship", &trace).await;
    let sent = worker.span("apply_async/orders.pack", &trace).await;
    let packed = worker.span("run/orders.pack", &trace).await;
    assert_eq!(sent["parent"], shipped["id"]);
    assert_eq!(packed["parent"], sent["id"]);

    // A task that the worker sends to itself again keeps what came with it.
    let task = Task::new("orders.retry", (7,), ()).expect("a task");
    let order = send(&rabbitmq, &spans, &place, &task).await;
    let trace = order.span().span_context().trace_id().to_string();
    let again = |line: &_| ran_as(line, "orders.retry") && line["retries"] == 1;
    let again = worker.line("the second try", again).await;
    assert_eq!(again["task"], task.id());
    assert_eq!(again["here"]["trace"], trace);
    assert_eq!(again["here"]["baggage"], baggage_in_python());
    drop(worker);
    place.remove(&rabbitmq).await;
}

#[apply(broker_test)]
async fn a_worker_with_links_is_linked() {
    let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
    let mut worker = Program::worker(place.name(), &["links"]).await;
    let task = Task::new("orders.pack", (7,), ()).expect("a task");
    send(&rabbitmq, &spans, &place, &task).await;

    let ran = worker.run(task.id()).await;
    let sent = spans.named(&format!("publish {}", place.name()));
    let (trace, sender) = hex(&sent.span_context);
    assert_ne!(ran["here"]["trace"], trace);
    let run = worker.span("run/orders.pack", &ran["here"]["trace"]).await;
    assert_eq!(run["parent"], json!(null));
    assert_eq!(run["links"], json!([sender]));
    drop(worker);
    place.remove(&rabbitmq).await;
}

/// As [`send`] sends it, but that Python reads a plus sign as a space.
fn baggage_in_python() -> Value {
    json!({"customer": "Ada Lövelace", "sum": "1 1"})
}

fn ran_as(line: &Value, task: &str) -> bool {
    line["ran"] == task
}
