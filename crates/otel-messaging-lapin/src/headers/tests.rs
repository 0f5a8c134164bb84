//! Reading and writing a table of headers.

use super::*;

fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let entries = entries.iter().cloned();
    FieldTable::from(BTreeMap::from_iter(
        entries.map(|(key, value)| (ShortString::from(key), value)),
    ))
}

#[test]
fn reads_text_of_every_type_and_nothing_else() {
    let headers = table(&[
        ("long", AMQPValue::LongString("a".into())),
        ("bytes", AMQPValue::ByteArray(b"b".as_slice().into())),
        ("short", AMQPValue::ShortString("c".into())),
        ("number", AMQPValue::LongInt(1)),
        ("broken", AMQPValue::LongString(vec![0xff].into())),
    ]);
    assert_eq!(headers.get("LONG"), Some("a"));
    assert_eq!(headers.get("bytes"), Some("b"));
    assert_eq!(headers.get("short"), Some("c"));
    assert_eq!(headers.get("number"), None);
    assert_eq!(headers.get("broken"), None);
}

/// Names and values, and what they carry: the span's number, its tracestate, its baggage.
type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>, &'a str, &'a str);

#[test]
fn the_exact_name_counts_before_its_spellings_and_with_its_own_fields() {
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::TraceContextExt;
    let header = |span: u64| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01");
    let other = header(9).replace("0af7", "0af8");
    let (one, two) = (&header(1)[..], &header(2)[..]);
    let [sampled, with_random_flag] = ["-01", "-03"].map(|flags| header(1).replace("-01", flags));
    let cases: [Case<'_>; 16] = [
        (
            &[("Traceparent", one), ("traceparent", two)],
            Some(2),
            "",
            "",
        ),
        (
            &[("Traceparent", &other), ("traceparent", two)],
            Some(2),
            "",
            "",
        ),
        (
            &[
                ("Traceparent", one),
                ("Tracestate", "old=1"),
                ("Baggage", "old=1"),
                ("traceparent", two),
            ],
            Some(2),
            "",
            "",
        ),
        (
            &[
                ("Traceparent", one),
                ("Tracestate", "a=1"),
                ("Baggage", "old=1"),
                ("traceparent", two),
                ("tracestate", "a=2"),
                ("baggage", "new=2"),
            ],
            Some(2),
            "a=2",
            "new=2",
        ),
        // So it does for each field of one sender.
        (
            &[
                ("traceparent", one),
                ("Tracestate", "a=1"),
                ("tracestate", "a=2"),
                ("Baggage", "a=1,b=2"),
                ("baggage", "a=1"),
            ],
            Some(1),
            "a=2",
            "a=1",
        ),
        (
            &[
                ("Traceparent", one),
                ("traceparent", one),
                ("Baggage", "a=1,b=2"),
                ("baggage", "a=1"),
            ],
            Some(1),
            "",
            "a=1",
        ),
        (
            &[("Baggage", "a=1,b=2"), ("baggage", "a=1")],
            None,
            "",
            "a=1",
        ),
        (
            &[
                ("traceparent", one),
                ("Baggage", "a=1"),
                ("baggage", " "),
                ("Tracestate", "a=1"),
            ],
            Some(1),
            "a=1",
            "a=1",
        ),
        // Flags make no other sender.
        (
            &[
                ("Traceparent", &sampled),
                ("TRACEPARENT", &with_random_flag),
                ("baggage", "a=1"),
            ],
            Some(1),
            "",
            "a=1",
        ),
        // Where the exact name is absent, every spelling counts.
        (
            &[
                ("Traceparent", one),
                ("TRACEPARENT", one),
                ("Tracestate", "a=1"),
                ("baggage", "a=1"),
            ],
            Some(1),
            "a=1",
            "a=1",
        ),
        (&[("Traceparent", one), ("TRACEPARENT", two)], None, "", ""),
        (
            &[
                ("Traceparent", one),
                ("TRACEPARENT", two),
                ("baggage", "a=1"),
            ],
            None,
            "",
            "",
        ),
        // What is no context does not stand in the way of one.
        (
            &[("Traceparent", one), ("traceparent", "")],
            Some(1),
            "",
            "",
        ),
        (
            &[("Traceparent", one), ("traceparent", "00-")],
            Some(1),
            "",
            "",
        ),
        (
            &[("Traceparent", "00-"), ("traceparent", one)],
            Some(1),
            "",
            "",
        ),
        (&[("TRACEPARENT", "00-"), ("Traceparent", "")], None, "", ""),
    ];
    for (entries, span, state, baggage) in cases {
        let entries: Vec<_> = entries
            .iter()
            .map(|(name, value)| (*name, AMQPValue::LongString((*value).into())))
            .collect();
        let context = otel_messaging::extract(&table(&entries));
        let sender = context.span().span_context().clone();
        let found = sender
            .is_valid()
            .then(|| u64::from_be_bytes(sender.span_id().to_bytes()));
        assert_eq!(found, span, "{entries:?}");
        assert_eq!(sender.trace_state().header(), state, "{entries:?}");
        let members = context.baggage().iter();
        let members: Vec<_> = members
            .map(|(key, (value, _))| format!("{key}={value}"))
            .collect();
        assert_eq!(members.join(","), baggage, "{entries:?}");
    }
}

