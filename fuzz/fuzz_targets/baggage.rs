//! `baggage`: an input is the header lines of a message, and the entries of a `Baggage` that an
//! application made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use otel_messaging::propagation::BaggagePropagator;
use otel_messaging_fuzz::carried::Carried;
use otel_messaging_fuzz::headers::Headers;
use otel_messaging_fuzz::input::{Line, lines};
use otel_messaging_fuzz::{w3c, watch};

const PROPAGATOR: BaggagePropagator = BaggagePropagator::new();

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
    let lines = headers.lines("baggage");
    let complete = carried.check_baggage(&lines);
    assert!(complete || refused > 0, "nothing was counted");
    assert!(
        !lines.is_empty() || refused == 0,
        "there was nothing to refuse"
    );

    // What is already in the context stays where nothing replaces it.
    let own = Context::new().with_baggage([opentelemetry::KeyValue::new("own", "1")]);
    let context = PROPAGATOR.extract_with_context(&own, &headers);
    let kept = Carried::of(&context).baggage;
    assert!(!carried.baggage.is_empty() || kept.contains_key("own"));

    let context = own.with_baggage(Baggage::new());
    let context = PROPAGATOR.extract_with_context(&context, &headers);
    let once = inject(data, &context);
    let context = extract(data, &once);
    carried.check_relayed(&Carried::of(&context));
    assert_eq!(inject(data, &context), once);
}

/// A line is a key and its value; a line without a name has the properties of the one before.
fn write(data: &[u8], lines: &[Line]) {
    let mut entries: Vec<(String, String, String)> = Vec::new();
    for line in lines {
        match entries.last_mut() {
            Some((_, _, properties)) if line.name.is_empty() => *properties = line.value(),
            _ => entries.push((line.name(), line.value(), String::new())),
        }
    }
    let context = context(&entries);
    let dropped = otel_messaging::loss::dropped_fields();
    let headers = inject(data, &context);
    let dropped = otel_messaging::loss::dropped_fields() - dropped;

    // The same baggage makes the same header.
    entries.reverse();
    let reversed = self::context(&entries);
    let given = Carried::of(&context);
    if given == Carried::of(&reversed) {
        assert_eq!(inject(data, &reversed), headers);
    }

    let found = Carried::of(&extract(data, &headers)).baggage;
    for (key, entry) in &found {
        assert_eq!(given.baggage.get(key), Some(entry), "{key:?}");
    }
    for (key, (_, properties)) in &given.baggage {
        let properties = properties.0.as_str();
        let is_valid = properties.is_empty() || w3c::are_properties(properties);
        let lost = given.fits() && is_valid && !found.contains_key(key);
        assert!(!lost, "{key:?} is lost");
    }
    assert!(found == given.baggage || dropped > 0, "nothing was counted");
}

fn context(entries: &[(String, String, String)]) -> Context {
    let mut baggage = Baggage::new();
    for (key, value, properties) in entries {
        baggage.insert_with_metadata(key.clone(), value.clone(), properties.as_str());
    }
    Context::new().with_baggage(baggage)
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
    w3c::check_written(None, None, headers.written("baggage"));
    headers
}
