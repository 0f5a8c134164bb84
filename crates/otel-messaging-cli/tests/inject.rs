//! The commands `inject` and `extract`, run as programs.

mod program;

use program::{failed, run, run_in, run_with};
use serde_json::{Value, json};

const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn what_is_injected_is_extracted() {
    let injected = run(&[
        "inject",
        r#"{"zone": "a", "order": "7", "Traceparent": "old", "zone": "b"}"#,
        "--traceparent",
        ONE,
        "--tracestate",
        "congo=t61",
        "--baggage",
        "tenant=acme corp",
    ]);
    let expected = format!(
        "{{\"zone\":[\"a\",\"b\"],\"order\":\"7\",\"traceparent\":\"{ONE}\",\"tracestate\":\"congo=t61\",\"baggage\":\"tenant=acme%20corp\"}}\n"
    );
    assert_eq!((injected.status, &injected.output), (0, &expected));
    let extracted = run_with(&["extract"], injected.output.as_bytes());
    let expected = "  trace id    0af7651916cd43dd8448eb211c80319c
  span id     b7ad6b7169203331
  sampled     yes
  random      no
  tracestate  congo=t61
  baggage     tenant=acme corp
";
    assert_eq!((extracted.status, extracted.output.as_str()), (0, expected));
}

#[test]
fn what_cannot_be_extracted_has_status_1() {
    let ended = run(&["extract", "{}"]);
    let said = "There is no valid context. `otel-messaging explain headers` says why.\n";
    assert_eq!((ended.status, ended.output.as_str()), (1, said));

    let headers = json!({"traceparent": [ONE, OTHER]}).to_string();
    let ended = run(&["extract", &headers, "--json"]);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["context"], "contradicting");
    assert_eq!(
        said["senders"][1]["trace_id"],
        "1af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(ended.status, 1);
}

#[test]
fn the_environment_has_a_context() {
    let environment = [("TRACEPARENT", ONE), ("BAGGAGE", "a=1")];
    let ended = run_in(&environment, &["inject", "--as", "lines"], b"");
    assert_eq!(ended.output, format!("traceparent: {ONE}\nbaggage: a=1\n"));
    let unused = run_in(
        &[("TRACEPARENT", "00-x")],
        &["inject", "--not-sampled"],
        b"",
    );
    assert_eq!(unused.status, 0);
    let ended = run_in(&[("TRACEPARENT", "00-x")], &["inject"], b"");
    assert_eq!(ended.status, 2);
    let error = "error: the environment variable TRACEPARENT is invalid at byte 3 (`x`):";
    assert!(ended.errors.starts_with(error), "{}", ended.errors);
}

#[test]
fn a_wrong_id_is_an_error() {
    let errors = failed(&["inject", "--trace-id", "0x"], b"");
    let expected = "error: --trace-id is invalid at byte 1 (`x`): The trace id is 32 hexadecimal digits in lower case. (W3C Trace Context Level 2, section 3.2.2.3 trace-id)\n";
    assert_eq!(errors, expected);
}
