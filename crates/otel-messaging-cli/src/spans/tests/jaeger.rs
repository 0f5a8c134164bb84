//! Jaeger, played by a server on the loopback interface.

use super::*;
use crate::spans::{SpansFrom, join_with_token};
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

/// Answers by the path, without its query.
type Answers = HashMap<&'static str, (u16, String)>;

/// What was asked: the request's target and its `authorization`.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

async fn serve(answers: Answers) -> (u16, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let (answers, keeping) = (Arc::new(answers), asked.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, answers.clone(), keeping.clone()));
        }
    });
    (port, asked)
}

async fn answer(stream: TcpStream, answers: Arc<Answers>, asked: Asked) {
    let mut stream = BufStream::new(stream);
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if stream.read_line(&mut request).await.unwrap() == 0 {
                return;
            }
        }
        let target = request.split(' ').nth(1).unwrap().to_owned();
        let lines = request.lines();
        let authorization = lines
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.to_owned());
        asked.lock().unwrap().push((target.clone(), authorization));
        let path = target.split('?').next().unwrap();
        let missing = r#"{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}"#;
        let (status, body) = answers
            .get(path)
            .map_or((404, missing), |(status, body)| (*status, body));
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
}

fn services() -> (u16, String) {
    let body = r#"{"data":["shop","billing"],"total":2,"limit":0,"offset":0,"errors":null}"#;
    (200, body.to_owned())
}

/// The traces of the form's test, each as the answer about it.
fn traces() -> (String, String) {
    let all: Value = serde_json::from_str(forms::JAEGER).unwrap();
    let answer = |nth: usize| json!({"data": [all["data"][nth]], "errors": null}).to_string();
    (answer(0), answer(1))
}

