//! Each kind of JSON that serde_json does not read as a value, wherever it may stand.

use crate::reading::{Fields, alone, read, read_carrier, read_envelope};
use otel_messaging::Envelope;
use otel_messaging::stored::EnvelopeOrBare;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Values that are JSON by RFC 8259, and of which no `serde_json::Value` can be made.
fn unreadable() -> Vec<String> {
    let mut values: Vec<String> = [
        "1e999",
        "-1e999",
        "1E+99999999999999999999",
        "-0.1e99999999999999999999",
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\uDBFF\u0041""#,
        r#""before \ud83d and after""#,
        r#"{"\ud800":"x"}"#,
        r#"{"a":"\ud800"}"#,
        r#"["\ud800"]"#,
        r#"{"a":[{"b":1e999}]}"#,
        "[1e999]",
    ]
    .map(str::to_owned)
    .into();
    values.push("9".repeat(400));
    values.push(format!("-{}", "9".repeat(400)));
    for depth in [127, 128, 129, 5000] {
        values.push("[".repeat(depth) + &"]".repeat(depth));
        values.push(r#"{"a":"#.repeat(depth) + "null" + &"}".repeat(depth));
    }
    for value in &values {
        let is_deep = value.len() > 100 && !value.contains('9');
        let is_value = serde_json::from_str::<serde_json::Value>(value).is_ok();
        assert!(!is_value || is_deep, "{value:.100} can be read");
    }
    values
}

/// Names that are JSON by RFC 8259, and of which no `String` can be made.
const NAMES: [&str; 3] = [r#""\ud800""#, r#""traceparent\udc00""#, r#""\ud800\ud800""#];

fn fields<const N: usize>(fields: [(&str, &str); N]) -> Fields {
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The context alone and in envelopes gives the same.
fn assert_read(context: &str, expected: &Fields, refused: u64) {
    let expected = (expected.clone(), refused);
    assert_eq!(read_carrier(context), expected, "{context:.200}");
    let (context, payload) = (
        format!(r#""otel_context":{context}"#),
        r#""otel_payload":7"#,
    );
    for text in [
        format!("{{{context},{payload}}}"),
        format!("{{{payload},{context}}}"),
        format!(
            "\n{{ \"otel\\u005fcontext\" {} ,\t{payload}\r}} ",
            &context[14..]
        ),
    ] {
        assert_eq!(read_envelope(&text), expected, "{text:.200}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_left_out_alone() {
    let _alone = alone();
    let kept = fields([("traceparent", TRACEPARENT), ("order", "7")]);
    let order = fields([("order", "7")]);
    for value in unreadable() {
        for name in ["tracestate", "baggage", "other"] {
            for context in [
                format!(r#"{{"{name}":{value},"traceparent":"{TRACEPARENT}","order":"7"}}"#),
                format!(r#"{{"traceparent":"{TRACEPARENT}","order":"7","{name}" : {value} }}"#),
            ] {
                assert_read(&context, &kept, 1);
            }
        }
        let context = format!(r#"{{"traceparent":{value},"order":"7"}}"#);
        assert_read(&context, &order, 1);
        // Each field counts.
        let context = format!(r#"{{"traceparent":{value},"order":"7","baggage":{value}}}"#);
        assert_read(&context, &order, 2);
    }
}

#[test]
fn a_name_that_cannot_be_read_is_left_out_with_its_value() {
    let _alone = alone();
    let kept = fields([("traceparent", TRACEPARENT)]);
    for name in NAMES {
        for (value, refused) in [(r#""text""#, 1), ("7", 1), ("1e999", 1), ("null", 0)] {
            let context = format!(r#"{{{name}:{value},"traceparent":"{TRACEPARENT}"}}"#);
            assert_read(&context, &kept, refused);
        }
    }
}

#[test]
fn a_context_that_cannot_be_read_is_none() {
    let _alone = alone();
    for context in unreadable() {
        // A map within a map: an entry of the context, which is refused.
        assert_read(&context, &Fields::new(), 1);
    }
    assert_read("null", &Fields::new(), 0);
    assert_read("{}", &Fields::new(), 0);
}

#[test]
fn what_an_envelope_holds_besides_costs_nothing() {
    let _alone = alone();
    let kept = (fields([("traceparent", TRACEPARENT)]), 0);
    let context = format!(r#""otel_context":{{"traceparent":"{TRACEPARENT}"}}"#);
    let payload = r#""otel_payload":7"#;
    for value in unreadable() {
        for name in NAMES.into_iter().chain([r#""more""#]) {
            for text in [
                format!("{{{context},{payload},{name}:{value}}}"),
                format!("{{{context},{name}:{value},{payload}}}"),
                format!("{{{payload},{name}:{value},{context}}}"),
            ] {
                assert_eq!(read_envelope(&text), kept, "{text:.200}");
            }
            // Of which the first key is not asked.
            let text = format!("{{{name}:{value},{context},{payload}}}");
            let (envelope, refused) = read::<Envelope<u32>>(&text).expect("an envelope");
            assert_eq!((envelope.context().clone().into(), refused), kept);
        }
    }
}

/// A map may have a key twice, by RFC 8259.
#[test]
fn of_several_contexts_none_is_believed() {
    let _alone = alone();
    let context = format!(r#""otel_context":{{"traceparent":"{TRACEPARENT}"}}"#);
    for text in [
        format!(r#"{{{context},{context},"otel_payload":7}}"#),
        format!(r#"{{{context},"otel_payload":7,"otel_context":null}}"#),
        format!(r#"{{"otel_payload":7,{context},{context},{context}}}"#),
    ] {
        assert_eq!(read_envelope(&text), (Fields::new(), 1), "{text}");
    }
    // Of several payloads nobody knows which.
    let text = r#"{"otel_payload":7,"otel_payload":7}"#;
    let errors = [
        read::<Envelope<u32>>(text).expect_err("two payloads"),
        read::<EnvelopeOrBare<u32>>(text).expect_err("two payloads"),
    ];
    for error in errors.map(|error| error.to_string()) {
        assert!(error.contains("duplicate field `otel_payload`"), "{error}");
    }
}

/// What cannot be read as a value may still be a text: every escape that is allowed in one.
#[test]
fn texts_are_read_as_they_are_elsewhere() {
    let _alone = alone();
    let context = r#"{"\u0061\/":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀","b" : "" , "c":"\u0000"}"#;
    let expected = fields([
        ("a/", "\"\\/\u{8}\u{c}\n\r\té😀é😀"),
        ("b", ""),
        ("c", "\0"),
    ]);
    assert_read(context, &expected, 0);
    // By which serde_json itself tells a text of its own from a map.
    let token = "$serde_json::private::RawValue";
    for (value, kept, refused) in [
        (
            r#""{\"traceparent\":\"x\"}""#,
            fields([(token, r#"{"traceparent":"x"}"#)]),
            0,
        ),
        ("1e999", fields([]), 1),
        (r#"{"a":"b"}"#, fields([]), 1),
    ] {
        assert_read(&format!(r#"{{"{token}":{value}}}"#), &kept, refused);
        let entry = format!(r#"{{"a":{{"{token}":{value}}}}}"#);
        assert_read(&entry, &fields([]), 1);
    }
}

#[test]
fn the_limits_are_those_of_what_is_read() {
    let _alone = alone();
    // Six bytes of JSON are one of the text.
    for (length, refused) in [(8192, 0), (8193, 1)] {
        let context = format!(r#"{{"baggage":"{}"}}"#, r"\u0079".repeat(length));
        let (read, count) = read_carrier(&context);
        assert_eq!((read.is_empty(), count), (refused == 1, refused));
    }
    for (length, refused) in [(16381, 0), (16382, 1)] {
        for context in [
            format!(r#"{{"abc":"{}"}}"#, r"\n".repeat(length)),
            format!(r#"{{"{}":"abc"}}"#, r"\n".repeat(length)),
        ] {
            let (read, count) = read_carrier(&context);
            assert_eq!((read.is_empty(), count), (refused == 1, refused));
        }
    }
    let entries: Vec<_> = (0..100).map(|number| format!(r#""{number}":"""#)).collect();
    let context = format!(r#"{{{},"traceparent":1e999}}"#, entries.join(","));
    let (read, refused) = read_carrier(&context);
    assert_eq!((read.len(), refused), (64, 100 - 64 + 1));
}

/// What is no JSON is an error, as it is without a context.
#[test]
fn what_is_no_json_is_an_error() {
    let _alone = alone();
    for context in [
        "",
        "01",
        "1e",
        "-",
        "+1",
        "nul",
        "[1,]",
        "{",
        "{1:2}",
        r#"{"a"}"#,
        r#"{"a":1,}"#,
        r#""\x""#,
        r#""\ud8""#,
        "\"\t\"",
        "'a'",
        "NaN",
        "[}",
        "]",
        r#"{"a":[}"#,
    ] {
        for text in [
            format!(r#"{{"otel_context":{context},"otel_payload":7}}"#),
            format!(r#"{{"otel_context":{{"traceparent":{context}}},"otel_payload":7}}"#),
            format!(r#"{{"otel_context":{{}},"otel_payload":7,"more":{context}}}"#),
        ] {
            read::<Envelope<u32>>(&text).expect_err(&text);
            read::<EnvelopeOrBare<u32>>(&text).expect_err(&text);
        }
    }
}
