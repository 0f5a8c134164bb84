//! `baggage`: an input is the header lines of a message, and the entries of a `Baggage` that an
//! application made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
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
    let headers = Headers(lines.filter(|(name, _)| name != "traceparent").collect());
    let context = extract(data, &headers);
    let carried = Carried::of(&context);
    carried.check_baggage(&headers.get_all("baggage").collect::<Vec<_>>());

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
    let baggage = |entries: &[(String, String, String)]| {
        let mut baggage = Baggage::new();
        for (key, value, properties) in entries {
            baggage.insert_with_metadata(key.clone(), value.clone(), properties.as_str());
        }
        Context::new().with_baggage(baggage)
    };
    let context = baggage(&entries);
    let headers = inject(data, &context);

    // The same baggage makes the same header.
    entries.reverse();
    let reversed = baggage(&entries);
    let (given, other) = (Carried::of(&context), Carried::of(&reversed));
    if given == other {
        assert_eq!(inject(data, &reversed), headers);
    }

    let found = Carried::of(&extract(data, &headers)).baggage;
    let bytes = given.baggage.iter().map(|(key, (value, properties))| {
        key.len() + w3c::encoded_length(value) + properties.len() + 3
    });
    let fits = bytes.sum::<usize>() <= w3c::MAX_BAGGAGE_BYTES;
    for (key, (value, properties)) in &found {
        let (expected, given) = &given.baggage[key];
        assert_eq!(value, expected, "{key:?}");
        assert!(
            properties.is_empty() || properties == given,
            "{properties:?} {given:?}"
        );
    }
    for (key, (_, properties)) in given.baggage.iter().filter(|_| fits) {
        let lost = found.get(key).is_none_or(|(_, found)| found != properties);
        let valid = properties.is_empty() || w3c::are_properties(properties);
        assert!(!(valid && lost), "{key:?} is lost");
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
    w3c::check_written(None, None, headers.written("baggage"));
    headers
}
