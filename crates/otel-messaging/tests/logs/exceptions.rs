//! The events of failures, operation by operation.

use crate::cases::{CASES, ORDERS, refuse};
use crate::message::{Sent, TRACEPARENT, message};
use crate::mode::modes;
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::logs::{AnyValue, Severity};
use opentelemetry::trace::{SpanContext, Status, TraceContextExt};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use otel_messaging::adapter::{Destination, semconv};
use otel_messaging::consumer::MessageSpan;
use otel_messaging::{Instrumentation, current_context};
use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime};

/// By which a program records failures.
struct Program {
    by: Instrumentation,
    spans: InMemorySpanExporter,
    loggers: SdkLoggerProvider,
    logs: InMemoryLogExporter,
}

/// With this sampler, or without a tracer provider.
fn program(sampler: Option<Sampler>) -> Program {
    let spans = InMemorySpanExporter::default();
    let logs = InMemoryLogExporter::default();
    let loggers = SdkLoggerProvider::builder()
        .with_simple_exporter(logs.clone())
        .build();
    let by = Instrumentation::builder().with_exception_events(&loggers);
    let by = match sampler {
        None => by,
        Some(sampler) => by.with_tracer_provider(
            &SdkTracerProvider::builder()
                .with_simple_exporter(spans.clone())
                .with_sampler(sampler)
                .build(),
        ),
    };
    Program {
        by: by.build(),
        spans,
        loggers,
        logs,
    }
}

impl Program {
    fn events(&self) -> Vec<SdkLogRecord> {
        let emitted = self.logs.get_emitted_logs().expect("in memory");
        let records = emitted.into_iter().map(|it| {
            let scope = &it.instrumentation;
            assert_eq!(scope.name(), "otel-messaging-test");
            assert_eq!(scope.version(), Some("1.2.3"));
            assert_eq!(scope.schema_url(), Some(semconv::SCHEMA_URL));
            it.record
        });
        records.collect()
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("in memory")
    }
}

fn attribute(event: &SdkLogRecord, key: &str) -> String {
    let mut values = event.attributes_iter().filter(|(it, _)| it.as_str() == key);
    let value = values.next().map(|(_, value)| value.clone());
    assert!(values.next().is_none(), "{key} stands once: {event:?}");
    match value {
        None => String::new(),
        Some(AnyValue::String(text)) => text.to_string(),
        Some(other) => panic!("{key} is {other:?}"),
    }
}

fn shown(event: &SdkLogRecord) -> [String; 6] {
    let severity = event.severity_number().expect("a severity");
    assert_eq!(event.severity_text(), Some(severity.name()));
    assert!(matches!(severity, Severity::Warn | Severity::Error));
    assert_eq!(attribute(event, "messaging.system.name"), "test");
    let age = SystemTime::now().duration_since(event.timestamp().expect("a time"));
    assert!(age.is_ok_and(|age| age < Duration::from_secs(600)));
    [
        event.event_name().expect("a name").to_owned(),
        severity.name().to_owned(),
        attribute(event, "exception.type"),
        attribute(event, "exception.message"),
        attribute(event, "messaging.operation.name"),
        attribute(event, "messaging.destination.name"),
    ]
}

/// The ids that an event names.
fn named(event: &SdkLogRecord) -> String {
    let named = event.trace_context().expect("a trace");
    format!("{:032x}-{:016x}", named.trace_id, named.span_id)
}

fn ids(span: &SpanContext) -> String {
    format!("{:032x}-{:016x}", span.trace_id(), span.span_id())
}

#[test]
fn each_failure_has_one_event() {
    let samplers = [Some(Sampler::AlwaysOn), Some(Sampler::AlwaysOff), None];
    for (name, work, expected) in CASES {
        for sampler in &samplers {
            let program = program(sampler.clone());
            work(&program.by);
            let events: Vec<_> = program.events().iter().map(shown).collect();
            assert_eq!(events, expected, "{name} {sampler:?}");
        }
    }
}

/// And says the same as the span.
#[test]
fn an_event_is_of_the_span_that_failed() {
    for (name, work, expected) in CASES {
        let program = program(Some(Sampler::AlwaysOn));
        work(&program.by);
        let ended = program.spans();
        let failed: Vec<_> = ended
            .iter()
            .filter(|span| matches!(span.status, Status::Error { .. }))
            .collect();
        assert_eq!(failed.is_empty(), expected.is_empty(), "{name}");
        for event in program.events() {
            if name.contains("messages of a batch") {
                continue;
            }
            let [failed] = *failed else {
                panic!("{name}: {failed:?}");
            };
            assert_eq!(named(&event), ids(&failed.span_context), "{name}");
            let description = attribute(&event, "exception.message").into();
            assert_eq!(failed.status, Status::Error { description }, "{name}");
            let mut of_span = failed.attributes.iter();
            let error_type = of_span.find(|it| it.key.as_str() == "error.type");
            let error_type = error_type.expect("error.type").value.to_string();
            assert_eq!(attribute(&event, "exception.type"), error_type, "{name}");
        }
    }
}

