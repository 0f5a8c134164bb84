//! Batches and samplers.

use super::{Numbered, ORDERS, attribute, batch, send};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SamplingResult, SdkTracerProvider, ShouldSample,
};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Outcome, semconv};
use std::sync::{Arc, Mutex};

#[test]
fn an_unsampled_batch_carries_its_contexts() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let by = Instrumentation::builder().with_tracer_provider(&provider);
    for has_create_spans in [true, false] {
        let batch = batch(&by.clone().with_create_spans(has_create_spans).build());
        let (outgoing, headers) = send(&batch, &Numbered(1));
        outgoing.finish(Outcome::accepted());
        drop(batch);
        assert!(headers["traceparent"].ends_with("-00"));
    }
    let exported = exporter.get_finished_spans().expect("in memory");
    assert!(exported.is_empty(), "{exported:?}");
}

/// What a sampler is shown: the name, the number of links, and the destination.
type Shown = (String, usize, Option<String>);

#[derive(Debug, Clone, Default)]
struct Watching {
    shown: Arc<Mutex<Vec<Shown>>>,
    /// Whether it panics for the spans of messages.
    panics: bool,
}

impl ShouldSample for Watching {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        assert!(!(self.panics && name.starts_with("create")), "a sampler");
        let key = semconv::MESSAGING_DESTINATION_NAME;
        let destination = attributes.iter().find(|it| it.key.as_str() == key);
        let destination = destination.map(|it| it.value.to_string());
        let shown = (name.to_owned(), links.len(), destination);
        self.shown.lock().expect("no panic").push(shown);
        Sampler::AlwaysOn.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[test]
fn a_sampler_sees_the_links_of_the_send_span() {
    let watching = Watching::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(watching.clone())
        .build();
    let by = Instrumentation::builder().with_tracer_provider(&provider);
    let batch = batch(&by.build());
    drop((send(&batch, &ORDERS), send(&batch, &ORDERS), batch));
    let orders = || Some("orders".to_owned());
    let created = ("create orders".to_owned(), 0, orders());
    let sending = ("publish orders".to_owned(), 2, orders());
    let shown = watching.shown.lock().expect("no panic");
    assert_eq!(*shown, [created.clone(), created, sending]);
}

#[test]
fn messages_whose_own_spans_fail_are_of_the_batch() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(Watching {
            panics: true,
            ..Watching::default()
        })
        .build();
    let by = Instrumentation::builder().with_tracer_provider(&provider);
    let batch = batch(&by.build());
    let (first, _) = send(&batch, &ORDERS);
    let (second, _) = send(&batch, &ORDERS);
    first.finish(Outcome::accepted());
    second.finish(Outcome::failed("refused", &"no room"));
    drop(batch);
    let exported = exporter.get_finished_spans().expect("in memory");
    let [sending] = &exported[..] else {
        panic!("one span: {exported:?}")
    };
    assert_eq!(sending.name, "publish orders");
    let count = attribute(sending, semconv::MESSAGING_BATCH_MESSAGE_COUNT);
    assert_eq!(count, Some(2.into()));
    let error = attribute(sending, semconv::ERROR_TYPE);
    assert_eq!(error, Some("refused".into()));
}
