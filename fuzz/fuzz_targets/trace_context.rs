//! `traceparent` and `tracestate`: an input is the header lines of a message, and the entries of a
//! `TraceState` that an application made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use otel_messaging::propagation::TraceContextPropagator;
use otel_messaging_fuzz::carried::Carried;
use otel_messaging_fuzz::contexts;
use otel_messaging_fuzz::headers::Headers;
use otel_messaging_fuzz::input::{Line, lines};
use otel_messaging_fuzz::{w3c, watch};

const PROPAGATOR: TraceContextPropagator = TraceContextPropagator::new();

fuzz_target!(|data: &[u8]| {
    let lines = lines(data);
    relay(data, &lines);
    write(data, &lines);
});

fn relay(data: &[u8], lines: &[Line]) {
    let lines = lines.iter().map(|line| (line.name(), line.value()));
    let headers = Headers(lines.collect());
    let refused = otel_messaging::loss::refused_fields();
    let context = extract(data, &headers);
    let refused = otel_messaging::loss::refused_fields() - refused;

    let carried = Carried::of(&context);
    let senders = headers.lines("traceparent");
    let sender = match contexts::senders(&senders)[..] {
        [sender] => Some(sender),
        _ => None,
    };
    carried.check_sender(sender);
    carried.check_trace_state(&headers.lines("tracestate"));
    let unused = carried.sender.is_none() && senders.iter().any(|line| !w3c::trim(line).is_empty());
    assert!(!unused || refused > 0, "nothing was counted");
    assert!(
        !senders.is_empty() || refused == 0,
        "there was nothing to refuse"
    );

    let once = inject(data, &context);
    let context = extract(data, &once);
    carried.check_relayed(&Carried::of(&context));
    assert_eq!(inject(data, &context), once);
}

/// The first line's value gives the ids, the others the tracestate.
fn write(data: &[u8], lines: &[Line]) {
    let mut ids = [0; 25];
    let first = lines.first().and_then(|line| line.value.as_deref());
    ids.iter_mut()
        .zip(first.unwrap_or_default())
        .for_each(|(id, byte)| *id = *byte);
    let [trace_id @ .., _, _, _, _, _, _, _, _, _] = ids;
    let [.., a, b, c, d, e, f, g, h, flags] = ids;

    // What OpenTelemetry's type holds at all.
    let entries: Vec<_> = lines
        .iter()
        .skip(1)
        .map(|line| (line.name(), line.value()))
        .filter(|entry| TraceState::from_key_value([entry.clone()]).is_ok())
        .take(32)
        .collect();
    let state = TraceState::from_key_value(entries.clone()).expect("each of them is held");
    let sender = SpanContext::new(
        TraceId::from_bytes(trace_id),
        SpanId::from_bytes([a, b, c, d, e, f, g, h]),
        TraceFlags::new(flags),
        false,
        state,
    );
    let dropped = otel_messaging::loss::dropped_fields();
    let headers = inject(
        data,
        &Context::new().with_remote_span_context(sender.clone()),
    );
    let dropped = otel_messaging::loss::dropped_fields() - dropped;
    let Some(traceparent) = headers.written("traceparent") else {
        assert!(!sender.is_valid());
        assert_eq!(headers.0, []);
        return;
    };
    let expected = format!(
        "00-{}-{}-{:02x}",
        sender.trace_id(),
        sender.span_id(),
        flags & 0x03
    );
    assert_eq!(traceparent, expected);

    let found = Carried::of(&extract(data, &headers)).trace_state();
    let text = entries.iter().map(|(key, value)| format!("{key}={value}"));
    let text = text.collect::<Vec<_>>().join(",");
    let is_valid = w3c::tracestate(&text).as_ref() == Some(&entries);
    if is_valid && text.len() <= w3c::MIN_TRACE_STATE_BYTES {
        assert_eq!(found, entries);
    }
    for member in &found {
        assert!(entries.contains(member), "{member:?}");
    }
    assert!(found == entries || dropped > 0, "nothing was counted");
}

fn extract(data: &[u8], headers: &Headers) -> Context {
    let nothing = Context::new();
    watch::bounded(headers.bytes(), data, || {
        PROPAGATOR.extract_with_context(&nothing, headers)
    })
}

fn inject(data: &[u8], context: &Context) -> Headers {
    let mut headers = Headers::default();
    // As text, a broken byte takes three.
    watch::bounded(3 * data.len(), data, || {
        PROPAGATOR.inject_context(context, &mut headers);
    });
    let [traceparent, tracestate] = ["traceparent", "tracestate"].map(|name| headers.written(name));
    w3c::check_written(traceparent, tracestate, None);
    headers
}