/// A message of a batch has no span of its own to send or to handle it.
#[test]
fn an_event_of_a_batch_is_in_the_context_of_its_message() {
    let of = |name: &str| {
        let program = program(Some(Sampler::AlwaysOn));
        let case = CASES.iter().find(|(it, ..)| it.starts_with(name));
        case.expect(name).1(&program.by);
        program
    };
    for event in of("two messages of a batch, and").events() {
        assert_eq!(named(&event), TRACEPARENT[3..52]);
    }
    let sent = of("two messages of a batch that");
    let spans = sent.spans();
    let created: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "create orders")
        .map(|span| ids(&span.span_context))
        .collect();
    let events: Vec<_> = sent.events().iter().map(named).collect();
    assert_eq!(created.len(), 3);
    assert_eq!(events, [created[0].as_str(), created[2].as_str()]);
}

/// The event of an unsampled span carries the span's ids. The event of a message without a span carries the ids
/// of the sender's span.
#[test]
fn an_event_has_ids_where_no_span_is_recorded() {
    let (_, work, _) = CASES[0];
    for sampler in [Some(Sampler::AlwaysOff), None] {
        let program = program(sampler.clone());
        work(&program.by);
        let events = program.events();
        let event = named(&events[0]);
        assert_eq!(event[..32], TRACEPARENT[3..35]);
        assert_eq!(event == TRACEPARENT[3..52], sampler.is_none());
        let flags = events[0].trace_context().expect("a trace").trace_flags;
        assert_eq!(flags.is_some_and(|it| it.is_sampled()), sampler.is_none());
    }
    let program = program(None);
    refuse(program.by.outgoing("publish", &ORDERS));
    assert_eq!(program.events()[0].trace_context(), None);
}

#[test]
fn the_template_of_a_destination_is_there_too() {
    let program = program(None);
    let by = program.by.to_builder();
    let by = by.with_destination_template("orders.{id}").build();
    refuse(by.outgoing("publish", &Sent(Destination::named("orders.7"))));
    let events = program.events();
    let key = "messaging.destination.template";
    assert_eq!(attribute(&events[0], key), "orders.{id}");
}

#[test]
fn there_is_no_event_where_telemetry_is_off() {
    for (name, work, _) in CASES {
        let program = program(Some(Sampler::AlwaysOn));
        let suppressed = Context::enter_telemetry_suppressed_scope();
        work(&program.by);
        drop(suppressed);
        let off = Instrumentation::disabled().to_builder();
        work(&off.with_exception_events(&program.loggers).build());
        assert!(program.events().is_empty(), "{name}");
        assert!(program.spans().is_empty(), "{name}");
    }
}

/// What the application does while it suppresses telemetry is not logged, also inside a message's span.
#[test]
fn there_is_no_event_while_telemetry_is_suppressed() {
    let program = program(Some(Sampler::AlwaysOn));
    let span = program.by.process(&message());
    let suppressed = Context::enter_telemetry_suppressed_scope();
    span.fail("article", "no such article");
    drop(suppressed);
    drop(span);
    assert!(program.events().is_empty());
    assert_eq!(program.spans().len(), 1);
}

/// An error's text may be long, and later failures are ignored.
#[test]
fn the_text_of_a_later_failure_is_not_made() {
    struct Counted<'a>(&'a Cell<u32>);

    impl fmt::Display for Counted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            f.write_str("no such article")
        }
    }

    let program = program(Some(Sampler::AlwaysOn));
    let (first, later) = (Cell::new(0), Cell::new(0));
    let fail_twice = |span: &MessageSpan| {
        span.fail("article", Counted(&first));
        span.fail("other", Counted(&later));
    };
    fail_twice(&program.by.process(&message()));

    let (batch, messages) = program.by.process_batch([message()]);
    for message in messages {
        fail_twice(&message.into_parts().1);
    }
    batch.fail("other", Counted(&later));
    drop(batch);

    fail_twice(&program.by.process_batch([message()]).0);
    assert_eq!((first.get(), later.get()), (3, 0));
    let events = program.events();
    let types: Vec<_> = events
        .iter()
        .map(|it| attribute(it, "exception.type"))
        .collect();
    assert_eq!(types, ["article"; 3]);
}

/// Whoever makes the spans: OpenTelemetry, or a layer of `tracing`.
#[test]
fn an_event_is_in_the_messages_trace_in_every_setup() {
    for mode in modes() {
        let (ran, program) = (mode.begin(), program(None));
        let by = ran.by.to_builder();
        let by = by.with_exception_events(&program.loggers).build();
        let message = message();
        let current = Cell::new(None);
        let handling = by.try_with_message_context(&message, async |_| {
            let context = current_context();
            current.set(Some(ids(context.span().span_context())));
            Err::<u8, _>("no such article")
        });
        assert!(handling.now_or_never().is_some());
        let events = program.events();
        let [event] = &*events else {
            panic!("{mode:?}: {events:?}");
        };
        assert_eq!(Some(named(event)), current.take(), "{mode:?}");
        let is_sampled = mode.is_sampled || !mode.has_spans();
        let flags = event.trace_context().expect("a trace").trace_flags;
        let is_marked = flags.is_some_and(|it| it.is_sampled());
        assert_eq!(is_marked, is_sampled, "{mode:?}");
    }
}
