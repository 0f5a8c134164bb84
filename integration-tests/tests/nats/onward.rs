//! Messages that are sent on: what the shared scenarios do not ask for.

use integration_tests::client::{Client, in_time, unique};
use integration_tests::nats::{JetStream, Nats, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_linked};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::SpanKind;

/// A proxy forwards the request: it is answered, and the answer is in the trace of the request.
#[apply(broker_test)]
async fn a_forwarded_request_is_answered() {
    let (mut proxy, mut server) = (Nats::connect().await, Nats::connect().await);
    let spans = Spans::new();
    let by = &spans.instrumentation;
    let producer = proxy.injecting(by);
    let requester = proxy.injecting(by);
    let (subject, to) = (proxy.destination(), server.destination());
    let request = requester.request(subject.clone(), "order".into());
    let forward = async {
        let message = proxy.receive().await;
        let payload = message.payload.as_ptr();
        let forwarded = producer.forward(&message, to.clone());
        assert_eq!(message.payload.as_ptr(), payload);
        forwarded.await.expect("published");
    };
    let answer = async {
        let message = server.receive().await;
        let answering = server.injecting(by);
        let answered = by.try_with_message_context(&message, async |message| {
            let inbox = message.reply.clone().expect("a reply subject");
            answering.publish(inbox, "done".into()).await
        });
        answered.await.expect("published");
    };
    let all = async { tokio::join!(request, forward, answer) };
    let (reply, (), ()) = in_time("a reply", all).await;
    assert_eq!(&reply.expect("a reply").payload[..], b"done");

    let requested = spans.named(&format!("request {subject}"));
    let forwarded = spans.named(&format!("publish {}", server.destination()));
    assert_eq!(forwarded.span_kind, SpanKind::Client);
    assert_linked(&forwarded, &requested.span_context);
    let processed = spans.named(&format!("process {}", server.destination()));
    assert_child(&processed, &requested.span_context);
}

/// The subject by which a JetStream message is acknowledged stays: whoever gets the forwarded
/// message and answers would acknowledge it.
#[apply(broker_test)]
async fn the_subject_of_an_acknowledgement_does_not_go_along() {
    let (mut stream, mut next) = (JetStream::connect().await, Nats::connect().await);
    let spans = Spans::new();
    stream.send_plain(&[("order", "7")]).await;
    let message = stream.receive().await;
    assert!(message.reply.is_some());
    let producer = next.injecting(&spans.instrumentation);
    let to = next.destination();
    producer
        .forward(&message, to.clone())
        .await
        .expect("published");
    producer
        .republish(&message, to.clone())
        .await
        .expect("published");
    producer
        .dead_letter(&message, &"no such article", to)
        .await
        .expect("published");
    for expected in [2, 2, 6] {
        let arrived = next.receive().await;
        assert_eq!(arrived.reply, None);
        assert_eq!(
            text_headers(&arrived).len(),
            expected,
            "{:?}",
            arrived.headers
        );
    }
}

/// Servers refuse a publish whose reply subject is of their own making, and streams drop the part of
/// a batch that they do not know. The client that sent it is told nothing: such a subject stays
/// here, and the message arrives.
#[apply(broker_test)]
async fn a_reply_subject_that_servers_reserve_costs_no_message() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let subject = client.destination();
    client.send_plain(&[("order", "7")]).await;
    let mut message = client.receive().await;
    // As requests from another account have it, from another cluster, and a stream's message.
    let reserved = [
        "_R_.zZGncc.OZuIEI",
        "_GR_.abcdef.ghijkl.answers",
        "$GR.abcd.answers",
        "$JS.ACK.orders.billing.1.1.1.1790230470084404000.0",
        // A part of a batch, which no stream here has begun.
        "answers.OZuIEI.100.fail.2.1.$FI",
    ];
    for reply in reserved {
        message.reply = Some(reply.into());
        let forwarded = producer.forward(&message, subject.clone());
        forwarded.await.expect("published");
        assert_eq!(client.receive().await.reply, None, "{reply}");
        let republished = producer.republish(&message, subject.clone());
        republished.await.expect("published");
        assert_eq!(client.receive().await.reply, None, "{reply}");
    }
}

/// A dead letter of a request is not to be answered; a republished one is.
#[apply(broker_test)]
async fn a_dead_letter_has_no_reply_subject() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let subject = client.destination();
    let plain = client
        .client
        .publish_with_reply(subject.clone(), "replies", "order".into());
    plain.await.expect("published");
    let message = client.receive().await;
    let producer = client.injecting(&spans.instrumentation);
    producer
        .republish(&message, subject.clone())
        .await
        .expect("published");
    assert_eq!(client.receive().await.reply.as_deref(), Some("replies"));
    producer
        .dead_letter(&message, &"no", subject)
        .await
        .expect("published");
    assert_eq!(client.receive().await.reply, None);
}

/// What makes a letter too large is left out; the letter is sent.
#[apply(broker_test)]
async fn a_dead_letter_at_the_limit_is_still_sent() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let max_payload = client.client.max_payload();
    let payload = vec![b'x'; max_payload];
    let plain = client.client.publish(client.destination(), payload.into());
    plain.await.expect("it fits");
    let message = client.receive().await;
    let producer = client.injecting(&spans.instrumentation);
    let letter = producer.dead_letter(&message, &"no such article", client.destination());
    letter.await.expect("it fits");
    let letter = client.receive().await;
    assert_eq!(letter.payload.len(), max_payload);
    assert_eq!(text_headers(&letter), []);
    let to = unique("too-large");
    let mut large = message.clone();
    large.payload = vec![b'x'; max_payload + 1].into();
    assert!(producer.forward(&large, to.clone()).await.is_err());
    assert!(spans.has(&format!("publish {to}")));
}
