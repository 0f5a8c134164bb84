//! Both spellings of the context's names.

use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, Request};
use futures_util::SinkExt;
use integration_tests::client::{Client, in_time};
use integration_tests::nats::{Nats, as_delivered, rewrites_traceparent, text_headers};
use integration_tests::spans::{Spans, assert_child, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::Spelling;
use std::time::Duration;

/// Each field twice and equal, in place of what stood there.
#[apply(broker_test)]
async fn both_spellings_are_on_the_wire() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client
        .injecting(&spans.instrumentation)
        .with_spelling(Spelling::Both);
    let order = spans.root("order");
    let order = order.with_baggage([KeyValue::new("tenant", "acme")]);
    let subject = client.destination();
    let publish = async {
        let mut headers = HeaderMap::new();
        headers.insert("TRACEPARENT", "old");
        headers.insert("Order", "7");
        let publish = producer.publish_with_headers(subject.clone(), headers, "order".into());
        publish.await.expect("published");
    };
    in_time("publish", publish.with_context(order)).await;
    let sent = spans.all().pop().expect("a span");
    let carried = traceparent(&sent.span_context);
    let expected = [
        ("Baggage", "tenant=acme"),
        ("Order", "7"),
        ("Traceparent", &carried),
        ("baggage", "tenant=acme"),
        ("traceparent", &carried),
    ];
    let message = client.receive().await;
    let expected = as_delivered(&client.client, &expected);
    assert_eq!(text_headers(&message), expected);
    drop(spans.instrumentation.process(&message));
    let processed = spans.named(&format!("process {subject}"));
    assert_child(&processed, &sent.span_context);
}

/// A relay that knows one spelling, as OpenTelemetry's HTTP carrier in Go does and the others do.
#[apply(broker_test)]
async fn a_relay_in_between_that_writes_one_spelling_back_stays_in_the_trace() {
    for spelling in ["Traceparent", "traceparent"] {
        let (mut client, spans) = (Nats::connect().await, Spans::new());
        let is_rewritten = rewrites_traceparent(&client.client);
        let producer = client
            .injecting(&spans.instrumentation)
            .with_spelling(Spelling::Both);
        let subject = client.destination();
        let publish = producer.publish(subject.clone(), "order".into());
        publish.await.expect("published");
        let message = client.receive().await;

        let mut headers = message.headers.clone().expect("headers");
        let carried = headers.get("traceparent").expect("this spelling");
        let carried = carried.to_string();
        let relayed = format!("{}-00f067aa0ba902b7-01", &carried[..35]);
        headers.insert(spelling, relayed.as_str());
        let sent = client
            .client
            .publish_with_headers(subject.clone(), headers, "order".into());
        sent.await.expect("published");

        let message = client.receive().await;
        drop(spans.instrumentation.process(&message));
        let processed = spans.named(&format!("process {subject}"));
        let trace_id = processed.span_context.trace_id().to_string();
        let parent = format!("{:016x}", processed.parent_span_id);
        match (spelling, is_rewritten) {
            // Of two that differ the one in title case counts.
            ("Traceparent", false) => assert_eq!([&*trace_id, &*parent], parts(&relayed)),
            (_, false) => assert_eq!([&*trace_id, &*parent], parts(&carried)),
            // The server makes one name of the two that the relay leaves: nothing settles it.
            ("Traceparent", true) => assert_ne!(trace_id, parts(&carried)[0]),
            // Both came as the one name that the relay replaces.
            (_, true) => assert_eq!([&*trace_id, &*parent], parts(&relayed)),
        }

        // Sent on from here, both are equal again.
        producer
            .republish(&message, subject.clone())
            .await
            .expect("published");
        let headers = text_headers(&client.receive().await);
        let carried = &headers[0].1;
        let expected = [("Traceparent", &**carried), ("traceparent", carried)];
        assert_eq!(headers, as_delivered(&client.client, &expected));
    }
}

/// A traceparent's trace and parent.
fn parts(traceparent: &str) -> [&str; 2] {
    [&traceparent[3..35], &traceparent[36..52]]
}

