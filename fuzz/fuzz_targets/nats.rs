//! The carrier of NATS: any headers that its own type holds.
#![no_main]

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use otel_messaging_async_nats::Nats;
use otel_messaging_fuzz::carried::Carried;
use otel_messaging_fuzz::carrier::{Client, Entry, check_access};
use otel_messaging_fuzz::input::lines;
use otel_messaging_fuzz::relay::{check_relay, check_relay_by_others};

fuzz_target!(|data: &[u8]| {
    let headers = headers(data);
    check_access::<AsyncNats>(data, &headers);
    check_relay::<AsyncNats>(data, &headers);
    check_relay_by_others::<AsyncNats>(&headers);

    // The map's order among names differs from one to the next; what it carries does not.
    let other = self::headers(data);
    assert_eq!(headers, other);
    let [context, other] = [headers, other].map(|headers| otel_messaging::extract(&headers));
    assert_eq!(Carried::of(&context), Carried::of(&other));
});

fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines(data) {
        // What does not parse cannot be in a message, be it received or sent.
        let name = line.name().parse::<HeaderName>();
        if let (Ok(name), Ok(value)) = (name, line.value().parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    headers
}

struct AsyncNats;

impl Client for AsyncNats {
    type Marker = Nats;
    type Headers = HeaderMap;
    type Value = String;

    const IS_ORDERED: bool = false;

    /// By name, because the map has no order among names.
    fn entries(headers: &HeaderMap) -> Vec<Entry<Self>> {
        let mut names: Vec<&HeaderName> = headers.iter().map(|(name, _)| name).collect();
        names.sort_unstable_by(|a, b| AsRef::<str>::as_ref(*a).cmp(b.as_ref()));
        let entries = names.into_iter().flat_map(|name| {
            let values = headers.get_all(name.clone());
            values.map(|value| (AsRef::<[u8]>::as_ref(name).to_vec(), value.to_string()))
        });
        entries.collect()
    }

    fn bytes(value: &String) -> Option<&[u8]> {
        Some(value.as_bytes())
    }

    /// Servers before 2.14 disable the header by another letter.
    fn is_named(key: &[u8], name: &str) -> bool {
        let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
        is(name) || (name.eq_ignore_ascii_case("traceparent") && is("xraceparent"))
    }

    /// Title case, if both spellings are of one trace; else the only one that is not disabled.
    fn context<'a>(entries: &'a [Entry<Self>]) -> Option<(&'a str, Vec<&'a str>)> {
        let one = |exact: &str| {
            let named = entries.iter().filter(|(key, _)| key == exact.as_bytes());
            let mut values: Vec<_> = named.map(|(_, value)| value.as_str()).collect();
            values.dedup();
            values
        };
        let known = |key: &[u8]| {
            let known = [&b"traceparent"[..], b"Traceparent"].contains(&key);
            known || !key.eq_ignore_ascii_case(b"traceparent")
        };
        if !entries.iter().all(|(key, _)| known(key)) {
            return None;
        }
        let trace = |sender: &'a str| sender.split('-').nth(1);
        let (lower, title) = (one("traceparent"), one("Traceparent"));
        let (sender, state) = match (&lower[..], &title[..]) {
            ([lower], [title]) if trace(lower)? == trace(title)? => (*title, "Tracestate"),
            ([lower], []) => (*lower, "tracestate"),
            ([], [title]) => (*title, "Tracestate"),
            _ => return None,
        };
        let lines = entries.iter().filter(|(key, _)| key == state.as_bytes());
        Some((sender, lines.map(|(_, value)| value.as_str()).collect()))
    }

    fn takes(name: &str, value: &str) -> bool {
        // The client takes an empty name, other readers do not.
        !name.is_empty()
            && name.parse::<HeaderName>().is_ok()
            && value.parse::<HeaderValue>().is_ok()
    }
}
