//! The rules of writing.

use super::reading::OTHERS;
use super::subject::{Entry, Subject, Value};
use super::trial::{Trial, Verdict, same, shown};
use crate::carrier::headers::{Carrier, CarrierMut};
use crate::field::value::FieldValue;
use crate::loss::reason::CarrierError;

const BYTES: Value<'static> = Value::Bytes(b"\xff");

/// A header in every state in which a protocol may have it.
const OLD: [Entry<'static>; 8] = [
    Entry::text("order", "old"),
    Entry::text("Order", "old"),
    Entry::text("order", "older"),
    Entry::text("ORDER", "oldest"),
    Entry::new("order", Value::Null),
    Entry::new("oRDER", BYTES),
    Entry::new("orDER", Value::Other),
    Entry::new("ordER", Value::Null),
];

fn values() -> Vec<String> {
    let plain = [
        "7",
        "",
        " ",
        "a=1,b=2;p",
        "\u{fc} \u{1f4b6}",
        "%0D%0A",
        "\t7 ",
    ];
    let hostile = ["a\r\nb: c", "\r", "\n", "\0", "a\0b", "\u{7f}\u{1b}[0m"];
    let sizes = [255, 256, 8 * 1024, 65_535, 64 * 1024];
    let large = sizes.map(|size| "x".repeat(size));
    let texts = plain.into_iter().chain(hostile).map(str::to_owned);
    texts
        .chain(large)
        .chain(["\u{fc}".repeat(40_000)])
        .collect()
}

fn names() -> Vec<String> {
    let plain = ["order", "ORDER", "x-order_7.id"];
    let hostile = [
        "",
        " ",
        ":",
        "a b",
        " a",
        "a:b",
        "a\0b",
        "a\rb",
        "a\nb",
        "a\r\nb: c\r\n",
        "\u{fc}",
        "\u{212a}",
        "a\u{7f}",
        "\"a\"",
    ];
    let sizes = [255, 256, 300, 70_000];
    let large = sizes.map(|size| "x".repeat(size));
    let texts = plain.into_iter().chain(hostile).map(str::to_owned);
    texts.chain(large).chain(["\u{fc}".repeat(200)]).collect()
}

/// Each name with a value, and each value with a name, that can be represented if any can.
fn pairs() -> impl Iterator<Item = (String, String)> {
    let names = names().into_iter().map(|name| (name, "7".to_owned()));
    let values = values().into_iter();
    names.chain(values.map(|value| ("order".to_owned(), value)))
}

fn set<S>(
    trial: &mut Trial<'_, S>,
    headers: &mut S::Headers,
    name: &str,
    value: &str,
) -> Result<(), CarrierError>
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    trial.then(format_args!("set({}, {})", shown(name), shown(value)));
    headers.set(name, value.into())
}

pub(super) fn replaces<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let mut cases: Vec<_> = OLD.iter().map(|old| vec![*old]).collect();
    cases.extend([
        vec![],
        OLD.to_vec(),
        vec![OLD[0], OLD[2]],
        OLD[1..].to_vec(),
    ]);
    for mut entries in cases {
        entries.insert(0, OTHERS[0]);
        entries.push(OTHERS[1]);
        let Some(mut headers) = trial.most(&entries) else {
            continue;
        };
        for value in ["new", "newer"] {
            let answer = set(trial, &mut headers, "order", value);
            same("the answer", answer, Ok(()))?;
            let names = trial.named(&headers, "order").into_iter();
            let names: Vec<_> = names
                .map(|(name, _)| String::from_utf8_lossy(&name).into_owned())
                .collect();
            let expected = vec!["order".to_owned()];
            same("the header under all its names", names, expected)?;
        }
    }
    Ok(())
}

pub(super) fn read_back<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    for entries in [&[][..], &[&OTHERS[..], &OLD].concat()] {
        for value in values() {
            let value = &*value;
            let is_printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            let printable = is_printable.then(|| {
                let owned = FieldValue::printable_owned(value.to_owned());
                [FieldValue::printable(value.as_bytes()), owned]
            });
            let forms = [FieldValue::from(value), FieldValue::from(value.to_owned())];
            for form in forms.into_iter().chain(printable.into_iter().flatten()) {
                let Some(mut headers) = trial.most(entries) else {
                    continue;
                };
                trial.then(format_args!("set(\"order\", {})", shown(value)));
                let answer = headers.set("order", form);
                if value == "7" {
                    same("the answer", answer, Ok(()))?;
                }
                if answer.is_err() {
                    continue;
                }
                same("get", headers.get("Order"), Some(value))?;
                let all: Vec<_> = headers.get_all("order").collect();
                same("get_all", all, vec![value])?;
                let each = headers.get_each(["order"]);
                same("get_each", each, Some([Some(value.as_bytes())]))?;
            }
        }
    }
    Ok(())
}

