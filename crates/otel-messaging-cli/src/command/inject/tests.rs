use super::*;
use crate::arguments::Arguments;
use crate::arguments::inject::Form;
use crate::command::inject::form::write;
use clap::Parser;
use opentelemetry::trace::TraceFlags;
use std::collections::BTreeMap;

type Environ = BTreeMap<String, String>;

fn arguments(given: &[&str]) -> InjectArguments {
    let given = ["otel-messaging", "inject"].iter().chain(given);
    match Arguments::parse_from(given).command {
        crate::arguments::Command::Inject(arguments) => arguments,
        command => panic!("{command:?}"),
    }
}

fn made(given: &[&str], environment: &[(&str, &str)]) -> Result<Context, String> {
    let pairs = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment: Environ = pairs.collect();
    context(&arguments(given), &environment).map_err(|error| error.to_string())
}

const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn a_context_is_given_inherited_or_new() {
    let environment = [
        ("traceparent", ONE),
        ("tracestate", "a=1"),
        ("baggage", "k=v;p"),
    ];
    let context = made(&[], &environment).unwrap();
    let span = context.span().span_context().clone();
    assert_eq!(span.trace_id().to_string(), TRACE_ID);
    assert_eq!(span.trace_flags(), TraceFlags::new(3));
    assert_eq!(span.trace_state().header(), "a=1");
    let (value, properties) = context.baggage().get_with_metadata("k").unwrap();
    assert_eq!((value.as_str(), properties.as_str()), ("v", "p"));

    let given = ONE.replace("0af7", "1111");
    let context = made(
        &["--traceparent", &given, "--baggage", "x=a b,c"],
        &environment,
    )
    .unwrap();
    let span = context.span().span_context().clone();
    assert!(span.trace_id().to_string().starts_with("1111"));
    assert_eq!(span.trace_state().header(), "");
    assert_eq!(context.baggage().len(), 1);
    assert_eq!(context.baggage().get("x").unwrap().as_str(), "a b,c");

    let context = made(&["--trace-id", TRACE_ID, "--not-sampled"], &environment).unwrap();
    let span = context.span().span_context().clone();
    assert_eq!(span.trace_id().to_string(), TRACE_ID);
    assert_eq!(span.trace_flags(), TraceFlags::NOT_SAMPLED);

    let ids = || made(&[], &[]).unwrap().span().span_context().clone();
    let (one, other) = (ids(), ids());
    assert!(one.is_valid() && one.trace_flags() == TraceFlags::SAMPLED);
    assert_ne!(
        (one.trace_id(), one.span_id()),
        (other.trace_id(), other.span_id())
    );
}

#[test]
fn what_is_wrong_is_named_with_its_byte() {
    for (given, error) in [
        (
            vec!["--traceparent", "00-x"],
            "--traceparent is invalid at byte 3 (`x`):",
        ),
        (
            vec!["--trace-id", "0g"],
            "--trace-id is invalid at byte 1 (`g`):",
        ),
        (
            vec!["--trace-id", "0af7"],
            "--trace-id has 4 characters, and has to have 32",
        ),
        (vec!["--trace-id", ""], "--trace-id has 0 characters"),
        (
            vec!["--trace-id", "00000000000000000000000000000000"],
            "--trace-id is invalid at byte 0",
        ),
        (
            vec!["--trace-id", "0af7651916cd43dd8448eb211c80319c0"],
            "--trace-id has 33 characters",
        ),
        (
            vec!["--parent-id", "B7ad6b7169203331"],
            "--parent-id is invalid at byte 0 (`B`):",
        ),
        (
            vec!["--parent-id", "b7ad6b716920333"],
            "--parent-id has 15 characters",
        ),
        (
            vec!["--parent-id", "b7ad6b7169203331-01"],
            "--parent-id has 19 characters",
        ),
        (
            vec!["--tracestate", "a=1,B=2"],
            "--tracestate is invalid at byte 4 (`B`):",
        ),
        (vec!["--baggage", "k"], "--baggage k has no `=`"),
        (
            vec!["--baggage", "k k=1"],
            "--baggage: the key `k k` is not a token",
        ),
        (
            vec!["--baggage", "k;=1"],
            "--baggage is invalid at byte 0 (`k`):",
        ),
    ] {
        let message = made(&given, &[]).unwrap_err();
        assert!(message.starts_with(error), "{given:?}: {message}");
    }
    let message = made(&[], &[("traceparent", "00-x")]).unwrap_err();
    assert!(
        message.starts_with("the environment variable TRACEPARENT is invalid at byte 3"),
        "{message}"
    );
    let value = format!("k={}", "v".repeat(9000));
    let message = made(&["--baggage", &value], &[]).unwrap_err();
    assert!(
        message.starts_with("--baggage k: there is no room for it"),
        "{message}"
    );
}

#[test]
fn each_form_is_written() {
    let headers = r#"{"it": "it's", "none": null, "number": 7, "twice": ["a", "b"]}"#;
    let headers = Headers::from_json(headers).unwrap();
    let written = |form| write(&headers, form).unwrap();
    assert_eq!(
        written(Form::Json),
        "{\"it\":\"it's\",\"none\":null,\"number\":7,\"twice\":[\"a\",\"b\"]}\n"
    );
    assert_eq!(
        written(Form::Lines),
        "it: it's\nnone: \nnumber: 7\ntwice: a\ntwice: b\n"
    );
    assert_eq!(
        written(Form::Kcat),
        "-H 'it=it'\\''s' -H 'none' -H 'number=7' -H 'twice=a' -H 'twice=b'\n"
    );
    let hostile = Headers::from_json(r#"{"a": "x\ny", "b=c": "\u0000"}"#).unwrap();
    assert!(
        write(&hostile, Form::Lines)
            .unwrap_err()
            .to_string()
            .contains("a control character")
    );
    assert!(
        write(&hostile, Form::Kcat)
            .unwrap_err()
            .to_string()
            .starts_with("kcat cannot write the header b=c")
    );
}
