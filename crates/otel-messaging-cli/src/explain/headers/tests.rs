use super::*;
use serde_json::json;

const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01";

fn explained(headers: serde_json::Value, system: Option<System>) -> HeadersExplanation {
    explain(&Headers::from_json(&headers.to_string()).unwrap(), system)
}

fn verdict_of(said: &HeadersExplanation) -> Vec<(Vec<System>, String)> {
    let verdicts = said.verdicts.iter().map(|verdict| {
        let said = match &verdict.reading.sender {
            Sender::Valid(span) => span.span_id.clone(),
            Sender::Contradicting { senders } => format!("{} links", senders.len()),
            Sender::None => "none".to_owned(),
        };
        (verdict.systems.clone(), said)
    });
    verdicts.collect()
}

#[test]
fn each_system_has_the_verdict_of_its_own_adapter() {
    use System::{Kafka, Nats, RabbitMq};
    let all = || SYSTEMS.to_vec();
    for (headers, verdicts) in [
        (json!({}), vec![(all(), "none")]),
        (
            json!({"traceparent": ONE}),
            vec![(all(), "b7ad6b7169203331")],
        ),
        (
            json!({"TraceParent": ONE}),
            vec![(all(), "b7ad6b7169203331")],
        ),
        (json!({"traceparent": null}), vec![(all(), "none")]),
        (json!({"traceparent": 7}), vec![(all(), "none")]),
        (
            json!({"traceparent": [ONE, OTHER]}),
            vec![
                (vec![Kafka, RabbitMq], "b7ad6b7169203332"),
                (vec![Nats], "2 links"),
            ],
        ),
        (
            json!({"traceparent": ONE, "Traceparent": OTHER}),
            vec![
                (vec![Kafka, RabbitMq], "b7ad6b7169203331"),
                (vec![Nats], "b7ad6b7169203332"),
            ],
        ),
        (
            json!({"traceparent": format!("\"{ONE}\"")}),
            vec![
                (vec![Kafka], "b7ad6b7169203331"),
                (vec![RabbitMq, Nats], "none"),
            ],
        ),
        (
            json!({"Xraceparent": ONE}),
            vec![
                (vec![Kafka, RabbitMq], "none"),
                (vec![Nats], "b7ad6b7169203331"),
            ],
        ),
    ] {
        let said = explained(headers.clone(), None);
        let verdicts: Vec<_> = verdicts
            .into_iter()
            .map(|(systems, said)| (systems, said.to_owned()))
            .collect();
        assert_eq!(verdict_of(&said), verdicts, "{headers}");
    }
    let said = explained(json!({"Xraceparent": ONE}), Some(Nats));
    assert_eq!(
        verdict_of(&said),
        [(vec![Nats], "b7ad6b7169203331".to_owned())]
    );
    assert!(said.valid);
}

#[test]
fn what_readers_were_tried_with_is_recognised() {
    let mut flags = ONE.to_owned();
    flags.replace_range(53.., "03");
    for (headers, conditions) in [
        (json!({"traceparent": ONE}), vec![Condition::Plain]),
        (json!({"Traceparent": ONE}), vec![Condition::TitleCase]),
        (
            json!({"traceparent": ONE, "Traceparent": ONE}),
            vec![Condition::BothSpellings],
        ),
        (
            json!({"traceparent": ONE, "Traceparent": OTHER}),
            vec![Condition::DifferentSpellings],
        ),
        (
            json!({"traceparent": [ONE, ONE]}),
            vec![Condition::RepeatedTraceparent],
        ),
        (
            json!({"traceparent": [ONE, OTHER]}),
            vec![Condition::DifferentTraceparents],
        ),
        (json!({"traceparent": flags}), vec![Condition::Flags03]),
        (
            json!({"traceparent": flags.replace("-03", "-ff")}),
            vec![Condition::FlagsFf],
        ),
        (
            json!({"traceparent": ONE.replace("00-0", "01-0")}),
            vec![Condition::Version01],
        ),
        (
            json!({"traceparent": ONE.to_uppercase()}),
            vec![Condition::UpperCase],
        ),
        (
            json!({"traceparent": format!(" {ONE}")}),
            vec![Condition::WhiteSpace],
        ),
        (json!({"traceparent": "00-"}), vec![]),
        (
            json!({"traceparent": ONE, "tracestate": ["A", "b=1"], "baggage": ["a=1", "b=2"]}),
            vec![
                Condition::Plain,
                Condition::RepeatedTracestate,
                Condition::RepeatedBaggage,
                Condition::MalformedTracestate,
            ],
        ),
    ] {
        assert_eq!(
            explained(headers.clone(), None).conditions,
            conditions,
            "{headers}"
        );
    }
}

#[test]
fn other_formats_are_decoded_and_compared() {
    let said = explained(
        json!({
            "traceparent": ONE,
            "b3": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "X-Datadog-Trace-Id": "9532127138774266268",
            "uber-trace-id": "1:2:0:1",
        }),
        None,
    );
    let formats: Vec<_> = said
        .formats
        .iter()
        .map(|it| {
            (
                it.format,
                it.trace_id.as_deref(),
                it.sampled,
                it.contradicts,
            )
        })
        .collect();
    assert_eq!(
        formats,
        [
            (
                "B3",
                Some("0af7651916cd43dd8448eb211c80319c"),
                Some(false),
                false
            ),
            ("Jaeger", Some("0000000000000001"), Some(true), true),
            ("Datadog", Some("8448eb211c80319c"), None, false),
        ]
    );
    assert_eq!(said.formats[2].headers, ["X-Datadog-Trace-Id"]);
}

#[test]
fn oddities_of_the_headers_are_told() {
    let told = |headers| explained(headers, None).remarks.join("\n");
    for (headers, remark) in [
        (
            json!({"Baggage": "a=1"}),
            "Baggage is another spelling of baggage.",
        ),
        (
            json!({"traceparent": [ONE, ONE]}),
            "traceparent is there 2 times, and all values are equal.",
        ),
        (
            json!({"traceparent": [ONE, OTHER]}),
            "traceparent is there 2 times, and the values differ.",
        ),
        (
            json!({"traceparent": null}),
            "A value of traceparent is not text (null)",
        ),
        (
            json!({"baggage": {"a": 1}}),
            "A value of baggage is not text (table)",
        ),
        (
            json!({"traceparent": ONE, "tracestate": ""}),
            "An empty tracestate says nothing.",
        ),
        (
            json!({"traceparent": format!("\"{ONE}\"")}),
            "in JSON quotes",
        ),
        (
            json!({"Xraceparent": ONE}),
            "Xraceparent is what NATS servers",
        ),
        (json!({"tracestate": "a=1"}), "The tracestate is not read"),
    ] {
        let remarks = told(headers);
        assert!(remarks.contains(remark), "{remarks}");
        assert_eq!(remarks.lines().count(), 1, "{remarks}");
    }
    assert_eq!(
        told(json!({"traceparent": ONE, "tracestate": "a=1", "baggage": "a=1"})),
        ""
    );
}

#[test]
fn headers_are_valid_if_all_of_them_count() {
    for (headers, valid) in [
        (json!({"traceparent": ONE, "baggage": "a=1"}), true),
        (json!({"traceparent": ONE, "baggage": "a"}), false),
        (json!({"traceparent": "x"}), false),
        (json!({"traceparent": [ONE, OTHER]}), false),
        (json!({}), false),
    ] {
        assert_eq!(explained(headers.clone(), None).valid, valid, "{headers}");
    }
}
