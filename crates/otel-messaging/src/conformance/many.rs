//! Headers by the thousand: remote parties choose how many there are.

use super::subject::{Entry, Subject};
use super::trial::{Trial, Verdict, same};
use crate::carrier::headers::{Carrier, CarrierMut};

fn names() -> Vec<String> {
    let numbers = 0..1_000;
    numbers.map(|number| format!("header-{number}")).collect()
}

pub(super) fn read<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let names = names();
    for place in [0, 500, 1_000] {
        let mut entries: Vec<_> = names.iter().map(|name| Entry::text(name, "x")).collect();
        entries.insert(place, Entry::text("Order", "7"));
        let Some(headers) = trial.headers(&entries) else {
            continue;
        };
        same("get", headers.get("order"), Some("7"))?;
        let each = headers.get_each(["order", "header-999", "header-1000"]);
        same("get_each", each, Some([Some(&b"7"[..]), Some(b"x"), None]))?;
        same("the number of keys", headers.keys().count(), 1_001)?;
    }
    let duplicates: Vec<_> = names
        .iter()
        .map(|name| Entry::text("order", name))
        .collect();
    if let Some(headers) = trial.headers(&duplicates) {
        let count = headers.get_all("order").count();
        same("the number of values", count, 1_000)?;
    }
    Ok(())
}

pub(super) fn write<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let names = names();
    let mut entries: Vec<_> = names.iter().map(|name| Entry::text(name, "x")).collect();
    entries.insert(500, Entry::text("Order", "old"));
    let duplicates = [Entry::text("order", "old"); 1_000];
    for entries in [&entries[..], &duplicates] {
        let Some(mut headers) = trial.headers(entries) else {
            continue;
        };
        let before = trial.others(&headers, &["order"]);
        trial.then("set(\"order\", \"new\")");
        let answer = headers.set("order", "new".into());
        same("the answer", answer, Ok(()))?;
        let all: Vec<_> = headers.get_all("order").collect();
        same("get_all", all, vec!["new"])?;
        trial.then("remove([\"order\"])");
        headers.remove(&["order"]);
        let is_as_before = trial.subject.list(&headers).len() == before.len()
            && trial.others(&headers, &["order"]) == before;
        same("that only the others are left", is_as_before, true)?;
    }
    Ok(())
}
