//! Rust sends to a worker in Python, which sends to Rust: one trace.

use crate::outgoing::send;
use crate::place::Place;
use crate::program::Program;
use integration_tests::client::Client;
use integration_tests::rabbitmq::{RabbitMq, consume, next};
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::TraceContextExt;
use otel_messaging_celery::{ReceivedTask, Task};
use serde_json::json;

#[apply(broker_test)]
async fn there_and_back_is_one_trace() {
    let (rabbitmq, spans) = (RabbitMq::connect().await, Spans::new());
    let (there, back) = (Place::new(), Place::new());
    back.declare(&rabbitmq).await;
    let mut consumer = consume(&rabbitmq.channel, &back.queue).await;
    let mut worker = Program::worker(there.name(), &[]).await;
    let task = Task::new("orders.hand_over", (7, back.name()), ()).expect("a task");
    let order = send(&rabbitmq, &spans, &there, &task).await;

    let delivery = next(&mut consumer).await;
    let received = ReceivedTask::from_delivery(&delivery).expect("a task");
    assert_eq!(received.name(), "orders.bill");
    assert_eq!(received.args::<(u64,)>().expect("an order"), (7,));
    assert_eq!(received.root_id(), Some(task.id()));
    assert_eq!(received.parent_id(), Some(task.id()));
    let nobody = received
        .answer_for_rpc_backend(&Ok::<_, String>(1))
        .expect("JSON");
    assert!(nobody.is_none(), "the worker ignores the result");
    spans
        .instrumentation
        .with_message_context(&received, async |_| ())
        .await;

    let trace = json!(order.span().span_context().trace_id().to_string());
    let run = worker.span("run/orders.hand_over", &trace).await;
    let sent = worker.span("apply_async/orders.bill", &trace).await;
    let published = spans.named(&format!("publish {}", there.name()));
    let processed = spans.named(&format!("process {}", back.name()));
    assert_eq!(run["parent"], published.span_context.span_id().to_string());
    assert_eq!(sent["parent"], run["id"]);
    assert_eq!(sent["id"], processed.parent_span_id.to_string());
    assert_eq!(trace, processed.span_context.trace_id().to_string());

    // A task that the handler sends is the next in Celery's tree.
    let next = Task::new("orders.pack", (7,), ())
        .expect("a task")
        .with_parent(&received);
    send(&rabbitmq, &Spans::new(), &there, &next).await;
    let ran = worker.run(next.id()).await;
    assert_eq!(ran["root"], task.id());
    assert_eq!(ran["parent"], received.id());
    drop(worker);
    there.remove(&rabbitmq).await;
    back.remove(&rabbitmq).await;
}
