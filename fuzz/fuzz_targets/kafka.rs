//! Kafka's carrier: names and values of any bytes, nulls, duplicates.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otel_messaging_fuzz::carrier::{Client, Entry, check_access, values};
use otel_messaging_fuzz::input::lines;
use otel_messaging_fuzz::librdkafka;
use otel_messaging_fuzz::relay::{check_relay, check_relay_by_others};
use otel_messaging_rdkafka::Kafka;
use rdkafka::message::OwnedHeaders;

fuzz_target!(|data: &[u8]| {
    let mut headers = OwnedHeaders::new();
    for line in lines(data) {
        librdkafka::add(&mut headers, &line.name, line.value.as_deref());
    }
    check_access::<Rdkafka>(data, &headers);
    check_relay::<Rdkafka>(data, &headers);
    check_relay_by_others::<Rdkafka>(&headers);
});

struct Rdkafka;

impl Client for Rdkafka {
    type Marker = Kafka;
    type Headers = OwnedHeaders;
    type Value = Option<Vec<u8>>;

    fn entries(headers: &OwnedHeaders) -> Vec<Entry<Self>> {
        librdkafka::entries(headers)
    }

    fn bytes(value: &Option<Vec<u8>>) -> Option<&[u8]> {
        value.as_deref()
    }

    fn settle<'a>(entries: &'a [Entry<Self>], name: &str) -> Option<&'a str> {
        values::<Self>(entries, name).pop()
    }

    /// The newest, and the lines behind it.
    fn context<'a>(entries: &'a [Entry<Self>]) -> Option<(&'a str, Vec<&'a str>)> {
        let text = |value: &'a Option<Vec<u8>>| str::from_utf8(value.as_deref()?).ok();
        let named = |(key, value): &'a Entry<Self>, name: &str| {
            text(value).filter(|_| key.eq_ignore_ascii_case(name.as_bytes()))
        };
        let newest = entries
            .iter()
            .rposition(|entry| named(entry, "traceparent").is_some())?;
        let behind = entries[newest..].iter();
        let lines = behind.filter_map(|entry| named(entry, "tracestate"));
        Some((named(&entries[newest], "traceparent")?, lines.collect()))
    }

    fn takes(name: &str, _value: &str) -> bool {
        !name.contains('\0')
    }
}
