use super::*;
use crate::message::Value;

fn header<'a>(name: &'a str, value: &'a str) -> Header<'a> {
    Header {
        name: name.as_bytes(),
        value: Value::Text(value),
    }
}

fn only(headers: &[Header<'_>]) -> Foreign {
    let formats = formats(headers);
    let found: Vec<_> = formats.iter().copied().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

const WIDE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const LOW: u64 = 0x8448_eb21_1c80_319c;
const SPAN: u64 = 0xb7ad_6b71_6920_3331;

#[test]
fn each_format_is_known_and_its_ids_are_read() {
    let newrelic = "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImlkIjoiYjdhZDZiNzE2OTIwMzMzMSIsInRyIjoiMGFmNzY1MTkxNmNkNDNkZDg0NDhlYjIxMWM4MDMxOWMiLCJzYSI6dHJ1ZX19";
    for (format, name, value) in [
        (
            Format::B3,
            "b3",
            "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        ),
        (
            Format::Jaeger,
            "uber-trace-id",
            "af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1",
        ),
        (
            Format::Jaeger,
            "Uber-Trace-Id",
            "af7651916cd43dd8448eb211c80319c%3Ab7ad6b7169203331%3A0%3A3",
        ),
        (
            Format::XRay,
            "X-Amzn-Trace-Id",
            "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1",
        ),
        (
            Format::CloudEvents,
            "ce_traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        (
            Format::CloudEvents,
            "cloudEvents:traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        (
            Format::GoogleCloud,
            "x-cloud-trace-context",
            "0af7651916cd43dd8448eb211c80319c/13235353014750950193;o=1",
        ),
        (Format::NewRelic, "newrelic", newrelic),
        (
            Format::Sentry,
            "sentry-trace",
            "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        ),
        (
            Format::Elastic,
            "elastic-apm-traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ] {
        let found = only(&[header(name, value)]);
        assert_eq!(found.format, format);
        assert_eq!(found.trace_id(), Some(ForeignTraceId::Wide(WIDE)), "{name}");
        assert_eq!(found.span_id(), Some(SPAN), "{name}");
        assert_eq!(found.sampled(), Some(true), "{name}");
    }
}

#[test]
fn ids_in_several_headers_are_put_together() {
    let found = only(&[
        header("X-B3-TraceId", "8448eb211c80319c"),
        header("X-B3-SpanId", "b7ad6b7169203331"),
        header("X-B3-Sampled", "0"),
    ]);
    assert_eq!(found.format, Format::B3Multi);
    assert_eq!(found.trace_id(), Some(ForeignTraceId::Low(LOW)));
    assert_eq!(
        (found.span_id(), found.sampled()),
        (Some(SPAN), Some(false))
    );

    let low = LOW.to_string();
    let datadog = [
        header("x-datadog-trace-id", &low),
        header("x-datadog-parent-id", "13235353014750950193"),
        header("x-datadog-sampling-priority", "-1"),
        header("x-datadog-tags", "_dd.p.dm=-0,_dd.p.tid=0af7651916cd43dd"),
    ];
    let found = only(&datadog);
    assert_eq!(found.trace_id(), Some(ForeignTraceId::Wide(WIDE)));
    assert_eq!(
        (found.span_id(), found.sampled()),
        (Some(SPAN), Some(false))
    );
    let found = only(&datadog[..3]);
    assert_eq!(found.trace_id(), Some(ForeignTraceId::Low(LOW)));
}

#[test]
fn the_binary_form_of_elastic_is_read() {
    let mut bytes = vec![0, 0];
    bytes.extend(WIDE.to_be_bytes());
    bytes.push(1);
    bytes.extend(SPAN.to_be_bytes());
    bytes.extend([2, 1]);
    let found = only(&[Header {
        name: b"elasticapmtraceparent",
        value: Value::Bytes(&bytes),
    }]);
    assert_eq!(found.trace_id(), Some(ForeignTraceId::Wide(WIDE)));
    assert_eq!((found.span_id(), found.sampled()), (Some(SPAN), Some(true)));
}

#[test]
fn another_trace_contradicts() {
    let w3c = TraceId::from(WIDE);
    assert!(!ForeignTraceId::Wide(WIDE).contradicts(w3c));
    assert!(!ForeignTraceId::Low(LOW).contradicts(w3c));
    assert!(ForeignTraceId::Wide(WIDE + 1).contradicts(w3c));
    assert!(ForeignTraceId::Low(LOW + 1).contradicts(w3c));
    // A wide one with zeros in its high half is another trace.
    assert!(ForeignTraceId::Wide(u128::from(LOW)).contradicts(w3c));
}

#[test]
fn what_is_malformed_is_found_without_ids() {
    let long = "a".repeat(1 << 20);
    for name in ["b3", "uber-trace-id", "newrelic", "sw8", "sentry-trace"] {
        for value in ["", "\u{0}", "++--", "é:é", "-", &long, "=;=;/"] {
            let found = only(&[header(name, value)]);
            assert_eq!((found.trace_id(), found.span_id()), (None, None), "{name}");
        }
        let null = only(&[Header {
            name: name.as_bytes(),
            value: Value::Null,
        }]);
        assert_eq!(null.trace_id(), None);
    }
    let w3c = [header("traceparent", "x"), header("baggage", "a=1")];
    assert_eq!(formats(&w3c).iter().next(), None);
}
