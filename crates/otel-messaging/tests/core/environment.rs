//! The environment of the processes that are started, and that of this one.

use crate::message::{TRACEPARENT, message};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut};
use otel_messaging::propagation::Environment;
use otel_messaging::{Instrumentation, extract, inject};
use proptest::prelude::*;
use std::env;
use std::ffi::OsStr;
use std::process::Command;
use std::sync::LazyLock;

/// What the child of a test of this file has to do.
const TASK: &str = "OTEL_MESSAGING_ENVIRONMENT_TASK";

fn command() -> Command {
    Command::new(env::current_exe().expect("this program"))
}

/// The variables that are set (`Some`) or removed (`None`) for the process to start.
fn variables(command: &Command) -> Vec<(&str, Option<&str>)> {
    let all = command.get_envs();
    all.map(|(name, value)| {
        let value = value.map(|value| value.to_str().expect("text"));
        (name.to_str().expect("text"), value)
    })
    .collect()
}

/// A sender with tracestate and baggage.
fn sender() -> Context {
    let mut headers = message().headers;
    headers.insert("tracestate".to_owned(), "x=1,y=2".to_owned());
    headers.insert("baggage".to_owned(), "tenant=acme%20corp".to_owned());
    extract(&headers)
}

#[test]
fn a_context_is_written_into_variables() {
    let mut command = command();
    inject(&sender(), &mut command);
    let expected = [
        ("BAGGAGE", Some("tenant=acme%20corp")),
        ("TRACEPARENT", Some(TRACEPARENT)),
        ("TRACESTATE", Some("x=1,y=2")),
    ];
    assert_eq!(variables(&command), expected);
}

#[test]
fn what_would_be_inherited_is_removed() {
    let mut command = command();
    inject(&extract(&message().headers), &mut command);
    let expected = [
        ("BAGGAGE", None),
        ("TRACEPARENT", Some(TRACEPARENT)),
        ("TRACESTATE", None),
    ];
    assert_eq!(variables(&command), expected);

    inject(&Context::new(), &mut command);
    let expected = ["BAGGAGE", "TRACEPARENT", "TRACESTATE"].map(|name| (name, None));
    assert_eq!(variables(&command), expected);
}

#[test]
fn the_callers_variables_stay() {
    let mut command = command();
    command
        .env_clear()
        .env("ORDER", "7")
        .env("Traceparent", "mine")
        .env("BAGGAGE", "old=1")
        .env("TRACESTATE", "old=1");
    inject(&extract(&message().headers), &mut command);
    // Nothing to remove where nothing is inherited.
    let expected = [
        ("ORDER", Some("7")),
        ("TRACEPARENT", Some(TRACEPARENT)),
        ("Traceparent", Some("mine")),
    ];
    assert_eq!(variables(&command), expected);
}

#[test]
fn names_have_no_spellings() {
    let mut command = command();
    command.env("traceparent", TRACEPARENT);
    assert_eq!(Carrier::get(&command, "traceparent"), None);
    assert!(!extract(&command).span().span_context().is_valid());
    command.env("TRACEPARENT", TRACEPARENT).env_remove("ORDER");
    assert_eq!(Carrier::get(&command, "Traceparent"), Some(TRACEPARENT));
    assert!(extract(&command).span().span_context().is_valid());
    let keys: Vec<_> = Carrier::keys(&command).collect();
    assert_eq!(keys, ["TRACEPARENT"]);
}

#[test]
fn suppressed_telemetry_leaves_the_command_as_it_is() {
    let mut command = command();
    command.env("TRACEPARENT", "old");
    inject(&sender().with_telemetry_suppressed(), &mut command);
    assert_eq!(variables(&command), [("TRACEPARENT", Some("old"))]);
}

#[test]
fn what_would_keep_a_process_from_starting_is_refused() {
    let mut command = command();
    command.arg("--list").env("ORDER", "old");
    let longest = "x".repeat(32_767 - "ORDER=".len());
    assert_eq!(command.set("order", (*longest).into()), Ok(()));
    let refused = Err(CarrierError::InvalidValue);
    for value in [format!("{longest}x"), "a\0b".to_owned()] {
        assert_eq!(command.set("order", value.into()), refused);
        assert_eq!(variables(&command), [("ORDER", None)]);
    }
    // A NUL in a name has become a `_`.
    assert_eq!(command.set("a\0=b", "7".into()), Ok(()));
    let expected = [("A__B", Some("7")), ("ORDER", None)];
    assert_eq!(variables(&command), expected);
    let output = command.output().expect("a process");
    assert!(output.status.success());
}

