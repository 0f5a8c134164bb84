//! The texts of errors, which are the application's code too: they panic, are long, or have no end.

use integration_tests::client::in_time;
use integration_tests::kafka::{BaseKafka, EnqueuingKafka, Kafka, ThreadedKafka};
use integration_tests::nats::{JetStream, Nats};
use integration_tests::onward::SendsOn;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use otel_messaging::adapter::Outcome;
use otel_messaging::loss::caught_panics;
use otel_messaging::producer::DEAD_LETTER_ERROR;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So much of a text goes anywhere.
const MAX_BYTES: usize = 1024;

/// Writes until it is told to stop.
#[derive(Default)]
struct Endless(AtomicUsize);

/// How much is too much: more than this it does not write, so that the test ends.
const TOO_MUCH: usize = 10 * MAX_BYTES;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        while self.0.fetch_add(1, Ordering::SeqCst) < TOO_MUCH {
            f.write_str("x")?;
        }
        Ok(())
    }
}

impl Endless {
    fn assert_stopped(&self) {
        let written = self.0.swap(0, Ordering::SeqCst);
        assert!(written > 0, "nobody asked");
        assert!(written <= MAX_BYTES + 1, "{written} bytes");
    }
}

struct Panicking;

impl fmt::Display for Panicking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such")?;
        panic!("the Display of an error");
    }
}

/// On the spans of a sending and of a handling.
#[test]
fn a_span_has_the_beginning_of_an_errors_text() {
    let spans = Spans::new();
    let by = &spans.instrumentation;
    let long = "ü".repeat(50_000_000);
    let endless = Endless::default();
    let errors: [(&dyn fmt::Display, String); 3] = [
        (&long, "ü".repeat(MAX_BYTES / 2)),
        (&endless, "x".repeat(MAX_BYTES)),
        (&Panicking, "no such".to_owned()),
    ];
    let message = integration_tests::nats::message_from("orders", &[]);
    for (error, expected) in errors {
        let before = spans.all().len();
        let outgoing = by.outgoing("send", &message);
        outgoing.finish(Outcome::failed("refused", error));
        let processing = by.process(&message);
        processing.fail("refused", error);
        drop(processing);
        let entered = by.process(&message).enter();
        entered.fail("refused", error);
        drop(entered);
        let ended = spans.all().split_off(before);
        assert_eq!(ended.len(), 3);
        for span in ended {
            assert_eq!(span.status, Status::error(expected.clone()));
        }
    }
    let written = endless.0.load(Ordering::SeqCst);
    assert!(written <= 3 * (MAX_BYTES + 1), "{written} bytes");
}

/// The letter arrives, with as much of the text as there is.
async fn letters<C: SendsOn>() {
    let mut client = C::connect().await;
    let by = Spans::new().instrumentation;
    client.send_plain(&[("order", "7")]).await;
    let message = client.receive().await;
    let long = "x".repeat(100_000_000);
    let endless = Endless::default();
    let before = caught_panics();
    let errors: [(&(dyn fmt::Display + Sync), usize); 3] =
        [(&long, MAX_BYTES), (&endless, MAX_BYTES), (&Panicking, 7)];
    for (error, length) in errors {
        let sent = client.dead_letter(&by, &message, error);
        let sent = in_time("a dead letter", sent).await;
        sent.expect("the broker takes the letter");
        let letter = client.receive().await;
        let headers = C::headers(&letter);
        let value = |name: &str| {
            let mut found = headers.iter().filter(|(key, _)| key == name);
            found.next().map(|(_, value)| value.clone())
        };
        let text = value(DEAD_LETTER_ERROR).expect("the error");
        assert_eq!(text.len(), length);
        assert_eq!(value("order").as_deref(), Some("7"));
    }
    endless.assert_stopped();
    assert!(caught_panics() > before);
}

macro_rules! letters {
    ($($name:ident: $client:ty),* $(,)?) => {$(
        #[apply(broker_test)]
        async fn $name() {
            letters::<$client>().await;
        }
    )*};
}

letters!(
    letters_by_rabbitmq: RabbitMq,
    letters_by_a_future_producer: Kafka,
    letters_by_a_base_producer: BaseKafka,
    letters_by_a_threaded_producer: ThreadedKafka,
    letters_by_an_enqueuing_producer: EnqueuingKafka,
    letters_by_nats: Nats,
    letters_by_jetstream: JetStream,
);
