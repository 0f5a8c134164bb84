//! The rules of reading.

use super::counting::{candidates, counting};
use super::subject::{Entry, Subject, Value};
use super::trial::{Trial, Verdict, same};
use crate::carrier::headers::Carrier;
use std::collections::BTreeSet;

const UNREADABLE: [Value<'static>; 5] = [
    Value::Null,
    Value::Bytes(b"\xff\xfe"),
    // The beginning of a character.
    Value::Bytes(b"7\xc3"),
    Value::Bytes(b"\0\xff"),
    Value::Other,
];

/// What stands in headers beside the one that a case is about: every kind that a protocol may
/// have.
pub(super) const OTHERS: [Entry<'static>; 12] = [
    Entry::text("before", "1"),
    Entry::text("Zulu", "2"),
    Entry::new("null", Value::Null),
    Entry::new("bytes", Value::Bytes(b"\xff\xfe\0")),
    Entry::new("number", Value::Other),
    Entry {
        name: b"not \xff text",
        value: Value::Text("3"),
    },
    Entry::text("alpha", "4"),
    Entry::text("twice", "5"),
    Entry::text("twice", "6"),
    Entry::text("Twice", "5"),
    Entry::text("empty", ""),
    Entry::text("traceparents", "7"),
];

pub(super) fn subject<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let cases = [
        &[][..],
        &[Entry::text("order", "7")],
        &[Entry::text("order", "8")],
    ];
    for entries in cases {
        if trial.headers(entries).is_none() {
            return Err("the subject does not build them".to_owned());
        }
    }
    let mut seen = BTreeSet::new();
    let values = ["", "7", "8"].map(Value::Text);
    for value in values.into_iter().chain(UNREADABLE) {
        if let Some(headers) = trial.headers(&[Entry::new("order", value)]) {
            let list = trial.subject.list(&headers);
            same("the number of them", list.len(), 1)?;
            if !seen.insert(list) {
                return Err("they are listed as others with another value are".to_owned());
            }
        }
    }
    let orders = [
        Entry::text("order", "1"),
        Entry::text("before", "2"),
        Entry::text("order", "3"),
        Entry::text("Order", "4"),
    ];
    for count in 2..=orders.len() {
        let entries = &orders[orders.len() - count..];
        let Some(headers) = trial.headers(entries) else {
            continue;
        };
        let list = trial.subject.list(&headers);
        let mut found: Vec<_> = list.iter().map(|(name, _)| lower_case(name)).collect();
        let mut expected: Vec<_> = entries.iter().map(|entry| lower_case(entry.name)).collect();
        if !S::ORDERED {
            found.sort();
            expected.sort();
        }
        same("the list of their names", found, expected)?;
    }
    Ok(())
}

pub(super) fn look_up<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let names = [
        ("order", "ORDER"),
        ("Order-Id", "order-id"),
        ("ORDER_7.x", "order_7.X"),
    ];
    for (written, asked) in names {
        let Some(headers) = trial.headers(&[Entry::text(written, "7")]) else {
            continue;
        };
        for name in [written, asked] {
            same(format_args!("get({name:?})"), headers.get(name), Some("7"))?;
            let all: Vec<_> = headers.get_all(name).collect();
            same(format_args!("get_all({name:?})"), all, vec!["7"])?;
        }
        let beginning = &written[..4];
        let longer = format!("{written}s");
        // The Kelvin sign is no ASCII, though its lower case is.
        for name in [beginning, &longer, "", "x", "\u{212a}", "\0", "\u{fc}"] {
            same(format_args!("get({name:?})"), headers.get(name), None)?;
        }
    }
    if let Some(headers) = trial.headers(&[Entry::text("\u{212a}ey", "7")]) {
        same(format_args!("get(\"key\")"), headers.get("key"), None)?;
    }
    Ok(())
}

