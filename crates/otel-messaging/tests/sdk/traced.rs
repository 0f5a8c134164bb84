//! Spans and events of `tracing`.

use crate::{Program, logged, message, program, tenant, values};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use otel_messaging::{Job, process_batch, with_message_context};
use tracing::subscriber::DefaultGuard;
use tracing::{info, info_span, instrument};
use tracing_subscriber::layer::SubscriberExt;

/// Makes a subscriber with a layer for spans and one for logs the default of this thread.
fn subscribe(program: &Program, activation: bool) -> DefaultGuard {
    let layer = tracing_opentelemetry::layer()
        .with_tracer(program.tracer())
        .with_context_activation(activation);
    let bridge = OpenTelemetryTracingBridge::new(&program.loggers);
    let subscriber = tracing_subscriber::registry().with(layer).with(bridge);
    tracing::subscriber::set_default(subscriber)
}

#[instrument]
async fn write_invoice() {
    info!(target: "application", "written");
    tokio::task::yield_now().await;
    info_span!("add up").in_scope(|| info!(target: "application", "added up"));
}

#[instrument]
fn print_label(_number: u32) {
    info!(target: "application", "printed");
}

/// The tenants of the application's log records.
fn tenants(program: &Program) -> Vec<Vec<String>> {
    let records = program.logs();
    let is_own = |target: &str| target == "application";
    let own = records
        .iter()
        .filter(|it| it.target().is_some_and(|target| is_own(target)));
    own.map(|record| logged(record, "tenant")).collect()
}

#[tokio::test]
async fn all_that_a_handler_does_has_the_tenant_of_the_message() {
    for activation in [true, false] {
        let program = program(&tenant());
        let _subscribed = subscribe(&program, activation);
        let received = message("tenant=acme");
        let job = with_message_context(&received, async |_| {
            write_invoice().await;
            Job::new(7)
        });
        let job = job.await;
        // In the span of a worker's loop.
        info_span!("loop").in_scope(|| job.call(print_label));
        for name in ["process orders", "write_invoice", "add up", "print_label"] {
            assert_eq!(values(&program.span(name), "tenant"), ["acme"], "{name}");
        }
        assert!(values(&program.span("loop"), "tenant").is_empty());
        assert_eq!(tenants(&program), vec![vec!["acme"]; 3]);
    }
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_own() {
    for activation in [true, false] {
        let program = program(&tenant());
        let _subscribed = subscribe(&program, activation);
        let messages = [message("tenant=acme"), message("tenant=globex")];
        let (span, batch) = process_batch(&messages);
        for message in batch {
            message.run(async |_| write_invoice().await).await;
        }
        drop(span);
        let ended = program.spans.get_finished_spans().expect("in memory");
        let found = ended.iter().filter(|span| span.name == "write_invoice");
        let found: Vec<_> = found.map(|span| values(span, "tenant")).collect();
        assert_eq!(found, [["acme"], ["globex"]]);
        assert!(values(&program.span("process orders"), "tenant").is_empty());
        assert_eq!(
            tenants(&program),
            [["acme"], ["acme"], ["globex"], ["globex"]]
        );
    }
}

/// What a field of the span says stays.
#[test]
fn a_field_of_the_span_stays() {
    let program = program(&tenant());
    let _subscribed = subscribe(&program, true);
    let _attached = Context::new()
        .with_baggage([KeyValue::new("tenant", "mallory")])
        .attach();
    info_span!("own", tenant = "acme").in_scope(|| {
        info!(target: "application", tenant = "acme", "done");
    });
    assert_eq!(values(&program.span("own"), "tenant"), ["acme"]);
    assert_eq!(tenants(&program), [["acme"]]);
}

/// Where the layer does not activate contexts, it goes by the span around the new one.
#[tokio::test]
async fn baggage_that_is_attached_in_a_span_counts_where_contexts_are_activated() {
    for (activation, of_span) in [(true, "globex"), (false, "acme")] {
        let program = program(&tenant());
        let _subscribed = subscribe(&program, activation);
        let received = message("tenant=acme");
        let handled = with_message_context(&received, async |_| {
            let other = [KeyValue::new("tenant", "globex")];
            let _attached = Context::current_with_baggage(other).attach();
            print_label(7);
        });
        handled.await;
        assert_eq!(values(&program.span("print_label"), "tenant"), [of_span]);
    }
}