/// A Go service reads title case alone. What it sent goes out so that the next one finds it, by
/// every way on which its headers go along.
#[apply(broker_test)]
async fn what_came_in_title_case_goes_out_in_both_spellings() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let subject = client.destination();
    let plain = client.client.clone();
    let old = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    // What the message came with, and whether its context is read, so that a forward keeps it.
    let cases: [(&[(&str, &str)], bool); 4] = [
        (&[("Traceparent", old), ("Baggage", "tenant=acme")], true),
        (&[("Traceparent", old), ("traceparent", old)], true),
        (&[("Baggage", "tenant=acme")], false),
        (&[("Traceparent", "nonsense")], false),
    ];
    for (came, is_read) in cases {
        client.send_plain(came).await;
        let message = client.receive().await;
        let received = message.headers.clone().expect("headers");
        // The server has already taken the title case off, if it does that.
        let is_told = received
            .iter()
            .any(|(name, _)| AsRef::<str>::as_ref(name) != "traceparent");
        for way in [
            "republish",
            "dead_letter",
            "publish",
            "sink",
            "request",
            "forward",
        ] {
            let (subject, headers) = (subject.clone(), received.clone());
            match way {
                "republish" => producer.republish(&message, subject).await.expect("sent"),
                "dead_letter" => {
                    let letter = producer.dead_letter(&message, &"no", subject);
                    letter.await.expect("sent");
                }
                "publish" => {
                    let publish = producer.publish_with_headers(subject, headers, "7".into());
                    publish.await.expect("sent");
                }
                "sink" => {
                    let outbound = OutboundMessage {
                        subject: subject.into(),
                        reply: None,
                        payload: "7".into(),
                        headers: Some(headers),
                    };
                    producer.clone().send(outbound).await.expect("sent");
                }
                "request" => {
                    let request = Request::new()
                        .headers(headers)
                        .timeout(Some(Duration::from_millis(1)));
                    let refused = producer.send_request(subject, request).await;
                    refused.expect_err("nobody answers");
                }
                _ => producer.forward(&message, subject).await.expect("sent"),
            }
            let mut arrived = text_headers(&client.receive().await);
            arrived.retain(|(name, _)| !name.starts_with("dead-letter"));
            if way == "forward" && is_read {
                // The context that came, for those behind us who read lower case.
                let came = text_headers(&message);
                let mut expected: Vec<_> = came.iter().map(|(k, v)| (&**k, &**v)).collect();
                let lower: Vec<_> = came.iter().map(|(k, _)| k.to_lowercase()).collect();
                for ((name, value), lower) in came.iter().zip(&lower) {
                    if name != lower && came.iter().all(|(name, _)| name != lower) {
                        expected.push((lower, value));
                    }
                }
                assert_eq!(arrived, as_delivered(&plain, &expected), "{came:?}");
                continue;
            }
            let sent = spans.all().pop().expect("a span");
            let carried = traceparent(&sent.span_context);
            let mut expected = vec![("traceparent", &*carried)];
            if is_told {
                expected.push(("Traceparent", &carried));
            }
            assert_eq!(arrived, as_delivered(&plain, &expected), "{way}, {came:?}");
        }
    }
}

/// Whatever came.
#[apply(broker_test)]
async fn lower_case_that_was_asked_for_is_written_alone() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let producer = producer.with_spelling(Spelling::Lower);
    let old = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    client.send_plain(&[("Traceparent", old)]).await;
    let message = client.receive().await;
    let republish = producer.republish(&message, client.destination());
    republish.await.expect("published");
    let sent = spans.all().pop().expect("a span");
    let carried = traceparent(&sent.span_context);
    let expected = [("traceparent".to_owned(), carried)];
    assert_eq!(text_headers(&client.receive().await), expected);
    let forward = producer.forward(&message, client.destination());
    forward.await.expect("published");
    let arrived = text_headers(&client.receive().await);
    assert_eq!(arrived, text_headers(&message));
}

/// Capitals of other kinds tell nothing of who reads them.
#[apply(broker_test)]
async fn what_did_not_come_in_title_case_goes_out_in_lower_case() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    for name in ["traceparent", "TRACEPARENT", "Xraceparent"] {
        client.send_plain(&[(name, "old"), ("Order", "7")]).await;
        let message = client.receive().await;
        let republish = producer.republish(&message, client.destination());
        republish.await.expect("published");
        let mut names = text_headers(&client.receive().await);
        names.retain(|(_, value)| value != "7");
        let [(found, _)] = &names[..] else {
            panic!("one header beside the order, not {names:?}");
        };
        assert_eq!(found, "traceparent");
    }
}

/// Both count towards the server's limit: together 152 bytes, or none.
#[apply(broker_test)]
async fn both_spellings_fit_or_neither_is_written() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client
        .injecting(&spans.instrumentation)
        .with_spelling(Spelling::Both);
    let max_payload = client.client.max_payload();
    for (room, carried) in [(151, 0), (152, 2), (153, 2)] {
        let payload = vec![b'x'; max_payload - room];
        let publish = producer.publish(client.destination(), payload.into());
        publish.await.expect("it fits");
        let message = client.receive().await;
        assert_eq!(message.payload.len(), max_payload - room);
        assert_eq!(text_headers(&message).len(), carried, "{room}");
    }
    // Of a long baggage, as much as fits twice.
    let order = spans.root("order");
    let members = (0..100).map(|n| KeyValue::new(format!("key{n:02}"), "value"));
    let order = order.with_baggage(members);
    for room in [160, 500, 1000, 2000, 3000] {
        let payload = vec![b'x'; max_payload - room];
        let attached = order.clone().attach();
        let publish = producer.publish(client.destination(), payload.into());
        drop(attached);
        publish.await.expect("it fits");
        let headers = text_headers(&client.receive().await);
        let values = |name: &str| {
            let found = headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        assert!(values("traceparent").is_some(), "{room}");
        let title = as_delivered(&client.client, &[("Traceparent", "")])
            .remove(0)
            .0;
        assert_eq!(values("traceparent"), values(&title), "{room}");
        assert_eq!(values("baggage"), values("Baggage"), "{room}");
        assert_eq!(values("baggage").is_some(), room > 160, "{room}");
    }
    let trace_id = order.span().span_context().trace_id();
    assert!(
        spans
            .all()
            .iter()
            .any(|span| span.span_context.trace_id() == trace_id)
    );
}
