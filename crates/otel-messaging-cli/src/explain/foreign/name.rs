//! The names of the headers of each format.

use crate::explain::foreign::Format;
use otel_messaging::adapter::is_name;

/// What a header of a format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The context, in the format's own form.
    B3,
    Jaeger,
    XRay,
    Google,
    NewRelic,
    Sentry,
    /// A `traceparent` under another name.
    Traceparent,
    ElasticBinary,
    HexTraceId,
    HexSpanId,
    DecimalTraceId,
    DecimalSpanId,
    Sampled,
    /// 1 for a trace that is debugged.
    DebugFlag,
    Priority,
    DatadogTags,
    /// It belongs to the format, and its ids are not read.
    Other,
}

const NAMES: [(&str, Format, Part); 35] = [
    ("b3", Format::B3, Part::B3),
    ("x-b3-traceid", Format::B3Multi, Part::HexTraceId),
    ("x-b3-spanid", Format::B3Multi, Part::HexSpanId),
    ("x-b3-parentspanid", Format::B3Multi, Part::Other),
    ("x-b3-sampled", Format::B3Multi, Part::Sampled),
    ("x-b3-flags", Format::B3Multi, Part::DebugFlag),
    ("uber-trace-id", Format::Jaeger, Part::Jaeger),
    ("x-datadog-trace-id", Format::Datadog, Part::DecimalTraceId),
    ("x-datadog-parent-id", Format::Datadog, Part::DecimalSpanId),
    (
        "x-datadog-sampling-priority",
        Format::Datadog,
        Part::Priority,
    ),
    ("x-datadog-tags", Format::Datadog, Part::DatadogTags),
    ("x-datadog-origin", Format::Datadog, Part::Other),
    ("x-amzn-trace-id", Format::XRay, Part::XRay),
    ("awstraceheader", Format::XRay, Part::XRay),
    ("sw8", Format::SkyWalking, Part::Other),
    ("sw8-x", Format::SkyWalking, Part::Other),
    ("sw8-correlation", Format::SkyWalking, Part::Other),
    ("ce_traceparent", Format::CloudEvents, Part::Traceparent),
    ("ce-traceparent", Format::CloudEvents, Part::Traceparent),
    (
        "cloudevents:traceparent",
        Format::CloudEvents,
        Part::Traceparent,
    ),
    (
        "cloudevents_traceparent",
        Format::CloudEvents,
        Part::Traceparent,
    ),
    ("ce_tracestate", Format::CloudEvents, Part::Other),
    ("ce-tracestate", Format::CloudEvents, Part::Other),
    ("cloudevents:tracestate", Format::CloudEvents, Part::Other),
    ("cloudevents_tracestate", Format::CloudEvents, Part::Other),
    ("x-cloud-trace-context", Format::GoogleCloud, Part::Google),
    ("newrelic", Format::NewRelic, Part::NewRelic),
    ("newrelicid", Format::NewRelic, Part::Other),
    ("newrelictransaction", Format::NewRelic, Part::Other),
    ("x-newrelic-id", Format::NewRelic, Part::Other),
    ("x-newrelic-transaction", Format::NewRelic, Part::Other),
    ("sentry-trace", Format::Sentry, Part::Sentry),
    (
        "elasticapmtraceparent",
        Format::Elastic,
        Part::ElasticBinary,
    ),
    (
        "elastic-apm-traceparent",
        Format::Elastic,
        Part::Traceparent,
    ),
    (
        "elastic_apm_traceparent",
        Format::Elastic,
        Part::Traceparent,
    ),
];

/// Which format a header belongs to, and what it says. Names count in any spelling.
pub(crate) fn meaning(name: &[u8]) -> Option<(Format, Part)> {
    // The letters with which one begins: most headers are told by that.
    let first = name.first()?.to_ascii_lowercase();
    if !b"abcensux".contains(&first) {
        return None;
    }
    let mut names = NAMES.iter();
    let (_, format, part) = names.find(|(known, ..)| is_name(name, known))?;
    Some((*format, *part))
}
