//! Records what each call emits, in a form that is the same in every run.

use crate::golden::{Case, Emitted, Head, assert_golden};
use crate::page::Page;
use opentelemetry::logs::AnyValue;
use opentelemetry::trace::Status;
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, InMemoryMetricExporterBuilder, SdkMeterProvider, Temporality,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::semconv;
use otel_messaging::instrumentation::MetricDestinations;

/// A tracer provider, a logger provider and a meter provider of a test's own, and what came of each case.
pub(crate) struct Recorder {
    client: &'static str,
    spans: InMemorySpanExporter,
    logs: InMemoryLogExporter,
    metrics: InMemoryMetricExporter,
    meter_provider: SdkMeterProvider,
    /// The settings of an application that sets nothing.
    pub(crate) plain: Instrumentation,
    /// With everything that is opt-in.
    pub(crate) full: Instrumentation,
    /// With a template for `orders-…`.
    pub(crate) templated: Instrumentation,
    /// What is another one in each run, and what stands for it.
    replaced: Vec<(String, &'static str)>,
    cases: Vec<Case>,
}

impl Recorder {
    pub(crate) fn new(client: &'static str) -> Self {
        let spans = InMemorySpanExporter::default();
        let tracer_provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let logs = InMemoryLogExporter::default();
        let logger_provider = SdkLoggerProvider::builder()
            .with_simple_exporter(logs.clone())
            .build();
        let metrics = InMemoryMetricExporterBuilder::new()
            .with_temporality(Temporality::Delta)
            .build();
        let meter_provider = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics.clone())
            .build();
        let plain = Instrumentation::builder()
            .with_tracer_provider(&tracer_provider)
            .with_meter_provider(&meter_provider)
            .with_exception_events(&logger_provider)
            .build();
        let full = plain
            .to_builder()
            .with_metric_destinations(MetricDestinations::All)
            .with_captured_headers(["X-Tenant", "traceparent"])
            .with_message_sizes()
            .build();
        let templated = plain
            .to_builder()
            .with_destination_template("orders-{id}")
            .build();
        Self {
            client,
            spans,
            logs,
            metrics,
            meter_provider,
            plain,
            full,
            templated,
            replaced: Vec::new(),
            cases: Vec::new(),
        }
    }

    /// Shows `shown` wherever this text stands.
    pub(crate) fn replace(&mut self, text: impl Into<String>, shown: &'static str) {
        self.replaced.push((text.into(), shown));
    }

    /// Ends the case: everything that was emitted since the last one is of it.
    pub(crate) fn case(&mut self, name: &str) {
        let spans = self.spans.get_finished_spans();
        let mut spans = spans.expect("the exporter is in memory");
        self.spans.reset();
        // A request and the handling of it may end in any order.
        spans.sort_by_key(|span| span.start_time);
        let mut emitted = Vec::new();
        for span in &spans {
            let span_emitted = self.span(span);
            let links = self.links(span, span_emitted.operation());
            emitted.push(span_emitted);
            emitted.extend(links);
        }
        let logged = self.logs.get_emitted_logs().expect("it is in memory");
        self.logs.reset();
        let mut events: Vec<_> = logged
            .iter()
            .map(|it| self.event(&it.record, &it.instrumentation))
            .collect();
        events.sort_by_key(ToString::to_string);
        emitted.extend(events);
        let flushed = self.meter_provider.force_flush();
        flushed.expect("the exporter is in memory");
        let collected = self.metrics.get_finished_metrics();
        let collected = collected.expect("the exporter is in memory");
        self.metrics.reset();
        let mut metrics: Vec<_> = collected.iter().flat_map(|it| self.metrics(it)).collect();
        metrics.sort_by_key(ToString::to_string);
        emitted.extend(metrics);
        self.cases.push(Case {
            name: name.to_owned(),
            emitted,
        });
    }

    /// Compares all cases with the page and with the golden text.
    pub(crate) fn assert(self) {
        Page::read().assert_lists(self.client, &self.cases);
        assert_golden(self.client, &self.cases);
    }

