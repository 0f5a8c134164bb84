//! Programs that turn telemetry off by the environment (OpenTelemetry specification, "General SDK
//! Configuration"). One test, which starts itself with the variable set: a process reads it once.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{Message, NOWHERE, TRACEPARENT, message, spans};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use otel_messaging::adapter::{Destination, Outcome, Relay};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::Finding;
use otel_messaging::{Instrumentation, try_with_message_context};
use std::collections::BTreeMap;
use std::process::Command;
use std::{env, iter};

const VARIABLE: &str = "OTEL_SDK_DISABLED";
/// Says what the process that was started has to find.
const EXPECTED: &str = "OTEL_MESSAGING_TEST_EXPECTED";

/// Values other than `true` turn nothing off.
const VALUES: [(Option<&str>, &str); 7] = [
    (Some("true"), "off"),
    (Some("TRUE"), "off"),
    (Some("True"), "off"),
    (Some("false"), "on"),
    (Some("1"), "on"),
    (Some(""), "on"),
    (None, "on"),
];

#[test]
fn spans_are_off_and_contexts_still_propagate() {
    match env::var(EXPECTED).as_deref() {
        Ok("off") => work(false),
        Ok(_) => work(true),
        Err(_) => {
            for (value, expected) in VALUES {
                let mut command = Command::new(env::current_exe().expect("this program"));
                command
                    .args(["--exact", "spans_are_off_and_contexts_still_propagate"])
                    .env(EXPECTED, expected)
                    .env_remove(VARIABLE)
                    .envs(iter::zip([VARIABLE], value));
                let output = command.output().expect("a process");
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success(), "{value:?} {expected}: {said}");
                assert!(said.contains("1 passed"), "{value:?}: {said}");
            }
        }
    }
}

/// Sends and handles by the global provider, by a given one and by a consumer's handle.
fn work(has_spans: bool) {
    let (of_global, given) = (spans(), spans());
    global::set_tracer_provider(of_global.provider.clone());
    for by in [&Instrumentation::default(), &given.instrumentation] {
        let is_said = by.self_check().contains(&Finding::SdkDisabled);
        assert_eq!(is_said, !has_spans);
        handle(by, has_spans);
        send(by, has_spans);
    }
    let consumer = given.instrumentation.consumer(ConsumerInfo::new());
    drop(consumer.process(&message()));
    #[cfg(feature = "logs")]
    log_a_failure(has_spans);
    let message = message();
    let failing = async |_: &Message| Err::<(), _>("no such article");
    let handled = try_with_message_context(&message, failing);
    assert!(futures_util::FutureExt::now_or_never(handled).is_some());
    #[cfg(feature = "tracing")]
    under_a_layer(has_spans);

    assert_eq!(of_global.ended().len(), if has_spans { 5 } else { 0 });
    assert_eq!(given.ended().len(), if has_spans { 5 } else { 0 });
}

/// The failure of a message is logged if telemetry is on.
#[cfg(feature = "logs")]
fn log_a_failure(is_logged: bool) {
    use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};

    let exporter = InMemoryLogExporter::default();
    let provider = SdkLoggerProvider::builder().with_simple_exporter(exporter.clone());
    let by = Instrumentation::builder().with_exception_events(&provider.build());
    let by = by.with_tracer_provider(&spans().provider).build();
    by.process(&message()).fail("article", "no such article");
    let logged = exporter.get_emitted_logs().expect("in memory");
    assert_eq!(logged.len(), usize::from(is_logged));
}

/// The sender's context is current in the handler, and goes out from it.
fn handle(by: &Instrumentation, has_span: bool) {
    let entered = by.process(&message()).enter();
    let current = Context::map_current(|context| context.span().span_context().clone());
    assert_eq!(current.trace_id().to_string(), TRACEPARENT[3..35]);
    assert_eq!(current.is_remote(), !has_span);
    let mut headers = BTreeMap::new();
    let outgoing = by.outgoing("send", &NOWHERE);
    outgoing.inject(&mut headers, None);
    outgoing.finish(Outcome::failed("refused", &"no such topic"));
    if has_span {
        assert_eq!(headers["traceparent"][..36], TRACEPARENT[..36]);
        assert_ne!(headers["traceparent"], TRACEPARENT);
    } else {
        assert_eq!(headers["traceparent"], TRACEPARENT);
    }
    entered.fail("refused", "no such topic");
}

/// What is current goes out; what is forwarded keeps what it has.
fn send(by: &Instrumentation, has_span: bool) {
    let other = TRACEPARENT.replace('a', "b");
    let received = BTreeMap::from([("traceparent".to_owned(), other.clone())]);
    let _attached = by.extract(&received).attach();
    for (relay, expected) in [(Relay::Forward, TRACEPARENT), (Relay::Republish, &other)] {
        let mut headers = message().headers;
        let outgoing = by.relay(
            relay,
            Destination::unknown(),
            "send",
            &NOWHERE,
            &mut headers,
            None,
        );
        outgoing.inject(&mut headers, None);
        assert_eq!(headers["traceparent"][..36], expected[..36]);
        let is_kept = !has_span || matches!(relay, Relay::Forward);
        assert_eq!(headers["traceparent"] == expected, is_kept, "{relay:?}");
    }
}

/// Spans of `tracing` are the application's; those of messages are off.
#[cfg(feature = "tracing")]
fn under_a_layer(has_spans: bool) {
    use opentelemetry::trace::TracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    let of_layer = spans();
    let layer = tracing_opentelemetry::layer().with_tracer(of_layer.provider.tracer("application"));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let _entered = otel_messaging::process(&message()).enter();
        tracing::info_span!("work").in_scope(|| {
            drop(Instrumentation::global().outgoing("send", &NOWHERE));
        });
    });
    let ended = of_layer.ended();
    let names: Vec<_> = ended.iter().map(|span| &*span.name).collect();
    let expected: &[&str] = if has_spans {
        &["send", "work", "process orders"]
    } else {
        &["work"]
    };
    assert_eq!(names, expected);
    for span in &ended {
        let trace_id = span.span_context.trace_id().to_string();
        assert_eq!(trace_id, TRACEPARENT[3..35], "{}", span.name);
    }
}
