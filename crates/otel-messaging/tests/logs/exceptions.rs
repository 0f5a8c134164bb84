//! The events of failures, operation by operation.

use crate::message::{Message, NOWHERE, Sent, TRACEPARENT, message};
use crate::mode::modes;
use crate::settled::refused_delivery;
use futures_util::FutureExt;
use opentelemetry::logs::Severity;
use opentelemetry::trace::{SpanContext, Status, TraceContextExt};
use opentelemetry::{Context, logs::AnyValue};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use otel_messaging::adapter::{Destination, Outcome, Sender, semconv};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::producer::ProducerInfo;
use otel_messaging::{Failure, Instrumentation, current_context};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

/// What an event says, in the order of [`shown`].
type Said = [&'static str; 6];

/// The name of an operation; what is done; and the events that come of it.
type Case = (&'static str, fn(&Instrumentation), &'static [Said]);

const ORDERS: Sent = Sent(Destination::named("orders"));

const PROCESS: Said = [
    "messaging.process.exception",
    "ERROR",
    "&str",
    "no such article",
    "process",
    "orders",
];

const SEND: Said = [
    "messaging.send.exception",
    "WARN",
    "NO_ROUTE",
    "no such queue",
    "publish",
    "orders",
];

const CASES: [Case; 14] = [
    (
        "a handler that fails",
        |by| {
            let message = message();
            let handling = by.try_with_message_context(&message, failing);
            assert_eq!(handling.now_or_never(), Some(Err("no such article")));
        },
        &[PROCESS],
    ),
    (
        "a handler of which the application names the failure",
        |by| {
            let message = message();
            let failure_of = |error: &&str| Some(Failure::new("article", error));
            let handling = by.try_with_message_context_with(&message, failing, failure_of);
            assert!(handling.now_or_never().is_some());
        },
        &[[
            PROCESS[0], PROCESS[1], "article", PROCESS[3], PROCESS[4], PROCESS[5],
        ]],
    ),
    (
        "an error that was expected",
        |by| {
            let message = message();
            let handling = by.try_with_message_context_with(&message, failing, |_| None);
            assert!(handling.now_or_never().is_some());
        },
        &[],
    ),
    (
        "a handler that does not fail",
        |by| {
            let message = message();
            let handling = by.try_with_message_context(&message, async |_| Ok::<_, String>(7));
            assert_eq!(handling.now_or_never(), Some(Ok(7)));
        },
        &[],
    ),
    (
        "a handler that panics",
        |by| {
            let message = message();
            let handling = by.with_message_context(&message, async |_| panic!("in the handler"));
            let handled: Result<Option<()>, _> =
                catch_unwind(AssertUnwindSafe(|| handling.now_or_never()));
            assert!(handled.is_err());
        },
        &[[
            PROCESS[0],
            PROCESS[1],
            "panic",
            "the handler panicked",
            PROCESS[4],
            PROCESS[5],
        ]],
    ),
    (
        "a synchronous handler that fails twice",
        |by| {
            let entered = by.process(&message()).enter();
            entered.fail("&str", "no such\narticle");
            entered.fail("other", "and no other");
        },
        &[PROCESS],
    ),
    (
        "a hook that fails too",
        |by| {
            let message = message();
            let handling = by.try_with_message_context(&message, failing);
            let handling = handling.on_error(async |_| Err::<u8, _>("not put aside"));
            assert_eq!(handling.now_or_never(), Some(Err("not put aside")));
        },
        &[PROCESS],
    ),
    (
        "a message that is not sent",
        |by| refuse(by.outgoing("publish", &ORDERS)),
        &[SEND],
    ),
    (
        "a message to nowhere that is not sent, and one that is",
        |by| {
            refuse(by.outgoing("publish", &NOWHERE));
            by.outgoing("publish", &ORDERS).finish(Outcome::accepted());
        },
        &[[SEND[0], SEND[1], SEND[2], SEND[3], SEND[4], ""]],
    ),
    (
        "two messages of a batch that are not sent",
        |by| {
            let mut sender = Sender::default();
            sender.set_instrumentation(by.clone());
            let batch = sender.batch::<crate::message::TestClient>("publish", &ProducerInfo::new());
            refuse(batch.outgoing("publish", &ORDERS));
            let sent = batch.outgoing("publish", &ORDERS);
            sent.finish(Outcome::accepted());
            refuse(batch.outgoing("publish", &ORDERS));
        },
        &[SEND, SEND],
    ),
    (
        "a poll that fails",
        |by| {
            let consumer = by.consumer(ConsumerInfo::new());
            let poll = async { Err::<Message, _>("the broker is gone".to_owned()) };
            assert!(consumer.receive(poll).now_or_never().is_some());
        },
        &[[
            "messaging.receive.exception",
            "WARN",
            "alloc::string::String",
            "the broker is gone",
            "receive",
            "",
        ]],
    ),
    (
        "a settlement that fails",
        |by| {
            let delivery = refused_delivery();
            let settled = by.with_settlement(&delivery, async |_| Ok::<_, String>(7));
            let refused = Err("the channel is closed".to_owned());
            assert_eq!(settled.now_or_never(), Some(refused));
        },
        &[[
            "messaging.settle.exception",
            "WARN",
            "alloc::string::String",
            "the channel is closed",
            "ack",
            "orders",
        ]],
    ),
    (
        "two messages of a batch, and with them the batch",
        |by| {
            let messages = [message(), message(), message()];
            let handling = by.try_with_batch_context(&messages, async |batch| {
                let mut last = Ok(0);
                for (number, message) in batch.into_iter().enumerate() {
                    let handled = match number {
                        0 => message.try_run(async |_| Ok(0)).await,
                        _ => message.try_run(failing).await,
                    };
                    last = last.and(handled);
                }
                last
            });
            assert_eq!(handling.now_or_never(), Some(Err("no such article")));
        },
        &[PROCESS, PROCESS],
    ),
    (
        "a batch as a whole",
        |by| {
            let messages = [message(), message()];
            let handling =
                by.try_with_batch_context(&messages, async |_| Err::<u8, _>("no such article"));
            assert!(handling.now_or_never().is_some());
        },
        &[PROCESS],
    ),
];

async fn failing(_: &Message) -> Result<u8, &'static str> {
    Err("no such article")
}

fn refuse(sending: otel_messaging::adapter::Outgoing) {
    sending.finish(Outcome::failed("NO_ROUTE", &"no such\nqueue"));
}

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

/// An unsampled span's event carries its ids, and a message without a span those of its sender.
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
