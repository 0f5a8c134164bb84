//! A service in Go, with OpenTelemetry's HTTP carrier: `go/main.go`.

use crate::client::{address, in_time, unique};
use crate::script::path_from;
use async_nats::{HeaderMap, Message, Subscriber};
use futures_util::StreamExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::LazyLock;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// A process that takes messages from one subject and sends them on to another.
///
/// It ends when this value is dropped.
pub struct GoService {
    client: async_nats::Client,
    from: String,
    sent: Subscriber,
    _process: Child,
}

/// What it says of a message: of the one that it received, or of the answer that it asked for.
pub struct Report {
    /// The message that it sent on.
    pub message: Message,
    /// The traceparent that it found, if there was one.
    pub remote: Option<String>,
    /// The traceparent of its own span.
    pub own: String,
    /// The baggage that it found, by key.
    pub baggage: Vec<(String, String)>,
}

impl GoService {
    /// Starts one, on subjects of its own, and waits until it is subscribed.
    ///
    /// # Panics
    ///
    /// When it cannot be built, with what `integration-tests/go/build` says.
    pub async fn start(client: &async_nats::Client) -> Self {
        let (from, to) = (unique("go"), unique("from-go"));
        let sent = client.subscribe(to.clone()).await.expect("a subscription");
        // As with `Nats::connect`.
        let asked = client.request(unique("nobody"), "".into()).await;
        asked.expect_err("nobody answers, and the server says so");
        let mut process = tokio::process::Command::new(&*PROGRAM)
            .args([&address("NATS_URL"), &from, &to])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let output = process.stdout.take().expect("piped");
        let mut said = String::new();
        let mut output = BufReader::new(output);
        let read = in_time("the service in Go", output.read_line(&mut said)).await;
        read.expect("text");
        assert_eq!(said, "ready\n");
        Self {
            client: client.clone(),
            from,
            sent,
            _process: process,
        }
    }

    /// The subject from which it takes messages.
    pub fn subject(&self) -> String {
        self.from.clone()
    }

    /// Sends it a message without the adapter.
    pub async fn send(&self, headers: &[(&str, &str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, *value);
        }
        let client = &self.client;
        let sent = client.publish_with_headers(self.subject(), map, "order".into());
        sent.await.expect("published");
    }

    /// What it sends on next.
    pub async fn next(&mut self) -> Report {
        let next = in_time("a message from Go", self.sent.next()).await;
        let message = next.expect("the subscription goes on");
        let said: serde_json::Value = serde_json::from_slice(&message.payload).expect("JSON");
        let text = |key: &str| said[key].as_str().expect("text").to_owned();
        let baggage = said["baggage"].as_object().expect("a map").iter();
        let baggage = baggage.map(|(key, value)| {
            let value = value.as_str().expect("text");
            (key.clone(), value.to_owned())
        });
        Report {
            remote: Some(text("remote")).filter(|remote| !remote.is_empty()),
            own: text("own"),
            baggage: baggage.collect(),
            message,
        }
    }
}

/// Built once in a run of the tests. The first time on a machine takes a minute: it fetches Go's
/// modules.
static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| path_from(concat!(env!("CARGO_MANIFEST_DIR"), "/go/build")));
