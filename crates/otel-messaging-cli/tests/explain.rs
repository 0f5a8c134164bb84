//! The command `explain`, run as a program; and what all commands do with hostile input.

mod program;

use program::{failed, run, run_with};
use serde_json::{Value, json};

const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_valid_traceparent_is_explained_for_each_reader() {
    let ended = run(&["explain", "traceparent", ONE, "--system", "nats"]);
    let expected = "\
traceparent
  byte 0   version    00                                the version of Trace Context Level 1 and Level 2
  byte 3   trace id   0af7651916cd43dd8448eb211c80319c  the trace
  byte 36  parent id  b7ad6b7169203331                  the span that sent it
  byte 53  flags      01                                sampled
  valid

services in other languages
  system  reader                 with               makes of it                                              versions
  NATS    Java agent             plain traceparent  child of the sender (messaging preview: child and link)  agent 2.33.1, jnats 2.26.2
  NATS    Go, NATS HTTP carrier  plain traceparent  new trace: it reads Traceparent in title case only       otel 1.47, nats.go 1.55
  NATS    Node, nats             plain traceparent  child of the sender                                      JS 3.1, nats 3.4
  NATS    Python, NATS           plain traceparent  child of the sender                                      not noted
";
    assert_eq!(ended.output, expected);
    assert_eq!((ended.status, ended.errors.as_str()), (0, ""));
}

#[test]
fn a_breach_is_shown_under_its_byte() {
    let value = ONE.replace("0af7", "0aF7");
    let ended = run_with(
        &["explain", "traceparent", "--system", "kafka"],
        format!("{value}\n").as_bytes(),
    );
    let expected = "\
traceparent
  byte 0  version  00  the version of Trace Context Level 1 and Level 2
  00-0aF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
       ^
  byte 5: `F`. The trace id is 32 hexadecimal digits in lower case.
  Rule: W3C Trace Context Level 2, section 3.2.2.3 trace-id.
  The traceparent is ignored, and with it the tracestate: the receiver starts a new trace.
  In lower case this value would be valid.
  invalid

services in other languages
  system  reader          with               makes of it  versions
  Kafka   Java agent      upper-case digits  new trace    agent 2.33.1, kafka-clients 4.4.0
  Kafka   Go, kotel       upper-case digits  new trace    otel 1.47, franz-go 1.22, kotel 1.7
  Kafka   Go, otelsarama  upper-case digits  new trace    otel 1.47, sarama 1.61
";
    assert_eq!(ended.output, expected);
    assert_eq!(ended.status, 1);
}

#[test]
fn a_tracestate_is_explained_by_vendor() {
    let ended = run(&["explain", "tracestate", "33@nr=0-0,ot=th:c,Bad=1"]);
    let expected = "\
tracestate
  byte 6   33@nr  0-0   New Relic, account 33
  byte 13  ot     th:c  OpenTelemetry, th: 25.000 % of traces are sampled
  33@nr=0-0,ot=th:c,Bad=1
                    ^
  byte 18: `B`. A key begins with a letter in lower case or a digit.
  Rule: W3C Trace Context Level 2, section 3.3.2.2.1 Key.
  The whole tracestate is ignored. The traceparent still counts.
  invalid
";
    let readers = ended.output.split_once("\nservices in other languages\n");
    assert_eq!(readers.map(|(said, _)| said), Some(expected));
    assert_eq!(ended.status, 1);
}

#[test]
fn a_baggage_is_decoded() {
    let ended = run_with(
        &["explain", "baggage", "-"],
        b"tenant=acme%20corp;p=1,b c=1",
    );
    let expected = "\
baggage
  byte 7   tenant            acme corp  percent-decoded
  byte 19  tenant, property  p=1
  tenant=acme%20corp;p=1,b c=1
                          ^
  byte 24: ` `. A key is a token: visible ASCII without any of ( ) , / : ; < = > ? @ [ \\ ] { } \".
  Rule: W3C Baggage, section 3.3.1.2 key.
  This member is ignored. The others count.
  invalid
";
    assert_eq!(ended.output, expected);
    assert_eq!(ended.status, 1);
}

#[test]
fn headers_are_explained_with_a_verdict() {
    let headers =
        json!({"Traceparent": ONE, "b3": "1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"});
    let ended = run(&[
        "explain",
        "headers",
        &headers.to_string(),
        "--system",
        "nats",
    ]);
    let expected = "\
Traceparent
  byte 0   version    00                                the version of Trace Context Level 1 and Level 2
  byte 3   trace id   0af7651916cd43dd8448eb211c80319c  the trace
  byte 36  parent id  b7ad6b7169203331                  the span that sent it
  byte 53  flags      01                                sampled
  valid

B3
  headers   b3
  trace id  1af7651916cd43dd8448eb211c80319c
  span id   b7ad6b7169203331
  sampled   yes
  It is another trace than the one that traceparent names.

headers
  Traceparent is another spelling of traceparent. Names are case-sensitive on Kafka, RabbitMQ and NATS, and most readers look for traceparent alone. OpenTelemetry's HTTP carrier in Go writes title case over NATS.

a Rust service with otel-messaging
  NATS: child of span b7ad6b7169203331 in trace 0af7651916cd43dd8448eb211c80319c, sampled

services in other languages
  system  reader                 with              makes of it          versions
  NATS    Java agent             Traceparent only  new trace            agent 2.33.1, jnats 2.26.2
  NATS    Go, NATS HTTP carrier  Traceparent only  child of the sender  otel 1.47, nats.go 1.55
  NATS    Node, nats             Traceparent only  new trace            JS 3.1, nats 3.4
  NATS    Python, NATS           Traceparent only  new trace            not noted
";
    assert_eq!(ended.output, expected);
    assert_eq!(ended.status, 0);
}

