//! Messages that a header or its absence makes something of.

use super::{message, related, send_on};
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, stream};
use futures_util::StreamExt;
use integration_tests::client::{Client, in_time, unique};
use integration_tests::nats::JetStream;
use integration_tests::relay_table::Way;
use integration_tests::spans::{Spans, attribute};
use integration_tests::{apply, broker_test};

/// A bridge that forwards a message twice leaves it once; what is sent again is there again, in the
/// stream that has the message too.
#[apply(broker_test)]
async fn an_id_makes_a_duplicate_of_what_is_forwarded_and_of_nothing_else() {
    let (mut client, next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let producer = client.injecting(&spans.instrumentation);
    client.send_plain(&[("Nats-Msg-Id", "m-7")]).await;
    let message = client.receive().await;
    for is_duplicate in [false, true] {
        let forwarded = send_on(&producer, Way::Forward, &message, &next.subject).await;
        let answer = forwarded.expect("answered");
        assert_eq!((answer.sequence, answer.duplicate), (1, is_duplicate));
        let last = spans.all().pop().expect("a span");
        let said = attribute(&last, "nats.duplicate");
        assert_eq!(said, is_duplicate.then(|| true.into()));
    }
    for (way, name) in [
        (Way::Republish, "received-nats-msg-id"),
        (Way::Republish, "received-nats-msg-id"),
        (Way::DeadLetter, "dead-letter-nats-msg-id"),
        (Way::DeadLetter, "dead-letter-nats-msg-id"),
    ] {
        let stored = send_on(&producer, way, &message, &client.subject).await;
        assert!(!stored.expect("stored").duplicate);
        let arrived = client.receive().await;
        let expected = [(name.to_owned(), "m-7".to_owned())];
        assert_eq!(
            related(JetStream::headers(&arrived), "Nats-Msg-Id"),
            expected
        );
    }
}

/// What the first hop found stays; a message in a circle does not grow.
#[apply(broker_test)]
async fn a_message_that_is_sent_on_again_keeps_what_it_first_came_with() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let producer = stream.injecting(&spans.instrumentation);
    for way in Way::ALL {
        let prefix = way.prefix();
        let first = message(&[("Nats-Sequence", "1"), ("nats-subject", "orders")]);
        let sent = send_on(&producer, way, &first, &stream.subject).await;
        sent.expect("stored");
        let mut again = stream.receive().await.message.clone();
        let headers = again.headers.as_mut().expect("headers");
        headers.insert("Nats-Sequence", "2");
        let sent = send_on(&producer, way, &again, &stream.subject).await;
        sent.expect("stored");
        let arrived = JetStream::headers(&stream.receive().await);
        let sequence = (format!("{prefix}nats-sequence"), "1".to_owned());
        assert_eq!(related(arrived.clone(), "Nats-Sequence")[1..], []);
        assert!(arrived.contains(&sequence), "{arrived:?}");
        let subject = (format!("{prefix}nats-subject"), "orders".to_owned());
        assert!(arrived.contains(&subject), "{arrived:?}");
    }
}

/// A new instruction beside the renamed one is heeded. Servers up to 2.11 would not see it behind a
/// name that ends as it does, and the map has another order each time.
#[apply(broker_test)]
async fn what_is_renamed_hides_no_new_instruction() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let producer = stream.injecting(&spans.instrumentation);
    let subject = stream.subject.clone();
    for way in Way::ALL {
        for _ in 0..10 {
            let old = message(&[("Nats-Expected-Stream", &subject)]);
            let sent = send_on(&producer, way, &old, &subject).await;
            sent.expect("stored");
            let mut headers = HeaderMap::new();
            for (name, value) in JetStream::headers(&stream.receive().await) {
                headers.insert(name, value);
            }
            headers.insert("Nats-Expected-Stream", "another");
            let publish = producer.publish_with_headers(subject.clone(), headers, "7".into());
            let answer = publish.await.expect("taken").await;
            answer.expect_err("another stream was expected");
        }
    }
}

