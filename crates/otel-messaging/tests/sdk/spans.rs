//! Spans of OpenTelemetry alone.

use crate::message::Sent;
use crate::{message, program, tenant, values};
use futures_util::FutureExt;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use otel_messaging::adapter::{Destination, Outcome};
use otel_messaging::instrumentation::{BaggageAttributes, Relation};
use otel_messaging::{Job, closure_in_context};

#[test]
fn all_that_a_handler_does_has_the_tenant_of_the_message() {
    let program = program(&tenant());
    let (by, tracer) = (program.instrumentation(), program.tracer());
    let received = message("tenant=acme,user=7");
    let handled = by.with_message_context(&received, async |_| {
        tracer.in_span("write invoice", |_| {});
        let outgoing = by.outgoing("publish", &Sent(Destination::named("invoices")));
        outgoing.finish(Outcome::accepted());
        (
            Job::new("label"),
            closure_in_context(|| tracer.start("weigh")),
        )
    });
    let (job, weigh) = handled.now_or_never().expect("at once");
    job.call(|name| drop(tracer.start(name)));
    drop(weigh());
    drop(tracer.start("idle"));
    for name in [
        "process orders",
        "write invoice",
        "publish invoices",
        "label",
        "weigh",
    ] {
        let span = program.span(name);
        assert_eq!(values(&span, "tenant"), ["acme"], "{name}");
        assert!(values(&span, "user").is_empty(), "{name}");
    }
    assert!(values(&program.span("idle"), "tenant").is_empty());
}

#[test]
fn a_credential_is_on_no_span() {
    let program = program(&tenant());
    // Put together here, so that no scanner of sources takes it for a real one.
    let secret = ["ghp", "0123456789abcdefABCD0123456789abcdef"].join("_");
    let received = message(&format!("tenant={secret}"));
    drop(program.instrumentation().process(&received));
    assert!(values(&program.span("process orders"), "tenant").is_empty());
}

/// The message's baggage is current in its handler in each relation.
#[test]
fn a_trace_of_its_own_has_the_tenant_too() {
    for relation in [Relation::Link, Relation::ChildOfCurrent] {
        let program = program(&tenant());
        let by = program.instrumentation().to_builder();
        let by = by.with_relation(relation).build();
        program.tracer().in_span("loop", |_| {
            drop(by.process(&message("tenant=acme")));
        });
        assert_eq!(values(&program.span("process orders"), "tenant"), ["acme"]);
        assert!(values(&program.span("loop"), "tenant").is_empty());
    }
}

/// A span gets the baggage of its parent's context, and not of the one that is current.
#[test]
fn a_given_parent_counts() {
    let program = program(&tenant());
    let tracer = program.tracer();
    let with =
        |tenant: &'static str| Context::new().with_baggage([KeyValue::new("tenant", tenant)]);
    let _attached = with("mallory").attach();
    drop(tracer.start_with_context("child", &with("acme")));
    drop(tracer.start_with_context("root", &Context::new()));
    assert_eq!(values(&program.span("child"), "tenant"), ["acme"]);
    assert!(values(&program.span("root"), "tenant").is_empty());
}

#[test]
fn what_a_span_has_at_its_start_stays() {
    let program = program(&BaggageAttributes::new(["tenant", "plan"]));
    let tracer = program.tracer();
    let baggage = [
        KeyValue::new("tenant", "mallory"),
        KeyValue::new("plan", "gold"),
    ];
    let context = Context::new().with_baggage(baggage);
    let own = [KeyValue::new("tenant", "acme")];
    let builder = tracer.span_builder("own").with_attributes(own);
    drop(builder.start_with_context(&tracer, &context));
    let span = program.span("own");
    assert_eq!(values(&span, "tenant"), ["acme"]);
    assert_eq!(values(&span, "plan"), ["gold"]);

    // The SDK replaces nothing.
    let mut span = tracer.start_with_context("later", &context);
    span.set_attribute(KeyValue::new("tenant", "acme"));
    drop(span);
    assert_eq!(
        values(&program.span("later"), "tenant"),
        ["mallory", "acme"]
    );
}

#[test]
fn spans_have_all_values_made_fit_to_be_shown() {
    let program = program(&tenant().with_values_on_metrics(0));
    let tracer = program.tracer();
    let (longest, longer) = ("x".repeat(1024), "x".repeat(1025));
    let cases = [
        ("a", Some("a")),
        ("", Some("")),
        ("a\u{1b}[2J\nb\u{202e}", Some("a\u{fffd}[2J b\u{fffd}")),
        (&longest, Some(&*longest)),
        (&longer, None),
    ];
    for (place, (value, expected)) in cases.into_iter().enumerate() {
        let baggage = [KeyValue::new("tenant", value.to_owned())];
        let context = Context::new().with_baggage(baggage);
        drop(tracer.start_with_context(place.to_string(), &context));
        let found = values(&program.span(&place.to_string()), "tenant");
        assert_eq!(found, Vec::from_iter(expected), "{value:?}");
    }
}

#[test]
fn secrets_and_names_of_messages_are_not_copied() {
    let keys = [
        "session-id",
        "messaging.system.name",
        "error.type",
        "tenant",
    ];
    let program = program(&BaggageAttributes::new(keys));
    let baggage = "session-id=s3cr3t,messaging.system.name=mallory,error.type=mallory,tenant=acme";
    let received = message(baggage);
    let span = program.instrumentation().process(&received);
    assert_eq!(span.context().baggage().len(), 4);
    assert!(span.context().has_active_span());
    drop(span);
    let span = program.span("process orders");
    assert!(values(&span, "session-id").is_empty());
    assert_eq!(values(&span, "messaging.system.name"), ["test"]);
    assert!(values(&span, "error.type").is_empty());
    assert_eq!(values(&span, "tenant"), ["acme"]);
}
