//! `traceparent`, by W3C Trace Context Level 2, section 3.2.

use crate::lines::{GOOD, Lines, direct, extract, inject, sender};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use otel_messaging::propagation::{TraceContextPropagator, w3c};
use proptest::prelude::*;

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

fn accepts(header: &str) -> bool {
    sender(&extract(&[("traceparent", header)])).is_some()
}

#[test]
fn what_the_specification_allows_is_read() {
    let with = |from: &str, to: &str| GOOD.replacen(from, to, 1);
    for (section, header) in [
        ("3.2.2", GOOD.to_owned()),
        ("3.2.2.5, not sampled", with("-03", "-00")),
        ("RFC 7230, 3.2.3, OWS", format!(" \t{GOOD}\t ")),
        ("3.2.4, nothing follows", with("00", "01")),
        ("3.2.4, a dash follows", format!("{}-", with("00", "01"))),
        (
            "3.2.4, more follows",
            format!("{}-what=ever", with("00", "fe")),
        ),
    ] {
        let sender = sender(&extract(&[("traceparent", &header)])).expect(section);
        assert_eq!(format!("{:032x}", sender.trace_id()), TRACE_ID, "{section}");
        assert_eq!(format!("{:016x}", sender.span_id()), SPAN_ID, "{section}");
    }
}

#[test]
fn what_the_specification_forbids_is_refused() {
    let with = |from: &str, to: &str| GOOD.replacen(from, to, 1);
    for (section, header) in [
        ("3.2.2", String::new()),
        ("3.2.2, exact lengths", "00-1-2-1".to_owned()),
        ("3.2.2, exact lengths", with("-03", "-3")),
        ("3.2.2, exact lengths", with("0af7", "0af70")),
        ("3.2.2, exact lengths", with("00-", "0-")),
        ("3.2.2, exact lengths", with("00-", "000-")),
        ("3.2.2, delimiters", with("00-", "00_")),
        ("3.2.2, delimiters", with("9c-", "9c ")),
        ("3.2.2, delimiters", with("31-", "31+")),
        ("3.2.2.1, version ff", with("00", "ff")),
        ("3.2.2.1, HEXDIGLC", with("00", "0A")),
        ("3.2.2.1, HEXDIGLC", with("00", "0g")),
        ("3.2.2.2, nothing follows version 00", format!("{GOOD}-")),
        ("3.2.2.2, nothing follows version 00", format!("{GOOD}-00")),
        ("3.2.2.2, nothing follows version 00", format!("{GOOD}0")),
        ("3.2.2.3, HEXDIGLC", GOOD.to_uppercase()),
        ("3.2.2.3, HEXDIGLC", with("0af7", "0AF7")),
        ("3.2.2.3, HEXDIGLC", with("0af7", "+af7")),
        ("3.2.2.3, HEXDIGLC", with("0af7", "0a f")),
        ("3.2.2.3, HEXDIGLC", with("0af7", "é7")),
        ("3.2.2.3, all zero", with(TRACE_ID, &"0".repeat(32))),
        ("3.2.2.4, HEXDIGLC", with("b7ad", "b7aD")),
        ("3.2.2.4, all zero", with(SPAN_ID, &"0".repeat(16))),
        ("3.2.2.5, HEXDIGLC", with("-03", "-0F")),
        ("3.2.4, shorter than 55", with("00", "01")[..54].to_owned()),
        ("3.2.4, no dash", format!("{}x", with("00", "01"))),
        ("RFC 7230, 3.2.3, no OWS", format!("\r\n{GOOD}")),
        ("RFC 7230, 3.2.3, no OWS", format!("{GOOD}\u{a0}")),
        ("RFC 7230, 3.2.3, no OWS", format!("\0{GOOD}")),
        ("a list is none", format!("{GOOD},{GOOD}")),
    ] {
        assert!(!accepts(&header), "{section}: {header:?}");
    }
}

/// Section 3.2.2.5: sampled and random trace id travel, other flags are set to zero.
#[test]
fn known_flags_travel_and_others_are_cleared() {
    for flags in 0..=0xff_u8 {
        let header = GOOD.replace("-03", &format!("-{flags:02x}"));
        let context = extract(&[("traceparent", &header)]);
        let out = &inject(&context)["traceparent"];
        assert_eq!(*out, GOOD.replace("-03", &format!("-{:02x}", flags & 3)));
    }
}

#[test]
fn a_higher_version_goes_out_as_version_00() {
    let header = format!("{}-more", GOOD.replacen("00", "cc", 1));
    let context = extract(&[("traceparent", &header)]);
    assert_eq!(inject(&context)["traceparent"], GOOD);
}

/// Section 3.2.1: the name in any case, and in lower case on the way out.
#[test]
fn the_name_may_have_any_case() {
    for name in ["traceparent", "Traceparent", "TRACEPARENT", "tRaCePaReNt"] {
        let context = extract(&[(name, GOOD), ("TraceState", "a=1")]);
        let names: Vec<_> = inject(&context).into_keys().collect();
        assert_eq!(names, ["traceparent", "tracestate"], "{name}");
    }
}

