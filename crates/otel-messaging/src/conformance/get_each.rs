//! The rule of reading several headers at once.

use super::subject::{Entry, Subject, Value};
use super::trial::{Trial, Verdict, same};
use crate::carrier::headers::Carrier;

pub(super) fn get_each<S: Subject>(trial: &mut Trial<'_, S>) -> Verdict {
    let a = Entry::text("a", "1");
    let b = Entry::text("B", "2");
    let c = Entry::text("c", "");
    let null = Entry::new("a", Value::Null);
    let bytes = Entry::new("A", Value::Bytes(b"\xff"));
    let cases = [
        &[][..],
        &[a],
        &[c, b, a],
        &[null],
        &[bytes, b],
        &[a, a],
        &[a, b, Entry::text("a", "3")],
        &[a, Entry::text("A", "1")],
        &[Entry::text("A", "3"), b, a],
        &[c, c],
        &[a, Entry::text("x", "4"), Entry::text("x", "5"), b],
        &[null, a, bytes],
    ];
    // A carrier may go another way where there are many: of every first letter here.
    let names: Vec<_> = (b'!'..=b'~').map(|first| [first, b'z']).collect();
    let others = names.iter().map(|name| Entry {
        name,
        value: Value::Text("x"),
    });
    let others: Vec<_> = others.filter(|entry| trial.builds(entry)).collect();
    let beside = cases.map(|case| [case, &others].concat());
    let cases = cases.map(<[_]>::to_vec).into_iter().chain(beside);
    for entries in cases {
        let Some(headers) = trial.headers(&entries) else {
            continue;
        };
        agrees(trial, &headers, ["a", "b", "C"])?;
        agrees(trial, &headers, ["A"])?;
        agrees(trial, &headers, [])?;
    }
    Ok(())
}

fn agrees<S: Subject, const N: usize>(
    trial: &Trial<'_, S>,
    headers: &S::Headers,
    names: [&str; N],
) -> Verdict {
    let what = format!("get_each({names:?})");
    let texts = names.map(|name| headers.get_all(name).collect::<Vec<_>>());
    let Some(found) = headers.get_each(names) else {
        // Unreadable ones may count here.
        let has_several = |name: &&str| trial.named(headers, name).len() > 1;
        let is_right = names.iter().any(has_several);
        return same(
            format!("whether {what} is right to be None"),
            is_right,
            true,
        );
    };
    // Bytes are for their reader to look at.
    let found = found.map(|value| str::from_utf8(value?).ok());
    same(what, found.map(Vec::from_iter), texts)
}