#[test]
fn the_budget_of_a_message_holds() {
    let members = (0..3).map(|key| KeyValue::new(format!("key-{key}"), "x".repeat(2_700)));
    let context = extract(&message().headers).with_baggage(members);
    let mut command = command();
    Instrumentation::builder()
        .with_injection_budget(3_000)
        .build()
        .inject(&context, &mut command);
    let baggage = Carrier::get(&command, "baggage").expect("some of it");
    assert_eq!(baggage, format!("key-0={}", "x".repeat(2_700)));
    assert_eq!(Carrier::get(&command, "traceparent"), Some(TRACEPARENT));
}

/// B3 with several headers, on the way out; on the way in with one, too, which it does not declare.
#[derive(Debug)]
struct B3;

static B3_FIELDS: LazyLock<[String; 3]> =
    LazyLock::new(|| ["x-b3-traceid", "x-b3-spanid", "3b"].map(str::to_owned));

impl TextMapPropagator for B3 {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            injector.set("x-b3-traceid", span.trace_id().to_string());
            injector.set("x-b3-spanid", span.span_id().to_string());
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let single = extractor.get("b3").and_then(|ids| ids.split_once('-'));
        let several = || {
            extractor
                .get("x-b3-traceid")
                .zip(extractor.get("x-b3-spanid"))
        };
        let Some((trace, span)) = single.or_else(several) else {
            return context.clone();
        };
        let ids = TraceId::from_hex(trace)
            .ok()
            .zip(SpanId::from_hex(span).ok());
        let Some((trace, span)) = ids else {
            return context.clone();
        };
        let flags = TraceFlags::SAMPLED;
        let span = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        context.with_remote_span_context(span)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(B3_FIELDS.as_slice())
    }
}

#[test]
fn the_fields_of_other_propagators_have_normalised_names() {
    let b3 = Instrumentation::builder().with_propagator(B3).build();
    let mut command = command();
    command.env("TRACEPARENT", "mine");
    b3.inject(&sender(), &mut command);
    let expected = [
        ("TRACEPARENT", Some("mine")),
        ("X_B3_SPANID", Some("b7ad6b7169203331")),
        ("X_B3_TRACEID", Some("0af7651916cd43dd8448eb211c80319c")),
        ("_3B", None),
    ];
    assert_eq!(variables(&command), expected);
    let found = b3.extract(&command);
    let found = found.span();
    assert_eq!(
        found.span_context().trace_id(),
        sender().span().span_context().trace_id()
    );

    b3.inject(&Context::new(), &mut command);
    let removed = ["X_B3_SPANID", "X_B3_TRACEID", "_3B"].map(|name| (name, None));
    assert_eq!(variables(&command)[1..], removed);
}

/// The rules of the specification, once more, over bytes.
fn normalised(field: &str) -> String {
    let mut name: Vec<u8> = Vec::new();
    for character in field.to_ascii_uppercase().chars() {
        name.push(match u8::try_from(character) {
            Ok(byte) if byte.is_ascii_alphanumeric() => byte,
            _ => b'_',
        });
    }
    if name.first().is_none_or(u8::is_ascii_digit) {
        name.insert(0, b'_');
    }
    String::from_utf8(name).expect("ASCII")
}

proptest! {
    #[test]
    fn any_field_has_a_normalised_name(field in any::<String>(), value in "[^\0]*") {
        let mut command = command();
        prop_assert_eq!(command.set(&field, (*value).into()), Ok(()));
        let name = normalised(&field);
        prop_assert_eq!(variables(&command), [(&*name, Some(&*value))]);
        prop_assert_eq!(Carrier::get(&command, &field), Some(&*value));
        prop_assert_eq!(Carrier::keys(&command).collect::<Vec<_>>(), [&*name]);
        // A name that is normalised stays.
        prop_assert_eq!(command.set(&name, "again".into()), Ok(()));
        prop_assert_eq!(variables(&command), [(&*name, Some("again"))]);
        command.remove(&[&field]);
        prop_assert_eq!(variables(&command), [(&*name, None)]);
    }

    #[test]
    fn fields_like_those_of_propagators_have_too(field in "[0-9]?[a-zA-Z0-9_.-]{0,12}") {
        let mut command = command();
        prop_assert_eq!(command.set(&field, "7".into()), Ok(()));
        prop_assert_eq!(variables(&command), [(&*normalised(&field), Some("7"))]);
    }
}

