//! `traceparent` and `tracestate`: an input is the header lines of a message, and the entries of a
//! `TraceState` that an application made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use otel_messaging::{Carrier, Instrumentation};
use otel_messaging_fuzz::carried::Carried;
use otel_messaging_fuzz::headers::Headers;
use otel_messaging_fuzz::input::{Line, lines};
use otel_messaging_fuzz::{w3c, watch};

fuzz_target!(|data: &[u8]| {
    let lines = lines(data);
    relay(data, &lines);
    write(data, &lines);
});

fn relay(data: &[u8], lines: &[Line]) {
    let lines = lines.iter().map(|line| (line.name(), line.value()));
    let headers = Headers(lines.filter(|(name, _)| name != "baggage").collect());
    let context = extract(data, &headers);
    let carried = Carried::of(&context);
    carried.check_sender(Carrier::get(&headers, "traceparent"));
    carried.check_trace_state(&headers.get_all("tracestate").collect::<Vec<_>>());

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
    let headers = inject(
        data,
        &Context::new().with_remote_span_context(sender.clone()),
    );
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
    let text: Vec<_> = entries
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let text = text.join(",");
    if w3c::tracestate(&text).as_ref() == Some(&entries) && text.len() <= w3c::MIN_TRACE_STATE_BYTES
    {
        assert_eq!(found, entries);
    }
    for member in &found {
        assert!(entries.contains(member), "{member:?}");
    }
}

fn extract(data: &[u8], headers: &Headers) -> Context {
    watch::bounded(headers.bytes(), data, || {
        Instrumentation::default().extract(headers)
    })
}

fn inject(data: &[u8], context: &Context) -> Headers {
    let mut headers = Headers::default();
    watch::bounded(data.len(), data, || {
        Instrumentation::default().inject(context, &mut headers);
    });
    let [traceparent, tracestate] = ["traceparent", "tracestate"].map(|name| headers.written(name));
    w3c::check_written(traceparent, tracestate, None);
    headers
}