    fn span(&self, span: &SpanData) -> Emitted {
        let scope = &span.instrumentation_scope;
        assert_eq!(scope.schema_url(), Some(semconv::SCHEMA_URL));
        assert!(scope.version().is_some(), "{scope:?}");
        let status = match &span.status {
            Status::Unset => "Unset",
            Status::Ok => "Ok",
            Status::Error { .. } => "Error",
        };
        let listed = Page::read().attributes(self.client);
        for on_link in span.links.iter().flat_map(|link| &link.attributes) {
            let name = on_link.key.as_str();
            let is_listed = listed.iter().any(|row| row.is_of(name));
            assert!(is_listed, "{name} is on a link of {}", span.name);
        }
        Emitted {
            head: Head::Span {
                kind: format!("{:?}", span.span_kind),
                status: status.to_owned(),
                links: span.links.iter().count(),
                scope: scope.name().to_owned(),
                name: self.shown(&span.name),
            },
            attributes: self.attributes(span.attributes.iter()),
        }
    }

    /// The links that say something of their messages.
    fn links(&self, span: &SpanData, operation: &str) -> Vec<Emitted> {
        let links = span.links.iter().filter(|link| !link.attributes.is_empty());
        let links = links.map(|link| Emitted {
            head: Head::Link {
                operation: operation.to_owned(),
            },
            attributes: self.attributes(link.attributes.iter()),
        });
        links.collect()
    }

    fn event(&self, record: &SdkLogRecord, scope: &InstrumentationScope) -> Emitted {
        assert_eq!(scope.schema_url(), Some(semconv::SCHEMA_URL));
        let attributes = record.attributes_iter().map(|(key, value)| {
            let AnyValue::String(text) = value else {
                panic!("{key} is {value:?}");
            };
            // What brokers say differs from version to version.
            let shown = if key.as_str() == semconv::EXCEPTION_MESSAGE {
                "<text>".to_owned()
            } else {
                self.shown(text.as_str())
            };
            (key.to_string(), shown)
        });
        let mut attributes: Vec<_> = attributes.collect();
        attributes.sort();
        Emitted {
            head: Head::Event {
                severity: record.severity_text().expect("a severity").to_owned(),
                scope: scope.name().to_owned(),
                name: record.event_name().expect("a name").to_owned(),
            },
            attributes,
        }
    }

    fn metrics(&self, collected: &ResourceMetrics) -> Vec<Emitted> {
        let scopes = collected.scope_metrics();
        let all = scopes.flat_map(|scope| {
            let known = scope.scope();
            assert_eq!(known.schema_url(), Some(semconv::SCHEMA_URL));
            scope.metrics()
        });
        all.flat_map(|metric| self.series(metric)).collect()
    }

    fn series(&self, metric: &Metric) -> Vec<Emitted> {
        let emitted = |instrument: &str, count, attributes: &mut dyn Iterator<Item = _>| Emitted {
            head: Head::Metric {
                name: metric.name().to_owned(),
                instrument: instrument.to_owned(),
                unit: metric.unit().to_owned(),
                count,
            },
            attributes: self.attributes(attributes),
        };
        match metric.data() {
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                assert!(sum.is_monotonic(), "{}", metric.name());
                let points = sum.data_points();
                let points = points.map(|it| emitted("counter", it.value(), &mut it.attributes()));
                points.collect()
            }
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                let points = histogram.data_points();
                let points = points.map(|it| {
                    Page::read().assert_buckets(metric.name(), &it.bounds().collect::<Vec<_>>());
                    emitted("histogram", it.count(), &mut it.attributes())
                });
                points.collect()
            }
            other => panic!("{}: {other:?}", metric.name()),
        }
    }

    fn attributes<'a>(
        &self,
        attributes: impl Iterator<Item = &'a KeyValue>,
    ) -> Vec<(String, String)> {
        let mut all: Vec<_> = attributes
            .map(|it| (it.key.to_string(), self.value(it.key.as_str(), &it.value)))
            .collect();
        all.sort();
        for pair in all.windows(2) {
            assert_ne!(pair[0].0, pair[1].0, "it stands there twice");
        }
        all
    }

    /// The value, or what stands for one that differs from run to run. Of a number the type counts.
    fn value(&self, key: &str, value: &Value) -> String {
        match (key, value) {
            ("otel_messaging.queue_time", Value::F64(seconds)) => {
                assert!((0.0..600.0).contains(seconds), "{seconds} s in the queue");
                "<seconds>".to_owned()
            }
            // The names of destinations are in them.
            ("messaging.message.envelope.size", Value::I64(size)) => {
                assert!(*size > 0, "{size} bytes");
                "<bytes>".to_owned()
            }
            ("otel_messaging.header.traceparent", Value::Array(_)) => "[<traceparent>]".to_owned(),
            (_, Value::String(text)) => self.shown(text.as_str()),
            (_, other) => self.shown(&format!("{other:?}")),
        }
    }

    fn shown(&self, text: &str) -> String {
        let replaced = self.replaced.iter();
        replaced.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}