#[test]
fn a_sender_by_amqp_1_0_is_read_where_there_is_no_other() {
    use crate::app_properties::tests::{TRACEPARENT, section};
    use opentelemetry::trace::TraceContextExt;
    let other = AMQPValue::LongString(TRACEPARENT.replace('a', "b").into());
    let inside = AMQPValue::LongString(section().into());
    let trace_id = |headers: &FieldTable| {
        let context = otel_messaging::extract(headers);
        format!("{:032x}", context.span().span_context().trace_id())
    };
    let mut headers = table(&[(app_properties::NAME, inside.clone()), ("n", other.clone())]);
    assert_eq!(trace_id(&headers), TRACEPARENT[3..35]);
    let state = otel_messaging::extract(&headers);
    assert_eq!(state.span().span_context().trace_state().header(), "a=1");
    assert_eq!(headers.get("traceparent"), Some(TRACEPARENT));
    assert_eq!(headers.get("long"), None, "fields of a context alone");
    let names = ["traceparent", "n"];
    let each = headers.get_each(names).expect("one of each");
    assert_eq!(each.map(|value| value.map(<[u8]>::len)), [Some(55); 2]);

    let beside = table(&[(app_properties::NAME, inside), ("traceparent", other)]);
    assert_eq!(trace_id(&beside), TRACEPARENT.replace('a', "b")[3..35]);
    assert_eq!(beside.get("tracestate"), None);

    // It does not stay beside a newer one.
    otel_messaging::inject(&opentelemetry::Context::new(), &mut headers);
    assert_eq!(trace_id(&headers), "0".repeat(32));
    let rest = headers.inner().get(app_properties::NAME).and_then(bytes);
    let rest = rest.expect("its other properties");
    assert_eq!(values(rest, "long").count(), 1);
}

/// Inside the section, only fields of a context are headers to this carrier.
#[test]
fn other_properties_of_a_sender_by_amqp_1_0_stay() {
    use crate::app_properties::tests::section;
    let inside = AMQPValue::LongString(section().into());
    let entries = [
        (app_properties::NAME, inside),
        ("n", AMQPValue::LongInt(7)),
        ("order", AMQPValue::LongInt(8)),
    ];
    let mut headers = table(&entries);
    headers.remove(&["baggage", "long", "f"]);
    assert_eq!(headers, table(&entries));
    headers.remove(&["n", "long"]);
    assert_eq!(headers, table(&[&entries[..1], &entries[2..]].concat()));
    headers.remove(&[app_properties::NAME, "traceparent"]);
    assert_eq!(headers, table(&entries[2..]));
}

#[test]
fn what_is_forwarded_has_its_context_as_text() {
    let bytes = |text: &str| AMQPValue::ByteArray(text.as_bytes().into());
    let headers = table(&[
        ("Traceparent", bytes("00-")),
        ("baggage", AMQPValue::ByteArray(vec![0xff].into())),
        ("order", bytes("7")),
    ]);
    let mut expected = headers.clone();
    expected.insert("Traceparent".into(), AMQPValue::LongString("00-".into()));
    assert_eq!(as_text(headers), expected);
}

#[test]
fn set_replaces_every_spelling_and_keeps_the_rest() {
    let mut headers = table(&[
        ("Traceparent", AMQPValue::LongString("old".into())),
        ("order", AMQPValue::LongInt(7)),
        (
            "traceparent",
            AMQPValue::ByteArray(b"old".as_slice().into()),
        ),
    ]);
    headers.set("traceparent", "new".into()).unwrap();
    let expected = table(&[
        ("order", AMQPValue::LongInt(7)),
        ("traceparent", AMQPValue::LongString("new".into())),
    ]);
    assert_eq!(headers, expected);
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let mut headers = FieldTable::default();
    let name = "x".repeat(256);
    let refused = headers.set(&name, "".into());
    assert_eq!(refused, Err(CarrierError::InvalidName));
}
