//! The spans of polls that the application hands over.

use crate::errors::attribute;
use crate::message::{Message, TRACEPARENT, message, spans};
use crate::meter::meter;
use futures_util::FutureExt;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::semconv;
use otel_messaging::consumer::ConsumerInfo;
use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::io;

const CONSUMED: &str = semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES;
const OPERATION: &str = semconv::MESSAGING_CLIENT_OPERATION_DURATION;

fn other() -> Message {
    let traceparent = TRACEPARENT.replace("b7ad", "c7ad");
    Message {
        headers: BTreeMap::from([("traceparent".to_owned(), traceparent)]),
    }
}

#[test]
fn a_poll_has_a_span_with_links_to_what_came() {
    let spans = spans();
    let consumer = spans.instrumentation.consumer(ConsumerInfo::new());
    let tracer = spans.provider.tracer("test");
    let around = tracer.in_span("around", |around| {
        let polled: Option<Result<Message, io::Error>> = Some(Ok(message()));
        let received = consumer.receive(ready(polled)).now_or_never();
        assert!(matches!(received, Some(Some(Ok(_)))));
        around.span().span_context().clone()
    });
    let ended = spans.ended();
    let span = &ended[0];
    assert_eq!(span.name, "receive orders");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(span.parent_span_id, around.span_id());
    let sender = otel_messaging::extract(&message().headers);
    let [link] = &*span.links.links else {
        panic!("{:?}", span.links);
    };
    assert_eq!(&link.span_context, sender.span().span_context());
    for (key, value) in [
        ("messaging.operation.type", "receive"),
        ("messaging.operation.name", "receive"),
        ("messaging.destination.name", "orders"),
        ("messaging.system.name", "test"),
    ] {
        assert_eq!(attribute(span, key), Some(value.into()));
    }
    assert_eq!(attribute(span, "messaging.batch.message_count"), None);
}

#[test]
fn several_messages_are_counted_and_linked() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let consumer = by.consumer(ConsumerInfo::new());
    let received = consumer.receive(ready(vec![message(), other()]));
    let received = received.now_or_never().expect("ready");
    let span = spans.only();
    let count = attribute(&span, "messaging.batch.message_count");
    assert_eq!(count, Some(2.into()));
    assert_eq!(span.links.len(), 2);
    assert_eq!(meter.only(CONSUMED).count, 2);
    assert_eq!(meter.only(OPERATION).count, 1);

    // Once per delivery, also by a clone of the handle.
    for message in &received {
        drop(consumer.clone().process(message));
    }
    assert_eq!(meter.only(CONSUMED).count, 2);
    assert_eq!(meter.only(semconv::MESSAGING_PROCESS_DURATION).count, 2);
}

#[test]
fn a_poll_that_gives_nothing_or_is_dropped_leaves_nothing() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let consumer = by.consumer(ConsumerInfo::new());
    let none: Option<Message> = None;
    assert!(consumer.receive(ready(none)).now_or_never().is_some());
    let none: Result<Option<Message>, io::Error> = Ok(None);
    assert!(consumer.receive(ready(none)).now_or_never().is_some());
    let none: Vec<Message> = Vec::new();
    assert!(consumer.receive(ready(none)).now_or_never().is_some());
    let never = consumer.receive(pending::<Message>());
    assert!(never.now_or_never().is_none());
    assert_eq!(spans.ended(), []);
    assert_eq!(meter.series(OPERATION), []);
    assert_eq!(meter.series(CONSUMED), []);
}

#[test]
fn an_error_marks_the_span_and_its_metric() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let info = ConsumerInfo::new()
        .with_group("billing")
        .with_queue("bills");
    let consumer = by.consumer(info);
    let failed: Result<Message, io::Error> = Err(io::Error::other("no broker"));
    let received = consumer.receive(ready(failed)).now_or_never();
    assert!(matches!(received, Some(Err(_))));
    let span = spans.only();
    assert_eq!(span.name, "receive bills");
    assert_eq!(span.status, Status::error("no broker"));
    let error = attribute(&span, "error.type");
    assert_eq!(error, Some("std::io::error::Error".into()));
    let series = meter.only(OPERATION);
    assert_eq!(series.attributes["error.type"], "std::io::error::Error");
    assert_eq!(
        series.attributes["messaging.consumer.group.name"],
        "billing"
    );
    assert_eq!(meter.series(CONSUMED), []);
}

struct Numbered(&'static str);

impl otel_messaging::adapter::Describe<otel_messaging::adapter::TextMap> for Numbered {
    type Client = crate::message::TestClient;

    fn destination(&self) -> otel_messaging::adapter::Destination<'_> {
        otel_messaging::adapter::Destination::named(self.0)
    }
}

impl otel_messaging::Received<otel_messaging::adapter::TextMap> for Numbered {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        None
    }
}

/// As of a subscription with a wildcard.
#[test]
fn a_list_has_the_template_of_its_messages() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider);
    let by = by.with_destination_template("orders.{id}").build();
    let consumer = by.consumer(ConsumerInfo::new());
    let polled = vec![Numbered("orders.7"), Numbered("orders.8")];
    assert!(consumer.receive(ready(polled)).now_or_never().is_some());
    let span = spans.only();
    assert_eq!(span.name, "receive orders.{id}");
    assert_eq!(attribute(&span, "messaging.destination.name"), None);
    let template = "messaging.destination.template";
    assert_eq!(attribute(&span, template), Some("orders.{id}".into()));
    assert_eq!(meter.only(CONSUMED).attributes[template], "orders.{id}");
}

/// As a batch that ends early.
#[test]
fn messages_beside_an_error_are_consumed_without_it() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let consumer = by.consumer(ConsumerInfo::new().with_queue("billing"));
    let polled = vec![Ok(message()), Err(io::Error::other("no broker"))];
    assert!(consumer.receive(ready(polled)).now_or_never().is_some());
    let consumed = meter.only(CONSUMED);
    assert_eq!(consumed.count, 1);
    assert!(!consumed.attributes.contains_key("error.type"));
    assert!(meter.only(OPERATION).attributes.contains_key("error.type"));
    assert_eq!(spans.only().status, Status::error("no broker"));
}

/// The time that the poll took, and not the time that its span was made in.
#[test]
fn it_lasts_as_long_as_the_poll() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let consumer = by.consumer(ConsumerInfo::new());
    let mut polled = 0;
    let slow = std::future::poll_fn(|_| {
        polled += 1;
        if polled == 1 {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(message())
    });
    let mut receiving = Box::pin(consumer.receive(slow));
    assert!(receiving.as_mut().now_or_never().is_none());
    let between = std::time::SystemTime::now();
    assert!(receiving.as_mut().now_or_never().is_some());
    let span = spans.only();
    assert!(span.start_time <= between && between <= span.end_time);
    let lasted = span.end_time.duration_since(span.start_time);
    let measured = meter.only(OPERATION).seconds;
    let lasted = lasted.expect("an end after the start").as_secs_f64();
    assert!((lasted - measured).abs() < 1e-9, "{lasted} {measured}");
}

#[test]
fn where_telemetry_is_off_a_poll_is_only_awaited() {
    let consumer = Instrumentation::disabled().consumer(ConsumerInfo::new());
    let received = consumer.receive(ready(message())).now_or_never();
    assert!(received.is_some());
    drop(consumer.process(&message()));
}
