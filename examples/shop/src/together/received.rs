//! What the services have exported, as it is shown.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What the services have exported.
#[derive(Default)]
pub(super) struct Received {
    pub(super) spans: Vec<OfService<Span>>,
    pub(super) logs: Vec<OfService<LogRecord>>,
    pub(super) metrics: BTreeMap<Series, Measured>,
}

/// A span or a log record, and the service that has exported it.
pub(super) struct OfService<T> {
    pub(super) service: String,
    pub(super) it: T,
}

/// A metric with its attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) service: String,
    pub(super) metric: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// The value of a counter, or how often a histogram was recorded, with the sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Received {
    pub(super) fn add_spans(&mut self, request: ExportTraceServiceRequest) {
        for resource in request.resource_spans {
            let service = service(resource.resource.as_ref());
            let spans = resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            self.spans.extend(spans.map(|it| OfService {
                service: service.clone(),
                it,
            }));
        }
    }

    pub(super) fn add_logs(&mut self, request: ExportLogsServiceRequest) {
        for resource in request.resource_logs {
            let service = service(resource.resource.as_ref());
            let logs = resource
                .scope_logs
                .into_iter()
                .flat_map(|scope| scope.log_records);
            self.logs.extend(logs.map(|it| OfService {
                service: service.clone(),
                it,
            }));
        }
    }

    /// Each export has all that was measured since the start, so the last one counts.
    pub(super) fn add_metrics(&mut self, request: ExportMetricsServiceRequest) {
        for resource in request.resource_metrics {
            let service = service(resource.resource.as_ref());
            for metric in resource
                .scope_metrics
                .into_iter()
                .flat_map(|scope| scope.metrics)
            {
                for (attributes, measured) in points(metric.data) {
                    let series = Series {
                        service: service.clone(),
                        metric: metric.name.clone(),
                        attributes: texts(&attributes),
                    };
                    self.metrics.insert(series, measured);
                }
            }
        }
    }

    /// The trace of an order that was sent once.
    pub(super) fn trace_of(&self, order: Uuid) -> &[u8] {
        self.traces_of(&order.to_string()).next().unwrap_or(&[])
    }

    /// The traces of an order: the gateway's log lines about it are in them. A request that was repeated has one
    /// more.
    pub(super) fn traces_of(&self, order: &str) -> impl Iterator<Item = &[u8]> {
        let of_gateway = self.logs.iter().filter(|log| log.service == "gateway");
        let of_order = of_gateway
            .filter(move |log| text_of(&log.it.attributes, "order").as_deref() == Some(order));
        of_order.map(|log| &*log.it.trace_id)
    }

    /// The span in which a log record was made.
    pub(super) fn span_of(&self, log: &LogRecord) -> Option<&OfService<Span>> {
        let ids = (&log.trace_id, &log.span_id);
        let mut spans = self.spans.iter();
        spans.find(|span| (&span.it.trace_id, &span.it.span_id) == ids)
    }

    /// The spans of a trace.
    pub(super) fn spans_of(&self, trace: &[u8]) -> Vec<&OfService<Span>> {
        let spans = self.spans.iter();
        spans.filter(|span| span.it.trace_id == trace).collect()
    }
}

impl Series {
    /// An attribute, or an empty text.
    pub(super) fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", |value| value)
    }
}

impl OfService<Span> {
    /// What the status says, if the span is failed.
    pub(super) fn error(&self) -> Option<&str> {
        let status = self.it.status.as_ref()?;
        (status.code() == StatusCode::Error).then_some(&*status.message)
    }
}

fn points(data: Option<Data>) -> Vec<(Vec<KeyValue>, Measured)> {
    match data {
        Some(Data::Sum(sum)) => {
            let points = sum.data_points.into_iter();
            let counted = points.map(|point| (point.attributes, Measured::counted(point.value)));
            counted.collect()
        }
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.into_iter();
            let recorded = points.map(|point| {
                let (count, sum) = (point.count, point.sum.unwrap_or_default());
                (point.attributes, Measured { count, sum })
            });
            recorded.collect()
        }
        _ => Vec::new(),
    }
}

impl Measured {
    fn counted(value: Option<number_data_point::Value>) -> Self {
        let count = match value {
            Some(number_data_point::Value::AsInt(count)) => {
                u64::try_from(count).unwrap_or_default()
            }
            _ => 0,
        };
        Self { count, sum: 0.0 }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }
}

fn service(resource: Option<&Resource>) -> String {
    let name = resource.and_then(|resource| text_of(&resource.attributes, "service.name"));
    name.unwrap_or_default()
}

pub(super) fn text_of(attributes: &[KeyValue], key: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(text(attribute.value.as_ref()))
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let attributes = attributes.iter();
    attributes
        .map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref())))
        .collect()
}

pub(super) fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is_true)) => is_true.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// An id as it is written.
pub(super) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
