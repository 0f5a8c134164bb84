//! The carrier of NATS: any headers that its own type holds.
#![no_main]

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use otel_messaging_async_nats::Nats;
use otel_messaging_fuzz::carrier::{Client, check_access, check_relay, check_relay_by_others};
use otel_messaging_fuzz::input::lines;

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in lines(data) {
        // What does not parse cannot be in a message, be it received or sent.
        let name = line.name().parse::<HeaderName>();
        if let (Ok(name), Ok(value)) = (name, line.value().parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    check_access::<AsyncNats>(&headers);
    check_relay::<AsyncNats>(data, &headers);
    check_relay_by_others::<AsyncNats>(&headers);
});

struct AsyncNats;

impl Client for AsyncNats {
    type Marker = Nats;
    type Headers = HeaderMap;
    type Value = String;

    /// By name, because the map has no order among names.
    fn entries(headers: &HeaderMap) -> Vec<(Vec<u8>, String)> {
        let mut names: Vec<&HeaderName> = headers.iter().map(|(name, _)| name).collect();
        names.sort_unstable_by(|a, b| AsRef::<str>::as_ref(*a).cmp(b.as_ref()));
        let entries = names.into_iter().flat_map(|name| {
            let values = headers.get_all(name.clone());
            values.map(|value| (AsRef::<[u8]>::as_ref(name).to_vec(), value.to_string()))
        });
        entries.collect()
    }

    fn text(value: &String) -> Option<&str> {
        Some(value)
    }

    fn one_of<'a>(values: &[&'a str]) -> Option<&'a str> {
        let first = *values.first()?;
        values.iter().all(|value| *value == first).then_some(first)
    }

    fn takes(name: &str, value: &str) -> bool {
        name.parse::<HeaderName>().is_ok() && value.parse::<HeaderValue>().is_ok()
    }
}