pub(super) fn add<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    for (name, value) in pairs() {
        for entries in [&[][..], &OTHERS] {
            let (Some(mut set), Some(mut added)) = (trial.most(entries), trial.most(entries))
            else {
                continue;
            };
            trial.then(format_args!("add({}, {})", shown(&name), shown(&value)));
            let answer = set.set(&name, (*value).into()).is_ok();
            let added_answer = added.add(&name, (*value).into()).is_ok();
            same("whether that is done", added_answer, answer)?;
            let (set, added) = (trial.others(&set, &[]), trial.others(&added, &[]));
            same("whether all is as after set", added == set, true)?;
        }
    }
    Ok(())
}

pub(super) fn refuses<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    for (name, value) in pairs() {
        let old = Entry::text(&name, "old");
        for entries in [&[OTHERS[0]][..], &[OTHERS[0], old, OLD[1]]] {
            let Some(mut headers) = trial.most(entries) else {
                continue;
            };
            let answer = set(trial, &mut headers, &name, &value);
            let list = trial.named(&headers, &name);
            let all: Vec<_> = headers.get_all(&name).collect();
            let number = usize::from(answer.is_ok());
            same(
                format_args!("with {answer:?} the number of its headers"),
                list.len(),
                number,
            )?;
            if name != "order" {
                let expected = vec![&*value; number];
                same(format_args!("with {answer:?} get_all"), all, expected)?;
            }
        }
    }
    Ok(())
}

pub(super) fn remove<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let second = [
        Entry::text("Second", "1"),
        Entry::text("second", "2"),
        Entry::new("second", BYTES),
    ];
    let third = [Entry::new("third", Value::Null), Entry::text("THIRD", "")];
    let all = [&OLD[..], &second, &OTHERS, &third].concat();
    let mut cases: Vec<_> = OLD
        .iter()
        .chain(&second)
        .chain(&third)
        .map(|old| vec![*old])
        .collect();
    cases.extend([vec![], OLD.to_vec(), vec![OLD[0], second[1], third[1]], all]);
    let requests = [
        &["order"][..],
        &["ORDER", "second", "Third"],
        &[
            "absent", "a\0b", "", "third", "order", "order", "Order", "secOND",
        ],
    ];
    for entries in &cases {
        for names in requests {
            let Some(mut headers) = trial.most(entries) else {
                continue;
            };
            trial.then(format_args!("remove({names:?})"));
            headers.remove(names);
            for name in names {
                let left = trial.named(&headers, name).len();
                same(format_args!("the number of headers {name:?}"), left, 0)?;
                same(format_args!("get({name:?})"), headers.get(name), None)?;
            }
        }
    }
    Ok(())
}

pub(super) fn others_kept<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let (left, right) = OTHERS.split_at(OTHERS.len() / 2);
    let all = [left, &OLD, right].concat();
    let plain = [OTHERS[0], OLD[0], OTHERS[1], OTHERS[6]];
    let large = "x".repeat(70_000);
    for entries in [&OTHERS[..], &all, &plain] {
        let sets = [
            ("order", "new"),
            ("Order", ""),
            ("ORDER", "a\r\nb: c\0"),
            ("order", &large),
            ("a\r\nb: c\0", "new"),
            ("", "new"),
            (&large, "new"),
        ];
        for (name, value) in sets {
            let Some(mut headers) = trial.most(entries) else {
                continue;
            };
            let before = trial.others(&headers, &[name]);
            // Its answer is another rule's.
            let _ = set(trial, &mut headers, name, value);
            same(
                "the list of the others",
                trial.others(&headers, &[name]),
                before,
            )?;
        }
        for names in [
            &["order"][..],
            &[],
            &["absent", "before"],
            &["a\0b", "ZULU", "twice", "Order"],
        ] {
            let Some(mut headers) = trial.most(entries) else {
                continue;
            };
            let before = trial.others(&headers, names);
            trial.then(format_args!("remove({names:?})"));
            headers.remove(names);
            same(
                "the list of the others",
                trial.others(&headers, names),
                before,
            )?;
        }
    }
    Ok(())
}
