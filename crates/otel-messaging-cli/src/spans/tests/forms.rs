//! Each form in which exporters write spans tells the same.

use super::*;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};

/// As the collector's file exporter writes: compact, a line for each request, and ids in hex.
const COLLECTOR: &str = concat!(
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"telemetry.sdk.language","value":{"stringValue":"rust"}}]},"scopeSpans":[{"scope":{"name":"lapin","version":"0.1.0"},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","parentSpanId":"","flags":257,"name":"send orders","kind":4,"startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000000001000000","attributes":[{"key":"messaging.batch.message_count","value":{"intValue":"1"}}],"status":{}}]}],"schemaUrl":"https://opentelemetry.io/schemas/1.45.0"}]}"#,
    "\n",
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"billing"}},{"key":"process.command_args","value":{"arrayValue":{"values":[{"stringValue":"billing"}]}}}]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000012","parentSpanId":"","name":"process orders","kind":5,"startTimeUnixNano":"1790000000002000000","endTimeUnixNano":"1790000000003000000","attributes":[{"key":"messaging.destination.name","value":{"stringValue":"orders"}}],"events":[{"timeUnixNano":"1790000000002500000","name":"exception"}],"links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","flags":769}],"status":{"code":2,"message":"out of stock"}}]}]}]}"#,
    "\n",
);