#[test]
fn contradicting_contexts_are_told_by_system() {
    let headers = json!({"traceparent": [ONE, OTHER]});
    let ended = run(&["explain", "headers", &headers.to_string()]);
    assert_eq!(ended.status, 1);
    let verdict = "
a Rust service with otel-messaging
  Kafka, RabbitMQ: child of span b7ad6b7169203331 in trace 1af7651916cd43dd8448eb211c80319c, sampled
  NATS: a new trace, with links to span b7ad6b7169203331 in trace 0af7651916cd43dd8448eb211c80319c and span b7ad6b7169203331 in trace 1af7651916cd43dd8448eb211c80319c
";
    assert!(ended.output.contains(verdict), "{}", ended.output);
}

#[test]
fn json_says_the_same() {
    let ended = run(&["explain", "traceparent", "00-x", "--json"]);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["valid"], false);
    assert_eq!(said["breaches"][0]["rule"], "trace-id-digits");
    assert_eq!(said["breaches"][0]["section"], "3.2.2.3 trace-id");
    assert_eq!(said["breaches"][0]["byte"], 3);
    assert_eq!(said["breaches"][0]["bytes"], "x");
    assert_eq!(ended.status, 1);

    let headers = json!({"traceparent": ONE, "baggage": "a=1;p"});
    let ended = run(&["explain", "headers", &headers.to_string(), "--json"]);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    let verdict = json!([{
        "systems": ["kafka", "rabbitmq", "nats"],
        "context": "valid",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "sampled": true,
        "random_trace_id": false,
        "tracestate": "",
        "baggage": [{"key": "a", "value": "1", "properties": "p"}],
    }]);
    assert_eq!(said["verdicts"], verdict);
    assert_eq!(ended.status, 0);
}

#[test]
fn hostile_values_are_explained_and_escaped() {
    let long = "\u{1b}[31m\u{202e},".repeat(1 << 17);
    for field in ["traceparent", "tracestate", "baggage"] {
        for value in [long.as_str(), "", "\0", "\u{9b}31m", ",,,;;;=="] {
            for more in [&["-"][..], &["-", "--json"]] {
                let arguments = [&["explain", field][..], more].concat();
                let ended = run_with(&arguments, value.as_bytes());
                let is_plain =
                    |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte) || byte >= 0xc3;
                let first = ended
                    .output
                    .chars()
                    .find(|it| it.is_control() && *it != '\n' || *it == '\u{202e}');
                assert_eq!(first, None, "{field} {value:.20?}");
                assert!(ended.output.bytes().next().is_some_and(is_plain));
                assert!(
                    ended.status <= 1 && ended.errors.is_empty(),
                    "{}",
                    ended.errors
                );
                if more.len() == 1 {
                    assert!(ended.output.len() < 30_000, "{}", ended.output.len());
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_one_line() {
    let deep = "[".repeat(1 << 20);
    let hostile = json!([["\u{1b}[31m"]]).to_string();
    for (arguments, input, error) in [
        (
            &["explain", "baggage"][..],
            &b"a=\xff"[..],
            "error: standard input is not UTF-8 from byte 2 on: give text\n",
        ),
        (
            &["explain", "headers"],
            b"",
            "error: the headers are not a JSON object of names and values: EOF while parsing a value at line 1 column 0\n",
        ),
        (
            &["explain", "headers"],
            deep.as_bytes(),
            "error: the headers are not a JSON object of names and values: recursion limit exceeded at line 1 column 128\n",
        ),
        (
            &["extract"],
            b"7",
            "error: the headers are not a JSON object of names and values: invalid type: integer `7`",
        ),
        (
            &["extract"],
            hostile.as_bytes(),
            "error: the headers are not a JSON object of names and values: a pair is not of a name and a value",
        ),
        (
            &["inject", "-"],
            b"[\"\\u001b\"]",
            "error: the headers are not a JSON object of names and values: the header \\u{1b} has no value",
        ),
        (
            &["inject", "--traceparent", "\u{1b}"],
            b"",
            "error: --traceparent is invalid at byte 0 (`\\u{1b}`): The version is 2",
        ),
    ] {
        let errors = failed(arguments, input);
        assert!(errors.starts_with(error), "{errors}");
        assert_eq!(errors.lines().count(), 1);
        assert!(!errors.contains('\u{1b}'));
    }
}

#[test]
fn help_has_examples() {
    for command in ["explain", "extract", "inject"] {
        let ended = run(&[command, "--help"]);
        assert!(
            ended.output.contains("\nExamples:\n  otel-messaging "),
            "{}",
            ended.output
        );
        assert!(
            ended.output.contains("\nExit status:\n"),
            "{}",
            ended.output
        );
        assert_eq!(ended.status, 0);
    }
}
