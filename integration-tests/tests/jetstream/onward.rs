//! Messages of streams that are sent on: what the shared scenarios do not ask for.

use integration_tests::client::Client;
use integration_tests::nats::{JetStream, message_from, text_headers};
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};

/// A dead letter names the stream and the number that the message had there, also when it is put
/// aside once more.
#[apply(broker_test)]
async fn a_dead_letter_names_its_place_in_the_stream() {
    let (mut client, mut aside) = (JetStream::connect().await, JetStream::connect().await);
    let (mut last, spans) = (JetStream::connect().await, Spans::new());
    client.send_plain(&[]).await;
    client.send_plain(&[("order", "7")]).await;
    client.receive().await;
    let message = client.receive().await;
    let producer = client.injecting(&spans.instrumentation);
    let expected = [
        ("dead-letter-error", "no such article"),
        ("dead-letter-sequence", "2"),
        ("dead-letter-source", &client.subject),
        ("dead-letter-stream", &client.subject),
        ("order", "7"),
    ];
    let put = producer.dead_letter(&message, &"no such article", aside.subject.clone());
    put.await.expect("published").await.expect("stored");
    let letter = aside.receive().await;
    let put = producer.dead_letter(&letter, &"no such article", last.subject.clone());
    put.await.expect("published").await.expect("stored");
    for letter in [letter, last.receive().await] {
        let mut headers = text_headers(&letter);
        headers.retain(|(name, _)| !name.ends_with("traceparent"));
        assert_eq!(headers, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}

/// What the sender told its own stream stops no dead letter, and takes none for another.
#[apply(broker_test)]
async fn a_dead_letter_is_stored_whatever_its_message_asked_for() {
    let (client, mut letters) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let producer = client.injecting(&spans.instrumentation);
    let headers = [
        ("Nats-Expected-Stream", client.subject.as_str()),
        ("nats-expected-last-sequence", "17"),
        ("Nats-Msg-Id", "m-7"),
        ("Nats-Rollup", "all"),
        ("order", "7"),
    ];
    let message = message_from(&client.subject, &headers);
    for number in 1..=2 {
        let letter = producer.dead_letter(&message, &"no such article", letters.subject.clone());
        let stored = letter.await.expect("published").await.expect("stored");
        assert_eq!((stored.sequence, stored.duplicate), (number, false));
        let arrived = letters.receive().await;
        let own = text_headers(&arrived);
        let own: Vec<_> = own
            .iter()
            .filter(|(name, _)| !["traceparent", "dead-letter-error"].contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let subject = client.subject.as_str();
        assert_eq!(
            own,
            [
                ("dead-letter-nats-expected-last-sequence", "17"),
                ("dead-letter-nats-expected-stream", subject),
                ("dead-letter-nats-msg-id", "m-7"),
                ("dead-letter-nats-rollup", "all"),
                ("dead-letter-source", subject),
                ("order", "7"),
            ]
        );
    }
}