async fn ask(address: String, token: Option<&str>, sent: &[Sent]) -> Result<Joined, String> {
    let from: SpansFrom = address.parse().unwrap();
    let progress = ProgressBar::hidden();
    let token = token.map(str::to_owned);
    let joined = join_with_token(&from, sent, System::Kafka, &progress, token).await;
    joined.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_messages_traces_are_asked_for_and_other_consumers_searched() {
    let (of_producer, of_consumer) = traces();
    let (port, asked) = serve(HashMap::from([
        ("/jaeger/api/services", services()),
        (
            "/jaeger/api/traces/4bf92f3577b34da6a3ce929d0e0e4736",
            (200, of_producer),
        ),
        ("/jaeger/api/traces", (200, of_consumer)),
    ]))
    .await;
    let mut other = message(8);
    other.context = Some((TraceId::from(OTHER + 1), SpanId::from(5), true));
    let sent = [message(7), other];
    let joined = ask(
        format!("http://127.0.0.1:{port}/jaeger/?x=1"),
        Some("secret"),
        &sent,
    )
    .await;
    let joined = joined.unwrap();
    assert_eq!(
        hops(&joined),
        [
            (None, None, HopState::ProducerNotExported, 1),
            (Some("shop"), Some("billing"), HopState::OnlyLinked, 1),
        ]
    );
    // The searches give the consumer's span four times.
    assert_eq!(joined.hops.spans, 2);
    assert_eq!(
        joined.hops.spans_from,
        format!("http://127.0.0.1:{port}/jaeger/")
    );
    let asked = asked.lock().unwrap();
    assert!(
        asked
            .iter()
            .all(|(_, token)| token.as_deref() == Some("Bearer secret"))
    );
    let searches: Vec<&str> = asked
        .iter()
        .filter_map(|(target, _)| target.strip_prefix("/jaeger/api/traces?"))
        .collect();
    // Two services, by the name of today and the old name.
    assert_eq!(searches.len(), 4, "{searches:?}");
    // From an hour before the messages' first span.
    let start = 1_790_000_000_000_000_i64 - 3_600_000_000;
    let expected = format!(
        "service=billing&tags=%7B%22messaging.destination.name%22%3A%22orders%22%7D&limit=100&start={start}&end="
    );
    assert_eq!(
        searches
            .iter()
            .filter(|search| search.starts_with(&expected))
            .count(),
        1,
        "{searches:?}"
    );
}

#[tokio::test]
async fn nothing_is_searched_if_every_message_is_joined() {
    let child = forms::JAEGER
        .replace(
            "0af7651916cd43dd8448eb211c80319c",
            "4bf92f3577b34da6a3ce929d0e0e4736",
        )
        .replace("FOLLOWS_FROM", "CHILD_OF");
    let (port, asked) = serve(HashMap::from([
        ("/api/services", services()),
        ("/api/traces/4bf92f3577b34da6a3ce929d0e0e4736", (200, child)),
    ]))
    .await;
    // The user of the address, and not the token.
    let address = format!("http://user:p%40ss+word@127.0.0.1:{port}");
    let joined = ask(address, Some("secret"), &[message(7)]).await.unwrap();
    assert_eq!(
        hops(&joined),
        [(Some("shop"), Some("billing"), HopState::Joined, 1)]
    );
    assert_eq!(joined.hops.spans_from, format!("http://127.0.0.1:{port}"));
    let basic = Some("Basic dXNlcjpwQHNzK3dvcmQ=".to_owned());
    assert_eq!(
        *asked.lock().unwrap(),
        [
            ("/api/services".to_owned(), basic.clone()),
            (
                "/api/traces/4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
                basic
            ),
        ]
    );
}

#[tokio::test]
async fn messages_that_were_not_asked_for_are_not_counted_as_missing() {
    let (port, asked) = serve(HashMap::from([("/api/services", services())])).await;
    let sent: Vec<Sent> = (1..=1200)
        .map(|nth| {
            let mut message = message(nth);
            // Every second one is not sampled, and those are asked for last.
            let trace = TraceId::from(u128::try_from(nth).unwrap());
            message.context = Some((trace, SpanId::from(1), nth % 2 == 0));
            message
        })
        .collect();
    let joined = ask(format!("http://127.0.0.1:{port}"), None, &sent)
        .await
        .unwrap();
    assert_eq!(
        hops(&joined),
        [
            (None, None, HopState::ProducerNotExported, 600),
            (None, None, HopState::Unsampled, 400),
        ]
    );
    assert_eq!(joined.hops.messages, 1000);
    assert_eq!(joined.hops.spans_from, format!("http://127.0.0.1:{port}"));
    let note = format!("The spans from http://127.0.0.1:{port}: 1000 of 1200 traces.");
    assert_eq!(joined.hops.notes, [note]);
    let asked = asked.lock().unwrap();
    assert_eq!(
        asked
            .iter()
            .filter(|(target, _)| target.contains("/traces/"))
            .count(),
        1000
    );
    assert!(asked.iter().all(|(_, token)| token.is_none()));
}

#[tokio::test]
async fn what_is_not_jaeger_is_told_in_one_line() {
    let html = "<!doctype html><title>secret</title>".to_owned();
    for (answers, expected) in [
        (HashMap::new(), "does not answer as Jaeger's query API does"),
        (
            HashMap::from([("/api/services", (200, html.clone()))]),
            "does not answer as Jaeger's query API does",
        ),
        (
            HashMap::from([("/api/services", (401, String::new()))]),
            "access is refused with 401 Unauthorized; give credentials in the address, or a token in the environment \
             variable OTEL_MESSAGING_SPANS_TOKEN",
        ),
        (
            HashMap::from([("/api/services", (503, String::new()))]),
            "it answers with 503 Service Unavailable",
        ),
        (
            HashMap::from([
                ("/api/services", services()),
                ("/api/traces/4bf92f3577b34da6a3ce929d0e0e4736", (200, html)),
            ]),
            "line 1: expected spans",
        ),
    ] {
        let (port, _) = serve(answers).await;
        let address = format!("http://user:secret@127.0.0.1:{port}/x");
        let address = match expected.starts_with("does") {
            true => address,
            false => address.replace("/x", ""),
        };
        let shown = address.replace("user:secret@", "");
        let error = ask(address, Some("secret"), &[message(7)])
            .await
            .unwrap_err();
        assert!(error.starts_with(&format!("{shown}: ")), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(
            !error.contains("secret") && !error.contains('\n'),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_address_without_an_answer_is_named() {
    // The port is free again once its listener is gone.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = ask(
        format!("http://u:secret@127.0.0.1:{port}"),
        None,
        &[message(7)],
    )
    .await;
    let error = error.unwrap_err();
    assert!(
        error.starts_with(&format!(
            "http://127.0.0.1:{port}: no answer: Connection refused"
        )),
        "{error}"
    );
    let error = ask("http://u:secret@host:99999".to_owned(), None, &[])
        .await
        .unwrap_err();
    assert_eq!(error, "http://host:99999: invalid port number");
}
