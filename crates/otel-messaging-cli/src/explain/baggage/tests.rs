use super::explained::PROPERTY;
use super::*;
use crate::explain::reading;
use crate::headers::Headers;
use otel_messaging::adapter::{Carrier, CarrierMut, Contexts};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// By their keys: the value and the properties.
type Members = BTreeMap<String, (String, Vec<String>)>;

/// The keys with their values and properties, as the project reads them, and the lines that it reads.
fn core_reads(lines: &[String]) -> (Members, Vec<String>) {
    let mut headers = Headers::default();
    for line in lines {
        headers.add("baggage", line.as_str().into()).unwrap();
    }
    let read = reading::read(&headers).baggage.into_iter().map(|entry| {
        let properties = entry.properties.split(';').map(without_space);
        let properties = properties.filter(|property| !property.is_empty());
        (entry.key, (entry.value, properties.collect()))
    });
    let read: Members = read.collect();
    let lines = match (lines, headers.contexts()) {
        ([line], _) => vec![line.clone()],
        (_, Contexts::One(set)) => set.baggage.iter().map(|line| (*line).to_owned()).collect(),
        (_, contexts) => panic!("{contexts:?}"),
    };
    (read, lines)
}

/// A property without white space around its parts.
fn without_space(property: &str) -> String {
    let trim = |text: &str| text.trim_matches([' ', '\t']).to_owned();
    match property.split_once('=') {
        Some((key, value)) => format!("{}={}", trim(key), trim(value)),
        None => trim(property),
    }
}

fn agrees(lines: &[String]) {
    let (read, lines) = core_reads(lines);
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let breach = check(lines.iter().copied());
    let said = explain(&lines);
    let mut expected = BTreeMap::new();
    for part in &said.parts {
        match part.name.strip_suffix(PROPERTY) {
            None => drop(expected.insert(part.name.clone(), (part.value.clone(), Vec::new()))),
            Some(key) => {
                // As it came: the project does not decode properties.
                let text = lines[part.line].get(part.byte..part.end).unwrap();
                expected.get_mut(key).unwrap().1.push(without_space(text));
            }
        }
    }
    assert_eq!(read, expected, "{lines:?} {breach:?}");
    assert_eq!(said.valid, breach.is_none(), "{lines:?} {breach:?}");
    let first = said
        .breaches
        .first()
        .map(|broken| (broken.rule, broken.line));
    let checked = breach.map(|breach| (breach.rule.name(), breach.line));
    assert_eq!(first, checked, "{lines:?}");
}

#[test]
fn each_rule_is_told_with_its_bytes() {
    let members: Vec<_> = (0..65).map(|n| format!("k{n:02}=1")).collect();
    for (line, rule, start, end) in [
        ("a=1, b", Rule::BaggageEquals, 5, 6),
        ("a;p=1", Rule::BaggageEquals, 0, 1),
        ("=1", Rule::BaggageKeyEmpty, 0, 0),
        ("a b=1", Rule::BaggageKeyCharacter, 1, 2),
        ("é=1", Rule::BaggageKeyCharacter, 0, 2),
        ("a=b c", Rule::BaggageValueCharacter, 3, 4),
        ("a=\"b\"", Rule::BaggageValueCharacter, 2, 3),
        ("a=1;p q", Rule::BaggagePropertyKey, 5, 6),
        ("a=1;=2", Rule::BaggagePropertyKey, 4, 4),
        ("a=1; p = é", Rule::BaggagePropertyValue, 9, 11),
        (&members.join(","), Rule::BaggageMembers, 384, 389),
        (
            &format!("a=1,b={}", "v".repeat(8187)),
            Rule::BaggageLong,
            4,
            8193,
        ),
    ] {
        assert_eq!(
            check([line]),
            Some(Breach::new(rule, start, end)),
            "{line:?}"
        );
        agrees(&[line.to_owned()]);
    }
    let second = Breach::new(Rule::BaggageEquals, 0, 1).in_line(1);
    assert_eq!(check(["a=1", "b"]), Some(second));
}

#[test]
fn what_is_allowed_here_is_a_remark() {
    let repeated = format!("a={0},a={0},b=1", "v".repeat(8000));
    for (line, remarks) in [
        ("a=1", 0),
        ("a = 1 ; p = 2 , b=", 0),
        ("a=%41%zz", 0),
        ("", 1),
        ("a=1,,b=2", 1),
        ("a=1;", 1),
        ("a=1,a=2", 1),
        ("a=1+1", 1),
        (&repeated, 1),
        (&format!("a=1{}", " ".repeat(9000)), 0),
    ] {
        assert_eq!(check([line]), None, "{line:?}");
        assert_eq!(explain(&[line]).remarks.len(), remarks, "{line:?}");
        agrees(&[line.to_owned()]);
    }
    assert_eq!(check([]), None);
}

#[test]
fn values_are_decoded_once() {
    for (line, value) in [
        ("a=acme%20corp", "acme corp"),
        ("a=100%25", "100%"),
        ("a=%2525", "%25"),
        ("a=Am%C3%A9lie", "Amélie"),
        ("a=%FFx%", "\u{fffd}x%"),
        ("a=%4", "%4"),
    ] {
        assert_eq!(explain(&[line]).parts[0].value, value, "{line}");
        agrees(&[line.to_owned()]);
    }
}

fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof!["[ \t]{0,1}[a-c!#|~]{1,2}[ \t]{0,1}", "[ -~é]{0,3}"];
    let value = prop_oneof!["[ \t]{0,1}[!-+a-f%0-9]{0,6}[ \t]{0,1}", any::<String>()];
    let property = prop_oneof![
        "[ \t]{0,1}[a-c]{0,2}[ \t]{0,1}",
        "[ \t]{0,1}[a-c]{0,1}[ \t]{0,1}=[ \t]{0,1}[a-c=%\"]{0,2}[ \t]{0,1}",
        "[ -~]{0,3}",
    ];
    let member =
        (key, value, prop::collection::vec(property, 0..3)).prop_map(|(key, value, properties)| {
            let properties: String = properties
                .iter()
                .map(|property| format!(";{property}"))
                .collect();
            format!("{key}={value}{properties}")
        });
    let member = prop_oneof![9 => member, 1 => "[ -~]{0,4}"];
    prop_oneof![
        prop::collection::vec(member, 0..5).prop_map(|members| members.join(",")),
        prop::collection::vec("[a-c][0-9]{0,2} {0,1}=[a-z]{0,3}", 0..90)
            .prop_map(|members| members.join(",")),
        (60..70_usize, 100..140_usize, 0..3_usize).prop_map(|(count, size, space)| {
            let members =
                (0..count).map(|n| format!("k{n}={};p=1{}", "v".repeat(size), " ".repeat(space)));
            members.collect::<Vec<_>>().join(",")
        }),
        (8170..8200_usize, 0..30_usize).prop_map(|(size, space)| format!(
            "a=1,b={},b=2;{}",
            "v".repeat(size),
            " ".repeat(space)
        )),
    ]
}

/// A member that has no room, and a malformed property too.
#[test]
fn what_has_no_room_is_not_read_further() {
    let full: Vec<String> = (0..64).map(|number| format!("k{number}=v")).collect();
    agrees(&[full.join(","), "|=;=".to_owned()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_valid_exactly_where_the_core_reads_all(lines in prop::collection::vec(line(), 1..4)) {
        agrees(&lines);
    }

    #[test]
    fn one_line_too(line in line()) {
        agrees(&[line]);
    }
}
