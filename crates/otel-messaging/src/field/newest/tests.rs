use super::*;

const OLD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NEW: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";

/// Names and values, by the first letters: `o` and `n` are senders, `O` and `N` in title case, `m`
/// a malformed one, `t1` a tracestate, `b1` a baggage, `T1` and `B1` in title case.
fn headers(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.split_whitespace().map(|word| match word {
        "o" => ("traceparent", OLD),
        "n" => ("traceparent", NEW),
        "O" => ("Traceparent", OLD),
        "N" => ("Traceparent", NEW),
        "m" => ("traceparent", "nonsense"),
        "e" => ("traceparent", " "),
        _ if word.starts_with('t') => ("tracestate", word),
        _ if word.starts_with('b') => ("baggage", word),
        _ if word.starts_with('T') => ("Tracestate", word),
        _ if word.starts_with('B') => ("Baggage", word),
        _ => (word, word),
    })
}

#[test]
fn the_newest_context_comes_with_its_own_fields() {
    let cases = [
        // What stands there, the sender, its tracestate, its baggage.
        ("", None, "", ""),
        ("b1 b2", None, "", "b1 b2"),
        ("o t1 b1", Some(OLD), "t1", "b1"),
        ("t1 o t2", Some(OLD), "t1 t2", ""),
        ("t1 t2 o", Some(OLD), "t1 t2", ""),
        ("o t1 n t2", Some(NEW), "t2", ""),
        ("t1 o t2 n", Some(NEW), "t2", ""),
        ("o t1 b1 n", Some(NEW), "", ""),
        ("o t1 t2 n", Some(NEW), "t2", ""),
        ("o t1 n t2 t3", Some(NEW), "t2 t3", ""),
        ("o b1 t1 t2 b2 n", Some(NEW), "t2", "b2"),
        ("o t1 t2 t3 n", Some(NEW), "t3", ""),
        ("o n t1", Some(NEW), "t1", ""),
        ("o b1 x b1 y n b2 b2", Some(NEW), "", "b1 b2"),
        ("o b1 o", Some(OLD), "", ""),
        ("n t1 o t2 n t3", Some(NEW), "t3", ""),
        // The exact name counts before its spellings.
        ("n t1 O t2", Some(NEW), "t1", ""),
        ("O t1 n t2", Some(NEW), "t2", ""),
        ("O t1 N t2", Some(NEW), "t2", ""),
        // So it does for each field of one sender.
        ("o B1 b2", Some(OLD), "", "b2"),
        ("o b1 B2 b3", Some(OLD), "", "b1 b3"),
        ("T1 B1 b2 o t2", Some(OLD), "t2", "b2"),
        ("o T1 B1", Some(OLD), "T1", "B1"),
        ("O T1 t2", Some(OLD), "t2", ""),
        ("b1 B2", None, "", "b1"),
        // A malformed context does not count beside another, and an empty value is none.
        ("n t1 m t2", Some(NEW), "t1", ""),
        ("N t1 m t2", Some(NEW), "t1", ""),
        ("n t1 e t2", Some(NEW), "t1 t2", ""),
        ("m t1 b1", Some("nonsense"), "t1", "b1"),
        ("e t1 b1", None, "t1", "b1"),
    ];
    for (text, traceparent, tracestate, baggage) in cases {
        let expected = FieldSet {
            traceparent,
            tracestate: tracestate.split_whitespace().collect(),
            baggage: baggage.split_whitespace().collect(),
        };
        let found = Contexts::newest(headers(text));
        assert_eq!(found, Contexts::One(expected), "{text:?}");
    }
}

#[test]
fn without_an_order_valid_senders_that_differ_contradict_each_other() {
    let of = |senders: &[&'static str]| {
        Contexts::unordered(senders.iter().copied(), ["t1", "t1", "t2"], ["b1"])
    };
    let one = |traceparent| {
        Contexts::One(FieldSet {
            traceparent,
            tracestate: vec!["t1", "t2"],
            baggage: vec!["b1"],
        })
    };
    assert_eq!(of(&[]), one(None));
    assert_eq!(of(&["", " "]), one(None));
    assert_eq!(of(&["", "nonsense", "m"]), one(Some("nonsense")));
    let padded = format!("\t{NEW} ");
    let padded: &'static str = padded.leak();
    assert_eq!(of(&["", padded, "nonsense", NEW]), one(Some(NEW)));
    let alone = |traceparent| FieldSet {
        traceparent: Some(traceparent),
        ..FieldSet::default()
    };
    let both = Contexts::Contradicting(vec![alone(NEW), alone(OLD)]);
    assert_eq!(of(&[NEW, "m", OLD, NEW]), both);
}

#[test]
fn flags_and_versions_that_differ_are_of_one_sender() {
    let ids = &OLD[2..53];
    let values = ["00-00", "00-01", "00-02", "00-03", "cc-02"];
    let value = |said: &str| format!("{}{ids}{}", &said[..2], &said[3..]);
    for (said, expected) in [
        (&[1, 3][..], 3),
        (&[0, 1], 1),
        (&[2, 1], 1),
        (&[0, 2], 2),
        (&[4, 0], 4),
        (&[4, 1, 2], 1),
    ] {
        let lines: Vec<_> = said.iter().map(|at: &usize| value(values[*at])).collect();
        let expected = FieldSet {
            traceparent: Some(&value(values[expected])),
            baggage: vec!["b1"],
            ..FieldSet::default()
        };
        let expected = Contexts::One(expected);
        let forth = lines.iter().map(String::as_str);
        assert_eq!(Contexts::unordered(forth.clone(), [], ["b1"]), expected);
        assert_eq!(Contexts::unordered(forth.rev(), [], ["b1"]), expected);
    }
}

#[test]
fn fields_that_are_absent_are_those_of_others() {
    let set = |traceparent, tracestate: &[&'static str], baggage: &[&'static str]| FieldSet {
        traceparent,
        tracestate: tracestate.to_vec(),
        baggage: baggage.to_vec(),
    };
    let others = set(Some(OLD), &["t1", "t2"], &["b1"]);
    let none = FieldSet::default();
    assert_eq!(none.clone().or(others.clone()), others);
    assert_eq!(others.clone().or(none.clone()), others);
    let malformed = set(Some("m"), &["t3"], &[]);
    let expected = set(Some(OLD), &["t3"], &["b1"]);
    assert_eq!(malformed.clone().or(others.clone()), expected);
    assert_eq!(malformed.clone().or(none), malformed);
    let other = set(Some(NEW), &[], &["b3"]);
    let expected = set(Some(NEW), &["t1", "t2"], &["b3"]);
    assert_eq!(other.or(others), expected);
}

#[test]
fn eight_senders_are_kept() {
    let senders: Vec<_> = (1..=20)
        .map(|span| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01"))
        .collect();
    let contexts = Contexts::unordered(senders.iter().map(String::as_str), [], []);
    let Contexts::Contradicting(sets) = contexts else {
        panic!("{contexts:?}");
    };
    assert_eq!(sets.len(), 8);
}
