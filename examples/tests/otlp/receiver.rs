//! A receiver of OTLP over HTTP, which keeps what it gets.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) const TRACES: &str = "/v1/traces";
pub(crate) const METRICS: &str = "/v1/metrics";

pub(crate) struct Receiver {
    pub(crate) endpoint: String,
    received: Arc<Mutex<Received>>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Received {
    spans: Vec<ResourceSpans>,
    metrics: Vec<ResourceMetrics>,
}

impl Receiver {
    /// Takes what comes on these paths; of others it says that they are not found.
    pub(crate) fn start(paths: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let received = Arc::new(Mutex::new(Received::default()));
        let kept = received.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, kept) = (stream.expect("a connection"), kept.clone());
                thread::spawn(move || answer(stream, paths, &kept));
            }
        });
        Self {
            endpoint: format!("http://{address}"),
            received,
        }
    }

    /// All requests that were answered.
    pub(crate) fn received(&self) -> Received {
        self.received.lock().expect("no panic").clone()
    }
}

fn answer(stream: TcpStream, paths: &[&str], received: &Mutex<Received>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    while let Some((path, body)) = read_request(&mut reader) {
        let status = if !paths.contains(&path.as_str()) {
            "404 Not Found"
        } else if keep(&path, &body, received) {
            "200 OK"
        } else {
            "400 Bad Request"
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The path and the body of a request. `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.to_ascii_lowercase());
    }
    let path = head.first()?.split(' ').nth(1)?.to_owned();
    let mut lengths = head
        .iter()
        .filter_map(|line| line.strip_prefix("content-length:"));
    let length = lengths.next()?.trim().parse().ok()?;
    let mut body = Vec::new();
    let read = reader.take(length).read_to_end(&mut body).ok()?;
    (read as u64 == length).then_some((path, body))
}

/// Whether it could be read.
fn keep(path: &str, body: &[u8], received: &Mutex<Received>) -> bool {
    let mut received = received.lock().expect("no panic");
    match path {
        TRACES => ExportTraceServiceRequest::decode(body)
            .map(|request| received.spans.extend(request.resource_spans)),
        _ => ExportMetricsServiceRequest::decode(body)
            .map(|request| received.metrics.extend(request.resource_metrics)),
    }
    .is_ok()
}

impl Received {
    /// The spans, each with its service and the schema of its scope.
    pub(crate) fn spans(&self) -> BTreeSet<(String, String, String)> {
        let mut spans = BTreeSet::new();
        for resource in &self.spans {
            let service = service_of(resource.resource.as_ref());
            for scope in &resource.scope_spans {
                for span in &scope.spans {
                    let (name, schema) = (span.name.clone(), scope.schema_url.clone());
                    spans.insert((service.clone(), name, schema));
                }
            }
        }
        spans
    }

    /// The metrics, each with its service and the schema of its scope.
    pub(crate) fn metrics(&self) -> BTreeSet<(String, String, String)> {
        let mut metrics = BTreeSet::new();
        for resource in &self.metrics {
            let service = service_of(resource.resource.as_ref());
            for scope in &resource.scope_metrics {
                for metric in &scope.metrics {
                    let (name, schema) = (metric.name.clone(), scope.schema_url.clone());
                    metrics.insert((service.clone(), name, schema));
                }
            }
        }
        metrics
    }
}

fn service_of(resource: Option<&Resource>) -> String {
    let attributes = &resource.expect("a resource").attributes;
    let mut attributes = attributes.iter();
    let service = attributes.find(|attribute| attribute.key == "service.name");
    let value = service.and_then(|service| service.value.clone()?.value);
    match value {
        Some(Value::StringValue(name)) => name,
        other => panic!("not a service's name: {other:?}"),
    }
}

/// What is to be received, in the order of [`Received::spans`] and [`Received::metrics`].
pub(crate) fn named<'a>(
    expected: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
) -> BTreeSet<(String, String, String)> {
    let expected = expected.into_iter();
    expected
        .map(|(service, name, schema)| (service.to_owned(), name.to_owned(), schema.to_owned()))
        .collect()
}
