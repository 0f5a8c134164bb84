use super::*;
use crate::outbound::Outbound;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{DeadLetter, Destination};

const TRACEPARENT: (&str, &str) = (
    "Traceparent",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
);

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, *value);
    }
    headers
}

fn disabled() -> Injection {
    let mut sender = Sender::default();
    sender.set_instrumentation(Instrumentation::disabled());
    Injection {
        sender,
        spelling: Spelling::Both,
        info: ProducerInfo::new(),
    }
}

#[test]
fn disabled_it_leaves_headers_as_they_are() {
    let by = disabled();
    let given = map(&[TRACEPARENT, ("Order", "7")]);
    for room in [0, usize::MAX] {
        let mut headers = given.clone();
        let message = Outbound::to("orders", Some(&given), 0, &by.info);
        let outgoing = by.sender.outgoing("publish", &message);
        by.write(&outgoing, &mut headers, room);
        assert_eq!(headers, given, "{room}");
    }
}

/// What would act on the next message does not, whether there are spans or not.
#[test]
fn disabled_it_renames_what_acts_on_a_message_that_is_sent_on() {
    let by = disabled();
    let came = map(&[TRACEPARENT, ("Nats-TTL", "1s")]);
    let letter = DeadLetter::new(Destination::named("orders"), &"no");
    let received = map(&[TRACEPARENT, ("received-nats-ttl", "1s")]);
    let put_aside = map(&[
        TRACEPARENT,
        ("dead-letter-nats-ttl", "1s"),
        ("dead-letter-error", "no"),
        ("dead-letter-source", "orders"),
    ]);
    for (relay, expected) in [
        (Relay::Forward, &received),
        (Relay::Republish, &received),
        (Relay::DeadLetter(&letter), &put_aside),
    ] {
        let message = Outbound::to("later", Some(&came), 0, &by.info);
        let (outgoing, headers) = by.relay(
            relay,
            Destination::unknown(),
            &message,
            Some(&came),
            usize::MAX,
        );
        assert_eq!(&headers, expected, "{relay:?}");
        drop(outgoing);
    }
}
