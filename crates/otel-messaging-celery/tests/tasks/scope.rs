//! The spans of tasks name this crate, and the others name the adapter for lapin.

use crate::delivered::{delivered, delivery};
use futures_util::FutureExt;
use lapin::BasicProperties;
use lapin::message::Delivery;
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::Instrumentation;
use otel_messaging_celery::{ReceivedTask, Task, try_with_task_by};
use std::convert::Infallible;

/// The one span that `handle` makes.
fn span(handle: impl FnOnce(&Instrumentation)) -> SpanData {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let builder = Instrumentation::builder().with_tracer_provider(&provider);
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