/// As Java's exporter to the log writes: `ResourceSpans` without a wrapper, and integers as text.
const JAVA: &str = r#"
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"io.opentelemetry.kafka-clients-0.11","attributes":[]},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"orders publish","kind":4,"startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000000001000000","attributes":[{"key":"thread.id","value":{"intValue":"1"}}],"events":[],"links":[],"status":{},"flags":257}]}],"schemaUrl":"x"}
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"billing"}}]},"scopeSpans":[{"scope":{"name":"io.opentelemetry.kafka-clients-0.11"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000012","name":"orders process","kind":5,"attributes":[{"key":"messaging.operation","value":{"stringValue":"process"}}],"events":[],"links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7"}],"status":{}}]}]}
"#;

/// As Python's console exporter writes: an object of many lines for each span.
const PYTHON_CONSOLE: &str = r#"
{
    "name": "orders send",
    "context": {
        "trace_id": "0x4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "0x00f067aa0ba902b7",
        "trace_state": "[]"
    },
    "kind": "SpanKind.PRODUCER",
    "parent_id": null,
    "start_time": "2026-11-28T09:00:00.000000Z",
    "end_time": "2026-11-28T09:00:00.001000Z",
    "status": {"status_code": "UNSET"},
    "attributes": {"messaging.system": "kafka"},
    "events": [],
    "links": [],
    "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""}
}
{
    "name": "orders process",
    "context": {
        "trace_id": "0x0af7651916cd43dd8448eb211c80319c",
        "span_id": "0x0000000000000012",
        "trace_state": "[]"
    },
    "kind": "SpanKind.CONSUMER",
    "parent_id": null,
    "attributes": {"messaging.operation": "process", "messaging.kafka.partition": 0},
    "events": [],
    "links": [{"context": {"trace_id": "0x4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "0x00f067aa0ba902b7", "trace_state": "[]"}, "attributes": {}}],
    "resource": {"attributes": {"service.name": "billing"}, "schema_url": ""}
}
"#;

/// As Jaeger's pages download a trace, and as its query API answers.
pub(super) const JAEGER: &str = r#"{"data":[
    {"traceID":"4bf92f3577b34da6a3ce929d0e0e4736","spans":[
        {"traceID":"4bf92f3577b34da6a3ce929d0e0e4736","spanID":"00f067aa0ba902b7","operationName":"send orders","references":[],"startTime":1790000000000000,"duration":1000,"tags":[{"key":"span.kind","type":"string","value":"producer"}],"logs":[],"processID":"p1","warnings":null}
    ],"processes":{"p1":{"serviceName":"shop","tags":[]}},"warnings":null},
    {"traceID":"0af7651916cd43dd8448eb211c80319c","spans":[
        {"traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"0000000000000012","operationName":"process orders","references":[{"refType":"FOLLOWS_FROM","traceID":"4bf92f3577b34da6a3ce929d0e0e4736","spanID":"00f067aa0ba902b7"}],"startTime":1790000000002000,"duration":1000,"tags":[{"key":"span.kind","type":"string","value":"consumer"}],"logs":[],"processID":"p1","warnings":null}
    ],"processes":{"p1":{"serviceName":"billing","tags":[]}},"warnings":null}
],"total":0,"limit":0,"offset":0,"errors":null}"#;

fn linked(text: &str) {
    let joined = joined(text, &[message(7)], System::Kafka);
    assert_eq!(
        hops(&joined),
        [(Some("shop"), Some("billing"), HopState::OnlyLinked, 1)],
        "{text}"
    );
    assert_eq!(joined.hops.spans, 2);
}

#[test]
fn each_exporter_is_read() {
    for text in [COLLECTOR, JAVA, PYTHON_CONSOLE, JAEGER] {
        linked(text);
    }
}

#[test]
fn each_arrangement_is_read() {
    let lines: Vec<&str> = COLLECTOR.lines().collect();
    linked(&lines.concat());
    linked(&format!("\u{feff}{}", lines.join("\r\n\r\n")));
    linked(&format!("[{}]", lines.join(",")));
    linked(&format!(
        r#"{{"result":{}}} {{"result":{}}}"#,
        lines[0], lines[1]
    ));
    // What is not of spans may stand between.
    linked(&format!(
        r#"{}{{"resourceMetrics":[{{"x":1}}]}}{}"#,
        lines[0], lines[1]
    ));
    linked(&COLLECTOR.replace("resourceSpans", "batches"));
    linked(&COLLECTOR.replace("scopeSpans", "instrumentationLibrarySpans"));
}

#[test]
fn each_spelling_is_read() {
    for (from, to) in [
        ("traceId", "trace_id"),
        ("spanId", "span_id"),
        ("parentSpanId", "parent_span_id"),
        ("scopeSpans", "scope_spans"),
        ("resourceSpans", "resource_spans"),
        ("stringValue", "string_value"),
        (r#""kind":5"#, r#""kind":"SPAN_KIND_CONSUMER""#),
        (r#""kind":4"#, r#""kind":"SPAN_KIND_PRODUCER""#),
        (
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
        ),
        (
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "S/kvNXezTaajzpKdDg5HNg==",
        ),
        ("00f067aa0ba902b7", "APBnqgupArc="),
        (
            r#""parentSpanId":"""#,
            r#""parentSpanId":"0000000000000000""#,
        ),
        (r#""parentSpanId":"""#, r#""parentSpanId":null"#),
        (r#""events":[{"#, r#""events":null,"more":[{"#),
    ] {
        let text = COLLECTOR.replace(from, to);
        assert_ne!(text, COLLECTOR);
        linked(&text);
    }
}

#[test]
fn the_order_of_keys_says_nothing() {
    let mut lines: Vec<Value> = COLLECTOR
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // The service behind its spans, the processes before them, and values before their keys.
    let text: Vec<String> = lines
        .iter_mut()
        .map(|line| {
            let resource = &line["resourceSpans"][0];
            let (spans, resource) = (&resource["scopeSpans"], &resource["resource"]);
            format!(r#"{{"resourceSpans":[{{"scopeSpans":{spans},"resource":{resource}}}]}}"#)
        })
        .collect();
    linked(&text.concat());
    linked(&COLLECTOR.replace(
        r#"{"key":"service.name","value":{"stringValue":"shop"}}"#,
        r#"{"value":{"stringValue":"shop"},"key":"service.name"}"#,
    ));
    let traces: Value = serde_json::from_str(JAEGER).unwrap();
    let traces = traces["data"].as_array().unwrap().iter().map(|trace| {
        let (processes, spans) = (&trace["processes"], &trace["spans"]);
        format!(r#"{{"processes":{processes},"spans":{spans}}}"#)
    });
    let traces: Vec<String> = traces.collect();
    linked(&format!(r#"{{"data":[{}]}}"#, traces.join(",")));
}

#[test]
fn what_opentelemetry_proto_writes_is_read() {
    let spans = |service: &str, span: Span| ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", service)],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let sent = Span {
        trace_id: TRACE.to_be_bytes().to_vec(),
        span_id: SENDER.to_be_bytes().to_vec(),
        kind: span::SpanKind::Producer.into(),
        ..Span::default()
    };
    let processed = Span {
        trace_id: OTHER.to_be_bytes().to_vec(),
        span_id: 0x12_u64.to_be_bytes().to_vec(),
        kind: span::SpanKind::Consumer.into(),
        attributes: vec![attribute("messaging.destination.name", "orders")],
        links: vec![span::Link {
            trace_id: TRACE.to_be_bytes().to_vec(),
            span_id: SENDER.to_be_bytes().to_vec(),
            ..span::Link::default()
        }],
        ..Span::default()
    };
    let text = serde_json::to_string(&spans("shop", sent)).unwrap()
        + &serde_json::to_string_pretty(&spans("billing", processed)).unwrap();
    linked(&text);
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
