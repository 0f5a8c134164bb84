//! What a message tells that is sent on, by the policies of trust.

use super::{CARRIED, SendsOn};
use crate::client::{HeaderList, in_time};
use crate::scenarios::{TRACEPARENT, distinct, names};
use crate::spans::{Spans, attribute, traceparent};
use opentelemetry::trace::SpanKind;
use otel_messaging::Instrumentation;
use otel_messaging::trust::{BaggageFilter, IncomingPolicy, Messages, OutgoingPolicy};

/// The ways to send a message on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Republish,
    DeadLetter,
}

const WAYS: [Way; 3] = [Way::Forward, Way::Republish, Way::DeadLetter];

/// What a sender may put into a message, besides [`CARRIED`].
const OF_OTHER_FORMATS: [(&str, &str); 2] = [
    ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"),
    ("dead-letter-traceparent", TRACEPARENT),
];

/// The consumer does not believe the sender, and the handler sends the message on by a producer that has no rules.
pub async fn nothing_of_a_refused_context_is_sent_on<C: SendsOn>() {
    let mut client = C::connect().await;
    let letter = [
        ("dead-letter-source", "elsewhere"),
        ("dead-letter-traceparent", TRACEPARENT),
    ];
    for policy in [
        IncomingPolicy::RestartWithLink,
        IncomingPolicy::RestartWithoutLink,
    ] {
        for (way, more) in WAYS
            .into_iter()
            .flat_map(|way| [(way, &[][..]), (way, &letter)])
        {
            let what = format!("{policy:?}, {way:?}, {more:?}");
            let spans = Spans::new();
            let by = (&refusing(&spans, policy), &spans.instrumentation);
            let arrived = sent_on(&mut client, by, way, more).await;
            assert_nothing_of_the_sender(&arrived, &what);
            let (publish, _) = names(&client);
            let sent = spans.named(&publish);
            assert_eq!(sent.span_kind, SpanKind::Producer, "{what}");
            let own = traceparent(&sent.span_context);
            assert_eq!(of(&arrived, "traceparent"), [&own], "{what}");
            assert_eq!(of(&arrived, "order"), ["7"], "{what}");
            for gone in ["tracestate", "baggage", "dead-letter-traceparent"] {
                assert_eq!(of(&arrived, gone), [""; 0], "{what}: {gone}");
            }
        }
    }
}

fn assert_nothing_of_the_sender(headers: &HeaderList, what: &str) {
    for (name, value) in headers {
        for secret in [&TRACEPARENT[3..35], &TRACEPARENT[36..52], "a=1", "acme"] {
            assert!(!value.contains(secret), "{what}: {name}: {value}");
        }
    }
}

fn refusing(spans: &Spans, policy: IncomingPolicy) -> Instrumentation {
    let builder = spans.instrumentation.to_builder();
    let builder = builder.with_incoming(Messages::all(), policy);
    builder.with_incoming_baggage(BaggageFilter::None).build()
}

/// A rule that believes the sender changes nothing: the headers stay as they came, to the byte.
pub async fn a_believed_context_is_forwarded_as_it_came<C: SendsOn>() {
    let mut client = C::connect().await;
    for policy in [IncomingPolicy::Continue, IncomingPolicy::ContinueAndWarn] {
        let spans = Spans::new();
        let builder = spans.instrumentation.to_builder();
        let by = builder.with_incoming(Messages::all(), policy).build();
        client.send_plain(&CARRIED).await;
        let message = client.receive().await;
        let forwarding = by.try_with_message_context(&message, |message| {
            client.forward(&spans.instrumentation, message)
        });
        let forwarded = in_time("forward", forwarding).await;
        forwarded.expect("the broker takes the message");
        let mut arrived = C::headers(&client.receive().await);
        arrived.sort();
        let carried = CARRIED.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(arrived, carried, "{policy:?}");
    }
}

/// A producer whose messages leave the house tells neither its own context nor the one that the message came with,
/// in any format. Its span has the dead letter's error and source, and so has the message.
pub async fn what_is_sent_on_out_of_the_house_tells_nothing<C: SendsOn>() {
    let mut client = C::connect().await;
    for way in WAYS {
        let spans = Spans::new();
        let external = spans.instrumentation.external();
        let by = (&spans.instrumentation, &external);
        let arrived = sent_on(&mut client, by, way, &OF_OTHER_FORMATS).await;
        let what = format!("{way:?}: {arrived:?}");
        assert_nothing_of_the_sender(&arrived, &what);
        for gone in [
            "traceparent",
            "tracestate",
            "baggage",
            "b3",
            "dead-letter-traceparent",
        ] {
            assert_eq!(of(&arrived, gone), [""; 0], "{what}");
        }
        assert_eq!(of(&arrived, "order"), ["7"], "{what}");
        let (publish, _) = names(&client);
        let source = attribute(&spans.named(&publish), "otel_messaging.dead_letter.source");
        let destination = (way == Way::DeadLetter).then(|| client.destination());
        assert_eq!(source, destination.clone().map(Into::into), "{what}");
        let told = of(&arrived, "dead-letter-source");
        assert_eq!(told, Vec::from_iter(destination.as_deref()), "{what}");
        let errors = of(&arrived, "dead-letter-error");
        assert_eq!(errors.len(), told.len(), "{what}");
    }
}

/// The trace goes out and the baggage does not: neither our own nor the sender's.
pub async fn what_is_sent_on_without_baggage_keeps_its_trace<C: SendsOn>() {
    let mut client = C::connect().await;
    for way in WAYS {
        let spans = Spans::new();
        let builder = spans.instrumentation.to_builder();
        let policy = OutgoingPolicy::TraceContextOnly;
        let only_trace = builder.with_outgoing(Messages::all(), policy).build();
        let by = (&spans.instrumentation, &only_trace);
        let arrived = sent_on(&mut client, by, way, &[]).await;
        let (publish, _) = names(&client);
        let own = traceparent(&spans.named(&publish).span_context);
        let expected = if way == Way::Forward {
            TRACEPARENT
        } else {
            &own
        };
        assert_eq!(of(&arrived, "traceparent"), [expected], "{way:?}");
        assert_eq!(of(&arrived, "tracestate"), ["a=1"], "{way:?}");
        assert_eq!(of(&arrived, "baggage"), [""; 0], "{way:?}");
    }
}

/// Publishes a message by the bare client, handles it by one instrumentation, sends it on by the other in the
/// handler, and returns the headers that then arrive.
async fn sent_on<C: SendsOn>(
    client: &mut C,
    (consumer, producer): (&Instrumentation, &Instrumentation),
    way: Way,
    more: &[(&str, &str)],
) -> HeaderList {
    let headers = [&CARRIED[..], more].concat();
    client.send_plain(&headers).await;
    let message = client.receive().await;
    let sending = consumer.try_with_message_context(&message, async |message| match way {
        Way::Forward => client.forward(producer, message).await,
        Way::Republish => client.republish(producer, message).await,
        Way::DeadLetter => {
            let error = &"no such article";
            client.dead_letter(producer, message, error).await
        }
    });
    let sent = in_time("sending on", sending).await;
    sent.expect("the broker takes the message");
    distinct(C::headers(&client.receive().await))
}

/// The values of a header.
fn of<'a>(headers: &'a HeaderList, name: &str) -> Vec<&'a str> {
    let headers = headers.iter().filter(|(key, _)| key == name);
    headers.map(|(_, value)| value.as_str()).collect()
}
