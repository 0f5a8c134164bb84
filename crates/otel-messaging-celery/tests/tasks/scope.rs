//! The spans of tasks name this crate, and the others name the adapter for lapin.

use crate::delivered::{delivered, delivery};
use futures_util::FutureExt;
use lapin::message::Delivery;
use lapin::{BasicProperties, ErrorKind};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::Instrumentation;
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging_celery::{ReceivedTask, Task, try_with_task_by};
use std::convert::Infallible;

/// The one span that `handle` makes.
fn span(handle: impl FnOnce(&Instrumentation)) -> SpanData {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let builder = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .with_message_sizes();
    handle(&builder.build());
    let spans = exporter.get_finished_spans().expect("the spans");
    let [span] = <[SpanData; 1]>::try_from(spans).expect("one span");
    span
}

fn task() -> Delivery {
    delivered(&Task::new("orders.pack", (7,), ()).expect("a task"))
}

fn assert_is_by(span: &SpanData, name: &str) {
    let scope = &span.instrumentation_scope;
    assert_eq!(scope.name(), name);
    assert_eq!(scope.version(), Some(env!("CARGO_PKG_VERSION")));
    let system = KeyValue::new("messaging.system.name", "rabbitmq");
    assert!(span.attributes.contains(&system), "{:?}", span.attributes);
}

#[test]
fn the_span_of_a_task_has_this_crate_in_its_scope() {
    let delivery = task();
    let task = ReceivedTask::from_delivery(&delivery).expect("a task");
    let span = span(|by| drop(by.process(&task)));
    assert_is_by(&span, "otel-messaging-celery");
}

#[test]
fn so_does_the_span_of_a_message_that_should_be_a_task() {
    let other = delivery(BasicProperties::default(), b"order 7");
    for delivery in [task(), other] {
        let span = span(|by| {
            let handled = try_with_task_by(by, &delivery, async |_task| Ok::<(), Infallible>(()));
            handled
                .now_or_never()
                .expect("to be done")
                .expect("no error");
        });
        assert_is_by(&span, "otel-messaging-celery");
    }
}

#[test]
fn the_span_of_the_delivery_itself_has_the_adapter_for_lapin() {
    let delivery = task();
    let span = span(|by| drop(by.process(&delivery)));
    assert_is_by(&span, "otel-messaging-lapin");
}

#[test]
fn the_span_of_a_task_has_the_sizes_of_its_delivery() {
    let delivery = task();
    let task = ReceivedTask::from_delivery(&delivery).expect("a task");
    let sizes = |span: SpanData| {
        ["body", "envelope"].map(|part| {
            let key = format!("messaging.message.{part}.size");
            let mut found = span.attributes.iter();
            let found = found.find(|it| it.key.as_str() == key);
            found.map(|it| it.value.clone())
        })
    };
    let of_task = sizes(span(|by| drop(by.process(&task))));
    assert_eq!(of_task, sizes(span(|by| drop(by.process(&delivery)))));
    let body = i64::try_from(delivery.data.len()).expect("a small task");
    assert_eq!(of_task[0], Some(Value::I64(body)));
    assert!(matches!(of_task[1], Some(Value::I64(size)) if size > body));
}

#[test]
fn an_error_of_lapin_has_its_name_where_tasks_are_awaited() {
    let failed = span(|by| {
        let handle = by.consumer(ConsumerInfo::new());
        let error = lapin::Error::from(ErrorKind::MissingHeartbeatError);
        let poll = std::future::ready(Err::<ReceivedTask<'_>, _>(error));
        let polled = handle.receive(poll).now_or_never();
        assert!(matches!(polled, Some(Err(_))));
    });
    let name = KeyValue::new("error.type", "MissingHeartbeatError");
    assert!(failed.attributes.contains(&name), "{failed:?}");
}