/// Runs a test of this file in a process of its own, in which it finds its task in the environment.
fn in_a_child(test: &str, prepare: impl FnOnce(&mut Command)) {
    let mut child = command();
    child.args(["--exact", &format!("environment::{test}"), "--nocapture"]);
    prepare(&mut child);
    // Last: without it, the child would start a child.
    child.env(TASK, test);
    let output = child.output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "{said}{errors}");
}

fn is_child() -> bool {
    env::var_os(TASK).is_some()
}

#[test]
fn a_process_reads_what_it_was_started_with() {
    if !is_child() {
        return in_a_child("a_process_reads_what_it_was_started_with", |child| {
            inject(&sender(), child);
        });
    }
    let context = extract(&Environment::of_process());
    let span = context.span();
    let span = span.span_context();
    assert_eq!(span, sender().span().span_context());
    assert!(span.is_remote());
    let tenant = context.baggage().get("tenant").map(ToString::to_string);
    assert_eq!(tenant.as_deref(), Some("acme corp"));
    // And leaves it as it is.
    assert_eq!(env::var("TRACEPARENT").as_deref(), Ok(TRACEPARENT));
}

#[test]
fn a_process_reads_what_its_propagator_asks_for() {
    if !is_child() {
        return in_a_child("a_process_reads_what_its_propagator_asks_for", |child| {
            child.env("B3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331");
        });
    }
    let b3 = Instrumentation::builder().with_propagator(B3).build();
    let context = b3.extract(&Environment::of_process());
    assert_eq!(
        context.span().span_context(),
        extract(&message().headers).span().span_context()
    );
}

#[cfg(unix)]
#[test]
fn a_hostile_environment_is_survived() {
    use std::os::unix::ffi::OsStrExt;
    if !is_child() {
        return in_a_child("a_hostile_environment_is_survived", |child| {
            child
                .env_clear()
                .env("TRACEPARENT", OsStr::from_bytes(b"00-\xff"))
                .env("traceparent", TRACEPARENT)
                .env("TRACESTATE", "")
                .env("BAGGAGE", "tenant=acme,%,\u{fc}")
                .env(OsStr::from_bytes(b"\xff"), "7")
                .env("PASSWORD", "hunter2")
                .env("order", "7")
                .env("9LIVES", "7");
        });
    }
    let environment = Environment::of_process();
    let context = extract(&environment);
    assert!(!context.span().span_context().is_valid());
    assert_eq!(context.baggage().len(), 1);
    assert_eq!(environment.get("traceparent"), None);
    assert_eq!(environment.get("tracestate"), Some(""));
    assert_eq!(environment.get("PASSWORD"), Some("hunter2"));
    assert_eq!(format!("{environment:?}"), "Environment { .. }");

    let mut keys: Vec<_> = Carrier::keys(&environment).collect();
    keys.sort_unstable();
    let normalised = ["BAGGAGE", TASK, "PASSWORD", "TRACEPARENT", "TRACESTATE"];
    assert_eq!(keys, normalised);
}

#[test]
fn one_reading_serves_several_threads() {
    if !is_child() {
        return in_a_child("one_reading_serves_several_threads", |child| {
            inject(&sender(), child);
        });
    }
    let environment = Environment::of_process();
    std::thread::scope(|scope| {
        let read = || extract(&environment).span().span_context().clone();
        let threads = [0; 4].map(|_| scope.spawn(read));
        for thread in threads {
            let span = thread.join().expect("no panic");
            assert_eq!(&span, sender().span().span_context());
        }
    });
}

/// A propagator that goes by the keys may ask for every variable there is.
#[test]
fn many_names_need_no_deep_stack() {
    let thread = std::thread::Builder::new().stack_size(128 * 1024);
    let asks = || {
        let environment = Environment::of_process();
        for number in 0..5_000 {
            assert_eq!(environment.get(&format!("otel-messaging-{number}")), None);
        }
    };
    let thread = thread.spawn(asks).expect("a thread");
    thread.join().expect("no panic");
}