pub(super) fn get_all<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let cases = [
        &[("order", "1"), ("order", "1")][..],
        &[
            ("order", "2"),
            ("other", "x"),
            ("order", "1"),
            ("order", "2"),
        ],
        &[("Order", "1"), ("ORDER", "2"), ("order", "3")],
        &[
            ("order", "1"),
            ("Order", "2"),
            ("order", "3"),
            ("Order", "4"),
        ],
        &[("order", ""), ("order", "b\r\n\0"), ("order", "\u{fc}")],
    ];
    for case in cases {
        let entries: Vec<_> = case.iter().map(|(n, v)| Entry::text(n, v)).collect();
        let Some(headers) = trial.headers(&entries) else {
            continue;
        };
        for name in ["order", "oRDER"] {
            let found: Vec<_> = headers.get_all(name).collect();
            let expected = entries.iter().filter(|entry| entry.is_named(name));
            let expected = expected.filter_map(Entry::as_text);
            if S::ORDERED {
                let expected: Vec<_> = expected.map(|(_, value)| value).collect();
                same(format_args!("get_all({name:?})"), found, expected)?;
                continue;
            }
            let expected: Vec<_> = expected.collect();
            same("the number of values", found.len(), expected.len())?;
            // Each spelling has its own order.
            let spellings: BTreeSet<_> = expected.iter().map(|(name, _)| *name).collect();
            for spelling in spellings {
                let of_it = expected.iter().filter(|(name, _)| *name == spelling);
                let of_it: Vec<_> = of_it.map(|(_, value)| *value).collect();
                let mut found = found.clone();
                found.retain(|value| of_it.contains(value));
                same(
                    format_args!("get_all({name:?}) of {spelling:?}"),
                    found,
                    of_it,
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn equal_duplicates<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    for names in [
        &["order"; 2][..],
        &["order"; 3],
        &["order", "Order", "ORDER"],
    ] {
        for value in ["7", ""] {
            let entries: Vec<_> = names.iter().map(|name| Entry::text(name, value)).collect();
            if let Some(headers) = trial.headers(&entries) {
                same("get", headers.get("order"), Some(value))?;
            }
        }
    }
    Ok(())
}

pub(super) fn differing_duplicates<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    for names in [["order"; 3], ["order", "Order", "ORDER"]] {
        for values in [
            &["1", "2"][..],
            &["1", "2", "1"],
            &["1", "1", "2"],
            &["", "1"],
        ] {
            let entries = names.iter().zip(values);
            let entries: Vec<_> = entries.map(|(n, v)| Entry::text(n, v)).collect();
            let Some(headers) = trial.headers(&entries) else {
                continue;
            };
            let all = candidates::<S>(&headers, &entries, "order");
            let expected = counting::<S>(&all);
            same("get", headers.get("order"), expected)?;
        }
    }
    Ok(())
}

pub(super) fn unreadable<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let readable = Entry::text("order", "7");
    for value in UNREADABLE {
        let unreadable = Entry::new("order", value);
        let spelt = Entry::new("Order", value);
        let cases = [
            (&[unreadable][..], None),
            (&[unreadable, readable], Some("7")),
            (&[readable, unreadable], Some("7")),
            (&[spelt, readable, unreadable], Some("7")),
            (&[readable, spelt], Some("7")),
        ];
        for (entries, expected) in cases {
            let Some(headers) = trial.headers(entries) else {
                continue;
            };
            same("get", headers.get("order"), expected)?;
            let all: Vec<_> = headers.get_all("order").collect();
            same("get_all", all, Vec::from_iter(expected))?;
        }
    }
    Ok(())
}

pub(super) fn keys<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let order = [Entry::text("order", "7"), Entry::text("Order", "8")];
    for entries in [&[][..], &order[..1], &order, &OTHERS] {
        let Some(headers) = trial.most(entries) else {
            continue;
        };
        let list = trial.subject.list(&headers);
        let readable = list.iter().filter(|(name, _)| str::from_utf8(name).is_ok());
        let expected: BTreeSet<_> = readable.map(|(name, _)| lower_case(name)).collect();
        let found = headers.keys().map(|key| lower_case(key.as_bytes()));
        same("the set of keys", found.collect(), expected)?;
    }
    Ok(())
}

/// A protocol may write all names in one case.
fn lower_case(name: &[u8]) -> Vec<u8> {
    name.to_ascii_lowercase()
}
