use super::*;
use crate::headers::Headers;
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::{Carrier, CarrierMut, Contexts};
use proptest::prelude::*;

/// What the project reads of the headers, and the lines that it reads.
fn core_reads(lines: &[String]) -> (String, Vec<String>) {
    let mut headers = Headers::default();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.add("traceparent", traceparent.into()).unwrap();
    for line in lines {
        headers.add("tracestate", line.as_str().into()).unwrap();
    }
    let context = otel_messaging::extract(&headers);
    let read = context.span().span_context().trace_state().header();
    let lines = match (lines, headers.contexts()) {
        ([line], _) => vec![line.clone()],
        (_, Contexts::One(set)) => set
            .tracestate
            .iter()
            .map(|line| (*line).to_owned())
            .collect(),
        (_, contexts) => panic!("{contexts:?}"),
    };
    (read, lines)
}

fn agrees(lines: &[String]) {
    let (read, lines) = core_reads(lines);
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let breach = check(lines.iter().copied());
    let said = explain(&lines);
    let members = said
        .parts
        .iter()
        .map(|part| format!("{}={}", part.name, part.value));
    let members: Vec<_> = members.collect();
    let expected = if breach.is_none() {
        members.join(",")
    } else {
        String::new()
    };
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
    let long = "k".repeat(257);
    let value = "v".repeat(257);
    let members: Vec<_> = (0..33).map(|n| format!("k{n}=1")).collect();
    for (line, rule, start, end) in [
        ("a=1,Bad=2", Rule::TracestateKeyStart, 4, 5),
        ("=1", Rule::TracestateKeyStart, 0, 1),
        ("-a=1", Rule::TracestateKeyStart, 0, 1),
        ("é=1", Rule::TracestateKeyStart, 0, 2),
        ("a=1, aB=2", Rule::TracestateKeyCharacter, 6, 7),
        ("a =1", Rule::TracestateKeyCharacter, 1, 2),
        ("a=1,b", Rule::TracestateEquals, 4, 5),
        (&format!("{long}=1"), Rule::TracestateKeyLong, 0, 257),
        ("a@b@c=1", Rule::TracestateKeyRefused, 0, 5),
        ("a@12345678901234=1", Rule::TracestateKeyRefused, 0, 16),
        ("a@-b=1", Rule::TracestateKeyRefused, 0, 4),
        ("a=", Rule::TracestateValueEmpty, 2, 2),
        ("a=b\tc", Rule::TracestateValueCharacter, 3, 4),
        ("a=b=c", Rule::TracestateValueCharacter, 3, 4),
        ("a=bé", Rule::TracestateValueCharacter, 3, 5),
        (&format!("a={value}"), Rule::TracestateValueLong, 2, 259),
        (&members.join(","), Rule::TracestateMembers, 182, 187),
        (
            &format!("a=1,{}", " ".repeat(8189)),
            Rule::TracestateLong,
            8192,
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
    let second = Breach::new(Rule::TracestateEquals, 0, 1).in_line(1);
    assert_eq!(check(["a=1", "b"]), Some(second));
}

#[test]
fn what_is_allowed_here_is_a_remark() {
    for (line, remarks) in [
        ("a=1", 0),
        (" a=1 ,\tb=2", 0),
        ("", 1),
        (" , ", 1),
        ("a=1,a=2", 1),
    ] {
        assert_eq!(check([line]), None, "{line:?}");
        assert_eq!(explain(&[line]).remarks.len(), remarks, "{line:?}");
        agrees(&[line.to_owned()]);
    }
    assert_eq!(check([]), None);
}

fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "[a-z0-9][a-z0-9_*/@-]{0,4}",
        "[a-z]@[a-z0-9][a-z0-9-]{10,14}",
        "[a-z]{254,258}",
        "[ -~é]{0,3}",
    ];
    let value = prop_oneof![
        "[ -~]{0,5}",
        "[a-z]{254,258}",
        "[ \ta-c]{0,4}",
        any::<String>()
    ];
    let tame = "[ \t]{0,2}[a-d][0-9]{0,2}=[a-z]{1,4}[ \t]{0,2}";
    // One part at a time is wild: a second one would hide what becomes of the first.
    let member = prop_oneof![
        key.prop_map(|key| format!("{key}=1")),
        value.prop_map(|value| format!("wild={value}")),
        "[ \t]{0,1}[a-z]{0,1}[ \t]{0,1}=?[ \t]{0,1}[a-z]{0,1}[ \t]{0,1}",
    ];
    prop_oneof![
        (tame, member, tame)
            .prop_map(|(before, member, behind)| format!("{before},{member},{behind}")),
        prop::collection::vec(tame, 0..40).prop_map(|members| members.join(",")),
        (0..31_usize, 240..256_usize, 0..300_usize).prop_map(|(count, size, more)| {
            let members = (0..=count).map(|n| format!("k{n}={}", "v".repeat(size)));
            members.collect::<Vec<_>>().join(",") + &" ".repeat(more)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_is_valid_exactly_where_the_core_reads_it(lines in prop::collection::vec(line(), 1..4)) {
        agrees(&lines);
    }

    #[test]
    fn one_line_too(line in line()) {
        agrees(&[line]);
    }
}

#[test]
fn the_last_byte_that_is_read() {
    let members = |last: usize| {
        let members = (0..31).map(|n| format!("k{n:02}={}", "v".repeat(256)));
        members.collect::<Vec<_>>().join(",") + &format!(",last={}", "v".repeat(last))
    };
    let full = 8192 - members(0).len();
    assert_eq!(check([members(full).as_str()]), None);
    agrees(&[members(full)]);
    let breach = Breach::new(Rule::TracestateLong, 8192, 8193);
    assert_eq!(check([members(full + 1).as_str()]), Some(breach));
    agrees(&[members(full + 1)]);
}