#[test]
fn equal_duplicates_count_as_one_and_differing_ones_as_none() {
    let other = GOOD.replace("3331-", "3332-");
    let cases: [(&[&str], bool); 8] = [
        (&[GOOD, GOOD], true),
        (&[GOOD, GOOD, GOOD], true),
        (&[GOOD, &other], false),
        (&[GOOD, &other, GOOD], false),
        // What is malformed does not count beside a valid one.
        (&[GOOD, "00-bad"], true),
        (&["00-bad", GOOD, ""], true),
        (&["00-bad", GOOD, &other], false),
        (&["00-bad", "00-worse"], false),
    ];
    for (values, accepted) in cases {
        let lines: Vec<_> = values.iter().map(|value| ("traceparent", *value)).collect();
        assert_eq!(sender(&extract(&lines)).is_some(), accepted, "{values:?}");
    }
}

#[test]
fn of_senders_that_differ_no_baggage_counts() {
    let other = GOOD.replace("3331-", "3332-");
    for (second, members) in [(&other[..], 0), (GOOD, 1), ("00-bad", 1)] {
        let lines = [
            ("traceparent", GOOD),
            ("traceparent", second),
            ("baggage", "a=1"),
        ];
        assert_eq!(extract(&lines).baggage().len(), members, "{second}");
    }
}

#[test]
fn without_a_valid_span_nothing_is_written() {
    assert!(inject(&Context::new()).is_empty());
    for (trace_id, span_id) in [(0, 1), (1, 0)] {
        let span = SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(span_id),
            TraceFlags::SAMPLED,
            true,
            TraceState::from_key_value([("a", "1")]).unwrap(),
        );
        let context = Context::new().with_remote_span_context(span);
        assert!(inject(&context).is_empty());
    }
}

#[test]
fn what_the_context_held_stays_where_nothing_valid_came() {
    let earlier = extract(&[("traceparent", GOOD)]);
    let propagator = TraceContextPropagator::new();
    for lines in [&[][..], &[("traceparent", "00-bad"), ("tracestate", "a=1")]] {
        let context = propagator.extract_with_context(&earlier, &Lines::of(lines));
        assert_eq!(inject(&context)["traceparent"], GOOD);
    }
}

/// The pair is then asked by an application, since this library reads into an empty context.
#[test]
fn nobody_is_believed_where_senders_contradict_each_other_beside_a_span() {
    let earlier = extract(&[("traceparent", GOOD), ("baggage", "mine=1")]);
    let other = GOOD.replace("0af7", "0af8");
    let another = GOOD.replace("0af7", "0af9");
    let baggage = ("baggage", "tenant=acme");
    let lines = [("traceparent", &*other), ("traceparent", &another), baggage];
    let context = w3c().extract_with_context(&earlier, &Lines::of(&lines));
    assert_eq!(inject(&context), inject(&earlier));
    // The sender may be the span itself.
    let lines = [("traceparent", GOOD), ("traceparent", GOOD), baggage];
    let context = w3c().extract_with_context(&earlier, &Lines::of(&lines));
    assert_eq!(inject(&context)["traceparent"], GOOD);
    assert!(context.baggage().get("tenant").is_some());
}

/// Flags and versions make no other sender.
#[test]
fn two_values_of_one_span_are_one_sender() {
    for (one, other) in [("00", "01"), ("01", "03"), ("02", "03"), ("02", "01")] {
        let lines = [one, other].map(|flags| GOOD.replace("-03", &format!("-{flags}")));
        let [one, other] = [&*lines[0], &*lines[1]].map(|value| ("traceparent", value));
        for lines in [[one, other], [other, one]] {
            let found = sender(&extract(&lines)).expect("a sender");
            assert!(found.is_sampled(), "{lines:?}");
        }
    }
}

#[test]
fn a_header_of_any_length_is_no_trouble() {
    let huge = "-".repeat(1 << 20);
    assert!(!accepts(&huge));
    let spaces = " ".repeat(1 << 20);
    assert!(accepts(&format!("{spaces}{GOOD}{spaces}")));
}

proptest! {
    #[test]
    fn ids_survive(trace_id in 1u128.., span_id in 1u64.., flags in 0u8..=3) {
        let header = format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}");
        let context = extract(&[("traceparent", &header)]);
        prop_assert_eq!(&inject(&context)["traceparent"], &header);
    }

    #[test]
    fn anything_is_refused_or_read_by_the_letter(
        header in prop_oneof!["\\PC{0,70}", "[0-9a-f-]{50,60}", mutated(GOOD.to_owned())],
    ) {
        let context = extract(&[("traceparent", &header)]);
        let trimmed = header.trim_matches([' ', '\t']);
        if sender(&context).is_some() {
            let out = inject(&context).remove("traceparent").unwrap();
            prop_assert_eq!(&out[2..53], &trimmed[2..53]);
            prop_assert!(trimmed.len() == 55 || !trimmed.starts_with("00"));
        } else {
            prop_assert_ne!(trimmed, GOOD);
        }
    }

    #[test]
    fn any_bytes_of_any_header_are_no_trouble(
        lines in prop::collection::vec(
            ("[tT]race(parent|state)|baggage|[a-z]{0,4}", "\\PC{0,80}|[0-9a-f=,;-]{0,60}"),
            0..8,
        ),
    ) {
        let lines = Lines(lines);
        let mut out = lines.clone();
        direct().inject(&direct().extract(&lines), &mut out);
        for (_, value) in out.0.iter().filter(|line| !lines.0.contains(line)) {
            prop_assert!(!value.is_empty());
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", value);
        }
    }
}

/// A header in which one byte was replaced, left out or doubled.
pub(crate) fn mutated(header: String) -> impl Strategy<Value = String> {
    (0..header.len(), "[ -~]{0,2}").prop_map(move |(place, with)| {
        let mut text = header.clone();
        text.replace_range(place..place + 1, &with);
        text
    })
}
