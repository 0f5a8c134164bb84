//! What headers leave of a room: by this count a context is made to fit into a message.

use super::reading::OTHERS;
use super::subject::{Entry, Subject, Value};
use super::trial::{Trial, Verdict, same, shown};
use crate::carrier::headers::{Carrier, CarrierMut};
use crate::field::name::FIELDS;

/// More than the headers of any case here take, in bytes.
const ROOM: usize = 32 * 1024;

const LARGE: usize = 8 * 1024;

pub(super) fn room<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    // Without a case the rule is reported as untested.
    if !is_limited(trial.subject) {
        return Ok(());
    }
    built(trial)?;
    added(trial)
}

/// Whether the carrier counts anything at all, or says that it does.
fn is_limited<S>(subject: &S) -> bool
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let entries = OTHERS.into_iter().chain([Entry::text("order", "7")]);
    let mut built = entries.filter_map(|entry| subject.build(&[entry]));
    let counts = built.any(|headers| headers.left_of(ROOM) != Some(ROOM));
    counts || <S::Headers as CarrierMut<S::Marker>>::PER_HEADER > 0
}

/// Headers of every kind count, readable or not.
fn built<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let large = "x".repeat(LARGE);
    let entries = OTHERS.into_iter().chain([Entry::text("large", &large)]);
    let mut all = Vec::new();
    let mut before = match trial.headers(&all) {
        Some(headers) => size(trial, &headers)?,
        None => 0,
    };
    for entry in entries {
        all.push(entry);
        let Some(mut headers) = trial.headers(&all) else {
            all.pop();
            continue;
        };
        let least = least(&entry);
        let after = size(trial, &headers)?;
        if after < before + least {
            let without = ROOM - before;
            return Err(format!(
                "left_of({ROOM}) is {}, and has to be {} at most: it is {without} without the last \
                 header, which takes {least} at least",
                ROOM - after,
                without.saturating_sub(least)
            ));
        }
        before = after;
        if let Some(name) = entry.name() {
            trial.then(format_args!("remove([{name:?}])"));
            headers.remove(&[name]);
            if !trial.named(&headers, name).is_empty() {
                continue;
            }
            let removed = size(trial, &headers)?;
            if removed + least > after {
                return Err(format!(
                    "left_of({ROOM}) is {}, and has to be {} at least: it was {} before",
                    ROOM - removed,
                    (ROOM - after) + least,
                    ROOM - after
                ));
            }
        }
    }
    Ok(())
}

/// The name and the value, as far as the kit knows how many bytes that is.
fn least(entry: &Entry<'_>) -> usize {
    let value = match entry.value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null | Value::Other => 0,
    };
    entry.name.len() + value
}

/// A header that the carrier writes takes its name, its value and `PER_HEADER` bytes at most.
fn added<S>(trial: &mut Trial<'_, S>) -> Verdict
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let per_header = <S::Headers as CarrierMut<S::Marker>>::PER_HEADER;
    let sizes = [0, 1, 55, 64, 300, LARGE].map(|size| "x".repeat(size));
    let values: Vec<_> = sizes.into_iter().chain(["\u{fc}".repeat(200)]).collect();
    let long = "x".repeat(100);
    for entries in [&[][..], &OTHERS] {
        for name in FIELDS.into_iter().chain(["order", &long]) {
            for value in &values {
                let Some(mut headers) = trial.most(entries) else {
                    continue;
                };
                let before = size(trial, &headers)?;
                let list = trial.others(&headers, &[]);
                trial.then(format_args!("add({}, {})", shown(name), shown(value)));
                let is_added = headers.add(name, value.as_str().into()).is_ok()
                    && headers.get_all(name).eq([value.as_str()])
                    && trial.others(&headers, &[name]) == list;
                // Whether it has to be is another rule's.
                if !is_added {
                    continue;
                }
                let after = size(trial, &headers)?;
                let least = name.len() + value.len();
                let may_take = least..=least.saturating_add(per_header);
                let took = after.checked_sub(before);
                if !took.is_some_and(|took| may_take.contains(&took)) {
                    let (was, left) = (ROOM - before, ROOM - after);
                    return Err(format!(
                        "left_of({ROOM}) is {left}, and was {was}: the header may take {least} bytes \
                         and the {per_header} of `PER_HEADER`"
                    ));
                }
                trial.then(format_args!("remove([{}])", shown(name)));
                headers.remove(&[name]);
                if trial.others(&headers, &[]) != list {
                    continue;
                }
                let left = ROOM - size(trial, &headers)?;
                same(format_args!("left_of({ROOM})"), left, ROOM - before)?;
            }
        }
    }
    Ok(())
}

/// What these headers take, by what they leave of a room that is larger; other rooms have to agree.
fn size<S>(trial: &Trial<'_, S>, headers: &S::Headers) -> Result<usize, String>
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let left_of = |room| {
        let left = headers.left_of(room);
        (left, format!("left_of({room})"))
    };
    let (left, what) = left_of(ROOM);
    let Some(left) = left.filter(|left| *left <= ROOM) else {
        return Err(format!("{what} is {left:?}, and the headers take less"));
    };
    let size = ROOM - left;
    // A protocol may need no room for a message without headers.
    if !trial.subject.list(headers).is_empty() {
        let less = size.checked_sub(1).map(|less| (less, None));
        let rooms = [(size, Some(0)), (size + 7, Some(7))];
        for (room, expected) in rooms.into_iter().chain(less) {
            let (left, what) = left_of(room);
            same(what, left, expected)?;
        }
    }
    let (most, what) = left_of(usize::MAX);
    if most.is_none_or(|most| most < left) {
        return Err(format!("{what} is {most:?}, and left_of({ROOM}) is {left}"));
    }
    Ok(size)
}
