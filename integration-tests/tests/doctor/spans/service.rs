//! A service whose spans are exported to a file.

use crate::report::{Report, look};
use integration_tests::client::{Client, in_time};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider};
use otel_messaging::Instrumentation;
use otel_messaging::instrumentation::Builder;
use serde_json::{Value, json};
use std::io::Write;

/// A service with a tracer provider of its own.
pub(crate) struct Service {
    resource: Resource,
    exporter: InMemorySpanExporter,
    /// Sends and handles messages.
    pub(crate) instrumentation: Instrumentation,
    /// The service's own tracer.
    pub(crate) tracer: SdkTracer,
}

impl Service {
    pub(crate) fn named(name: &'static str) -> Self {
        Self::of(name, Sampler::AlwaysOn, |builder| builder)
    }

    /// A service that records nothing.
    pub(crate) fn unsampled(name: &'static str) -> Self {
        Self::of(name, Sampler::AlwaysOff, |builder| builder)
    }

    /// A service with an instrumentation of its own.
    pub(crate) fn with(name: &'static str, configure: fn(Builder) -> Builder) -> Self {
        Self::of(name, Sampler::AlwaysOn, configure)
    }

    fn of(name: &'static str, root: Sampler, configure: fn(Builder) -> Builder) -> Self {
        let resource = Resource::builder().with_service_name(name).build();
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_simple_exporter(exporter.clone())
            .build();
        let builder = Instrumentation::builder().with_tracer_provider(&provider);
        Self {
            resource,
            exporter,
            instrumentation: configure(builder).build(),
            tracer: provider.tracer("application"),
        }
    }

    /// Sends so many messages, each in the span of a request of its own.
    pub(crate) async fn send(&self, client: &impl Client, count: usize) {
        for _ in 0..count {
            let sent = client.send(Some(&self.instrumentation), &[]);
            sent.with_context(self.request()).await.expect("sent");
        }
    }

    /// A context with the span of a new request.
    pub(crate) fn request(&self) -> Context {
        let span = self.tracer.start_with_context("POST", &Context::new());
        Context::new().with_span(span)
    }

    /// Handles these messages.
    pub(crate) async fn handle<C: Client>(&self, messages: &[C::Message]) {
        for message in messages {
            let handled = self
                .instrumentation
                .with_message_context(message, |_| async {
                    self.tracer.start("charge").end();
                });
            handled.await;
        }
    }

    /// The traces of its spans.
    pub(crate) fn traces(&self) -> Vec<String> {
        let spans = self.exporter.get_finished_spans().expect("in memory");
        let traces = spans
            .iter()
            .map(|span| span.span_context.trace_id().to_string());
        traces.collect()
    }

    /// Its spans in OTLP's JSON.
    fn exported(&self) -> String {
        let spans = self.exporter.get_finished_spans().expect("in memory");
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &(&self.resource).into()),
        };
        serde_json::to_string(&request).expect("JSON")
    }
}

/// The next messages.
pub(crate) async fn receive<C: Client>(client: &mut C, count: usize) -> Vec<C::Message> {
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(in_time("a message", client.receive()).await);
    }
    messages
}

/// Lets the doctor look, with these arguments and a file of the services' spans, one line for each.
pub(crate) async fn look_with_spans(arguments: &[&str], services: &[&Service]) -> Report {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for service in services {
        writeln!(file, "{}", service.exported()).expect("written");
    }
    let path = file.path().to_str().expect("a path in UTF-8");
    look(&[arguments, &["--spans", path]].concat()).await
}

/// A hop of the report, without the trace that is its example.
pub(crate) fn hop(
    [producer, consumer]: [Option<&str>; 2],
    destination: &str,
    state: &str,
    messages: usize,
) -> Value {
    json!({
        "producer": producer,
        "consumer": consumer,
        "destination": destination,
        "state": state,
        "messages": messages,
    })
}

impl Report {
    /// Its hops, without their traces, by the names of the consumers.
    pub(crate) fn hops(&self) -> Vec<Value> {
        let mut hops = self.json["hops"]["hops"]
            .as_array()
            .expect("a list")
            .clone();
        for hop in &mut hops {
            hop.as_object_mut().expect("an object").remove("trace_id");
        }
        hops.sort_by_key(|hop| hop["consumer"].to_string());
        hops
    }

    /// Each of its findings: of how many messages, of how many.
    pub(crate) fn found(&self) -> Vec<(&str, u64, u64)> {
        let findings = self.json["findings"].as_array().expect("a list").iter();
        let mut found: Vec<_> = findings
            .map(|finding| {
                let count = |name: &str| finding[name].as_u64().expect("a number");
                let code = finding["code"].as_str().expect("text");
                (code, count("messages"), count("of"))
            })
            .collect();
        found.sort();
        found
    }

    /// What its only finding of this code says.
    pub(crate) fn what(&self, code: &str) -> &str {
        let findings = self.json["findings"].as_array().expect("a list").iter();
        let mut found = findings.filter(|finding| finding["code"] == code);
        let (one, another) = (found.next(), found.next());
        assert!(another.is_none(), "{code} twice: {:#}", self.json);
        let one = one.unwrap_or_else(|| panic!("no {code}: {:#}", self.json));
        one["what"].as_str().expect("text")
    }
}
