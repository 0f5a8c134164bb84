//! Kafka's carrier: names and values of any bytes, nulls, duplicates.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otel_messaging_fuzz::carrier::{Client, Entry, FIELDS, check_access, text, values};
use otel_messaging_fuzz::contexts::{self, Contexts};
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

    /// Fields of a context are read without the quotes of JSON.
    fn bytes<'a>(key: &[u8], value: &'a Option<Vec<u8>>) -> Option<&'a [u8]> {
        let value = value.as_deref()?;
        let inside = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""));
        let is_field = FIELDS
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name.as_bytes()));
        match inside {
            Some(inside) if is_field => (!inside.contains(&b'\\')).then_some(inside),
            _ => Some(value),
        }
    }

    /// The exact name before others, and of several values the newest.
    fn settle<'a>(entries: &'a [Entry<Self>], name: &str) -> Option<&'a str> {
        let exact = entries.iter().filter(|(key, _)| key == name.as_bytes());
        let exact = exact
            .filter_map(|(key, value)| text::<Self>(key, value))
            .last();
        exact.or_else(|| values::<Self>(entries, name).pop())
    }

    fn contexts<'a>(entries: &'a [Entry<Self>]) -> Contexts<'a> {
        let fields = entries.iter().filter(|(key, _)| {
            let mut fields = FIELDS.iter();
            fields.any(|name| key.eq_ignore_ascii_case(name.as_bytes()))
        });
        let fields: Vec<_> = fields
            .filter_map(|(key, value)| Some((&key[..], text::<Self>(key, value)?)))
            .collect();
        contexts::newest(&fields)
    }

    fn takes(name: &str, _value: &str) -> bool {
        !name.contains('\0')
    }
}
