//! The carrier of NATS: any headers that its own type holds.
#![no_main]

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use otel_messaging_async_nats::Nats;
use otel_messaging_fuzz::carried::Carried;
use otel_messaging_fuzz::carrier::{Client, Entry, FIELDS, check_access, values};
use otel_messaging_fuzz::contexts::{self, Contexts};
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

    fn bytes<'a>(_key: &[u8], value: &'a String) -> Option<&'a [u8]> {
        Some(value.as_bytes())
    }

    /// Servers before 2.14 disable the header by another letter.
    fn is_named(key: &[u8], name: &str) -> bool {
        let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
        is(name) || (name.eq_ignore_ascii_case("traceparent") && is("xraceparent"))
    }

    /// Title case, if it stands beside lower case and both are in one trace, without a third sender.
    /// With one sender in one spelling, that spelling's fields first, or those in title case where the
    /// other stands there twice. A disabled one if there is no other.
    fn contexts<'a>(entries: &'a [Entry<Self>]) -> Contexts<'a> {
        let [all, state, baggage] = FIELDS.map(|name| values::<Self>(entries, name));
        let enabled = entries.iter();
        let enabled = enabled.filter(|(key, _)| key.eq_ignore_ascii_case(b"traceparent"));
        let enabled: Vec<_> = enabled.map(|(_, value)| value.as_str()).collect();
        let senders = contexts::senders(&enabled);
        if senders.is_empty() {
            return contexts::unordered(&all, state, baggage);
        }
        let exact = |name: &str| {
            let named = entries.iter().filter(|(key, _)| key == name.as_bytes());
            named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        let part = |sender: &'a str, at| sender.split('-').nth(at);
        let is_pair = |lower: &'a str, title: &'a str| {
            let differ = part(lower, 2) != part(title, 2);
            part(lower, 1) == part(title, 1) && senders.len() == 1 + usize::from(differ)
        };
        let lines = exact("traceparent");
        let lower = contexts::senders(&lines);
        let title = contexts::senders(&exact("Traceparent"));
        let fields = |names: [[&str; 2]; 2]| {
            names.map(|names| {
                let all = values::<Self>(entries, names[0]);
                contexts::first_of(&[exact(names[0]), exact(names[1]), all])
            })
        };
        let lower_first = [["tracestate"; 2], ["baggage"; 2]];
        let title_first = [["Tracestate", "tracestate"], ["Baggage", "baggage"]];
        match (&lower[..], &title[..]) {
            ([lower], [title]) if is_pair(lower, title) => {
                contexts::unordered(&[title], exact("Tracestate"), exact("Baggage"))
            }
            _ if senders.len() > 1 => Contexts::Contradicting(senders),
            ([lower], []) => {
                let names = if lines.len() > 1 {
                    title_first
                } else {
                    lower_first
                };
                let [state, baggage] = fields(names);
                contexts::unordered(&[lower], state, baggage)
            }
            ([], [title]) => {
                let [state, baggage] = fields([["Tracestate"; 2], ["Baggage"; 2]]);
                contexts::unordered(&[title], state, baggage)
            }
            _ => contexts::unordered(&enabled, state, baggage),
        }
    }

    fn takes(name: &str, value: &str) -> bool {
        // The client takes an empty name, other readers do not.
        !name.is_empty()
            && name.parse::<HeaderName>().is_ok()
            && value.parse::<HeaderValue>().is_ok()
    }
}