/// What a stream itself writes into a message that it takes from another one.
#[apply(broker_test)]
async fn a_message_from_a_stream_with_a_source_is_sent_on() {
    let (origin, mut next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let name = unique("aggregate");
    let config = stream::Config {
        name: name.clone(),
        sources: Some(vec![stream::Source {
            name: origin.subject.clone(),
            ..stream::Source::default()
        }]),
        storage: stream::StorageType::Memory,
        ..stream::Config::default()
    };
    let aggregate = origin
        .context
        .create_stream(config)
        .await
        .expect("a stream");
    let message = first_of(&aggregate, pull::Config::default(), &origin).await;
    let written = related(JetStream::headers(&message), "Nats-Stream-Source");
    let [(_, source)] = &written[..] else {
        panic!("one source, not {written:?}");
    };
    let producer = next.injecting(&spans.instrumentation);
    for way in Way::ALL {
        let stored = send_on(&producer, way, &message, &next.subject).await;
        stored.expect("stored");
        let arrived = related(
            JetStream::headers(&next.receive().await),
            "Nats-Stream-Source",
        );
        let [(name, value)] = &arrived[..] else {
            panic!("one, not {arrived:?}");
        };
        assert_ne!(name, "Nats-Stream-Source");
        assert_eq!(value, source);
    }
}

/// A consumer that asked for headers alone has no payload to send on: the message says so.
#[apply(broker_test)]
async fn a_message_without_its_payload_says_how_much_is_missing() {
    let (origin, mut next) = (JetStream::connect().await, JetStream::connect().await);
    let spans = Spans::new();
    let config = pull::Config {
        headers_only: true,
        ..pull::Config::default()
    };
    let message = first_of(&origin.stream, config, &origin).await;
    let producer = next.injecting(&spans.instrumentation);
    for way in Way::ALL {
        let name = way.prefix().to_owned() + "nats-msg-size";
        let stored = send_on(&producer, way, &message, &next.subject).await;
        stored.expect("stored");
        let arrived = next.receive().await;
        assert!(arrived.payload.is_empty());
        let expected = [(name, "5".to_owned())];
        assert_eq!(
            related(JetStream::headers(&arrived), "Nats-Msg-Size"),
            expected
        );
        if way == Way::DeadLetter {
            let headers = arrived.headers.as_ref().expect("headers");
            let place = headers.get("dead-letter-sequence").expect("its place");
            let place = place.as_str().parse().expect("a number");
            let whole = origin.stream.get_raw_message(place).await;
            assert_eq!(&whole.expect("it is there").payload[..], b"order");
        }
    }
}

/// The message goes, if its own headers fit, without the instructions under their longer names.
#[apply(broker_test)]
async fn a_message_at_the_limit_is_sent_on_without_its_instructions() {
    let (mut stream, spans) = (JetStream::connect().await, Spans::new());
    let client = stream.context.client();
    let producer = stream.injecting(&spans.instrumentation);
    let size = "NATS/1.0\r\nNats-Expected-Stream: another\r\norder: 7\r\n\r\n".len();
    for (room, expected) in [(size, 0), (size + "received-".len(), 1)] {
        let mut message = message(&[("Nats-Expected-Stream", "another"), ("order", "7")]);
        message.payload = vec![b'x'; client.max_payload() - room].into();
        for way in [Way::Forward, Way::Republish] {
            let stored = send_on(&producer, way, &message, &stream.subject).await;
            stored.expect("stored");
            let arrived = JetStream::headers(&stream.receive().await);
            assert!(arrived.contains(&("order".to_owned(), "7".to_owned())));
            let kept = related(arrived, "Nats-Expected-Stream");
            assert_eq!(kept.len(), expected, "{way:?}, {room}");
        }
    }
}

/// A router between two buckets takes the deletion along; a letter deletes nothing.
#[apply(broker_test)]
async fn a_deletion_stays_a_deletion_unless_it_is_put_aside() {
    use jetstream::kv::{Config, Operation};
    let (client, spans) = (JetStream::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let bucket = async || {
        let bucket = unique("bucket");
        let config = Config {
            bucket: bucket.clone(),
            ..Config::default()
        };
        let store = client.context.create_key_value(config).await;
        (bucket, store.expect("a bucket"))
    };
    let (name, from) = bucket().await;
    from.put("key", "7".into()).await.expect("put");
    from.delete("key").await.expect("deleted");
    let stream = client.context.get_stream(format!("KV_{name}")).await;
    let stream = stream.expect("the bucket's stream");
    let key = format!("$KV.{name}.key");
    let last = stream.get_last_raw_message_by_subject(&key);
    let last = last.await.expect("the deletion");
    let mut deletion = message(&[]);
    deletion.headers = Some(last.headers);
    deletion.payload = last.payload;
    for (way, expected) in [
        (Way::Forward, Operation::Delete),
        (Way::Republish, Operation::Delete),
        (Way::DeadLetter, Operation::Put),
    ] {
        let (name, to) = bucket().await;
        let stored = send_on(&producer, way, &deletion, &format!("$KV.{name}.key")).await;
        stored.expect("stored");
        let entry = to.entry("key").await.expect("an answer").expect("an entry");
        assert_eq!(entry.operation, expected, "{way:?}");
    }
}

/// The first message of a stream to a new consumer, after `origin` was sent one.
async fn first_of(
    stream: &stream::Stream,
    config: pull::Config,
    origin: &JetStream,
) -> jetstream::Message {
    origin.send_plain(&[]).await;
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let next = in_time("a message", messages.next()).await;
    next.expect("the consumer goes on").expect("a message")
}
