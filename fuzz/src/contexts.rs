//! Which of several contexts in one message counts, written down a second time.

use crate::w3c;

/// The fields that came with one sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set<'a> {
    /// A valid traceparent.
    pub sender: Option<&'a str>,
    /// The lines of its tracestate.
    pub state: Vec<&'a str>,
    /// The lines of its baggage.
    pub baggage: Vec<&'a str>,
}

/// The one set that counts, or all senders that contradict each other.
#[derive(Debug, PartialEq, Eq)]
pub enum Contexts<'a> {
    /// One counts, or there is none.
    One(Set<'a>),
    /// None of them counts.
    Contradicting(Vec<&'a str>),
}

/// The valid senders, each once: a sampled one before others of the same span, then the greatest text.
pub fn senders<'a>(values: &[&'a str]) -> Vec<&'a str> {
    let valid = values.iter().map(|value| w3c::trim(value));
    let valid = valid.filter_map(|value| {
        let (_, _, flags) = w3c::traceparent(value)?;
        Some((&value[3..52], flags.is_sampled(), value))
    });
    let valid: Vec<_> = valid.collect();
    let mut senders: Vec<&str> = Vec::new();
    for (ids, ..) in &valid {
        let same = valid.iter().filter(|(other, ..)| other == ids);
        let (_, _, greatest) = same.max().expect("one");
        if !senders.contains(greatest) {
            senders.push(greatest);
        }
    }
    senders
}

/// The lines of a list, without those that are empty and equal neighbours.
fn lines_of<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let lines = lines.iter().map(|line| w3c::trim(line));
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.dedup();
    lines
}

/// The lines of the first of these lists that has any.
pub fn first_of<'a>(lists: &[Vec<&'a str>]) -> Vec<&'a str> {
    let mut lists = lists.iter().map(|lines| lines_of(lines));
    lists.find(|lines| !lines.is_empty()).unwrap_or_default()
}

/// Where nothing tells which context is newer.
pub fn unordered<'a>(
    values: &[&'a str],
    state: Vec<&'a str>,
    baggage: Vec<&'a str>,
) -> Contexts<'a> {
    let senders = senders(values);
    if senders.len() > 1 {
        return Contexts::Contradicting(senders);
    }
    let (state, baggage) = (lines_of(&state), lines_of(&baggage));
    Contexts::One(Set {
        sender: senders.first().copied(),
        state,
        baggage,
    })
}

/// Where the newest context counts; these are names and values of the three fields.
pub fn newest<'a>(fields: &[(&[u8], &'a str)]) -> Contexts<'a> {
    let is = |name: &[u8], field: &str| name.eq_ignore_ascii_case(field.as_bytes());
    let fields = fields.iter().map(|(name, value)| (*name, w3c::trim(value)));
    let fields: Vec<_> = fields.filter(|(_, value)| !value.is_empty()).collect();
    let mut sets: Vec<Vec<(&[u8], &str)>> = vec![Vec::new()];
    for (at, field) in fields.iter().enumerate() {
        let follows = fields[at..].iter().any(|(name, _)| is(name, "traceparent"));
        let set = sets.last().expect("one");
        let is_there = set
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(field.0));
        if follows && is_there {
            sets.push(Vec::new());
        }
        sets.last_mut().expect("one").push(*field);
    }
    let has_sender = |set: &[(&[u8], &str)]| set.iter().any(|(name, _)| is(name, "traceparent"));
    let mut joined: Vec<Vec<(&[u8], &str)>> = Vec::new();
    for set in sets {
        match joined.last_mut() {
            Some(last) if !has_sender(&set) || !has_sender(last) => last.extend(set),
            _ => joined.push(set),
        }
    }
    let rank = |set: &[(&[u8], &str)]| {
        let sender = set.iter().find(|(name, _)| is(name, "traceparent"));
        match sender {
            Some((name, value)) if w3c::traceparent(value).is_some() => {
                2 + usize::from(*name == b"traceparent")
            }
            Some(_) => 1,
            None => 0,
        }
    };
    let best = joined.iter().map(|set| rank(set)).max().unwrap_or(0);
    let set = joined.iter().rev().find(|set| rank(set) == best);
    let lines = |field: &str| {
        let all = set.into_iter().flatten();
        let all: Vec<_> = all.filter(|(name, _)| is(name, field)).collect();
        let exact = all.iter().filter(|(name, _)| *name == field.as_bytes());
        let exact: Vec<_> = exact.map(|(_, value)| *value).collect();
        first_of(&[exact, all.iter().map(|(_, value)| *value).collect()])
    };
    unordered(&lines("traceparent"), lines("tracestate"), lines("baggage"))
}
