use super::*;
use crate::headers::Headers;
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::{CarrierMut, FieldSet};
use proptest::prelude::*;

const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Whether the project reads a sender from it.
fn core_accepts(value: &str) -> bool {
    let mut set = FieldSet::default();
    set.traceparent = Some(value);
    let mut headers = Headers::default();
    headers.add("traceparent", value.into()).unwrap();
    let context = otel_messaging::extract(&headers);
    let is_read = context.span().span_context().is_valid();
    assert_eq!(is_read, set.has_sender(), "{value:?}");
    is_read
}

#[test]
fn each_rule_is_told_with_its_bytes() {
    for (value, rule, bytes) in [
        ("", Rule::TraceparentEmpty, 0..0),
        (" \t", Rule::TraceparentEmpty, 2..2),
        ("0", Rule::TraceparentShort, 1..1),
        ("00", Rule::TraceparentShort, 2..2),
        (&VALID[..54], Rule::TraceparentShort, 54..54),
        ("0x-", Rule::VersionDigits, 1..2),
        ("é0-", Rule::VersionDigits, 0..2),
        ("ff-0af7", Rule::VersionFf, 0..2),
        ("00_0af7", Rule::TraceparentDash, 2..3),
        (&VALID.replace("af7", "AF7"), Rule::TraceIdDigits, 4..5),
        (
            &VALID.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            Rule::TraceIdZero,
            3..35,
        ),
        (&VALID.replace("-b7", "+b7"), Rule::TraceparentDash, 35..36),
        (&VALID.replace("b7ad", "b7 d"), Rule::ParentIdDigits, 38..39),
        (
            &VALID.replace("b7ad6b7169203331", &"0".repeat(16)),
            Rule::ParentIdZero,
            36..52,
        ),
        (&VALID.replace("-01", "-0€"), Rule::FlagsDigits, 54..57),
        (&format!("  {VALID}-x"), Rule::TraceparentLong, 57..59),
        (
            &format!("{}x", VALID.replace("00-0", "01-0")),
            Rule::HigherVersionDash,
            55..56,
        ),
    ] {
        let breach = Breach::new(rule, bytes.start, bytes.end);
        assert_eq!(check(value), Some(breach), "{value:?}");
        let said = explain(value);
        assert!(!said.valid);
        assert_eq!(said.breaches[0].rule, rule.name());
    }
}

#[test]
fn a_higher_version_and_white_space_are_allowed() {
    for value in [
        VALID.to_owned(),
        format!(" {VALID}\t"),
        VALID.replace("00-0", "cc-0"),
        format!("{}-what-€ver", VALID.replace("00-0", "fe-0")),
    ] {
        assert_eq!(check(&value), None, "{value:?}");
        assert!(explain(&value).valid);
    }
    let said = explain(&format!(" {VALID}"));
    assert_eq!(said.parts[1].byte, 4);
    assert_eq!(said.remarks.len(), 1);
}

#[test]
fn flags_are_told_by_their_bits() {
    let meaning = |flags: &str| {
        let said = explain(&VALID.replace("-01", flags));
        said.parts[3].meaning.clone()
    };
    assert_eq!(meaning("-00"), "not sampled");
    assert_eq!(meaning("-01"), "sampled");
    assert_eq!(meaning("-02"), "not sampled, random trace id");
    assert_eq!(meaning("-03"), "sampled, random trace id");
    assert!(meaning("-85").starts_with("sampled, reserved bits 10000100:"));
}

#[test]
fn what_a_value_is_instead_is_told() {
    let told = |value: &str| {
        let remarks = explain(value).remarks;
        remarks
            .into_iter()
            .map(|remark| remark.what)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&VALID.to_uppercase()),
        ["In lower case this value would be valid."]
    );
    assert!(told(&format!("\"{VALID}\""))[0].contains("JSON quotes"));
    let b3 = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1";
    assert_eq!(told(b3), ["This is a value of B3."]);
    let jaeger = "af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1";
    assert_eq!(told(jaeger), ["This is a value of Jaeger."]);
}

fn mutated() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        prop::sample::select("0f-FgG \t\u{0}é€\n".chars().collect::<Vec<_>>()),
        any::<char>(),
    ];
    let mutation = (0..60_usize, 0..3_u8, character);
    let start = prop_oneof![
        Just(VALID.to_owned()),
        Just(VALID.replace("00-0", "01-0") + "-more"),
        "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
        "[ \t]{0,2}[0f]{2}-[0]{31}[01]-[0]{15}[01]-[0-9a-f]{2}[ \t-]{0,2}",
    ];
    (start, prop::collection::vec(mutation, 0..3)).prop_map(|(value, mutations)| {
        let mut value: Vec<char> = value.chars().collect();
        for (at, how, character) in mutations {
            let at = at.min(value.len());
            match how {
                0 => value.insert(at, character),
                1 if at < value.len() => value[at] = character,
                _ if at < value.len() => drop(value.remove(at)),
                _ => {}
            }
        }
        value.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn it_is_valid_exactly_where_the_core_reads_it(value in mutated()) {
        let breach = check(&value);
        prop_assert_eq!(breach.is_none(), core_accepts(&value), "{:?} {:?}", value, breach);
        let said = explain(&value);
        prop_assert_eq!(said.valid, breach.is_none());
        for broken in said.breaches {
            prop_assert!(value.get(broken.byte..broken.end).is_some());
        }
    }
}
