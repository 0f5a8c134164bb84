use super::*;
use otel_messaging::adapter::{DeadLetter, Destination};

fn prefixes(name: &str) -> [Option<&'static str>; 3] {
    let letter = DeadLetter::new(Destination::unknown(), &"no");
    let ways = [Relay::Forward, Relay::Republish, Relay::DeadLetter(&letter)];
    ways.map(|relay| relay.renames(meaning(name)).then(|| relay.prefix()))
}

/// The integration tests drive a stream with all of them.
#[test]
fn a_header_is_kept_or_renamed() {
    let received = Some("received-");
    let letter = Some("dead-letter-");
    for (name, expected) in [
        ("Nats-TTL", [received, received, letter]),
        ("nats-ttl", [received, received, letter]),
        ("Nats-Of-A-Later-Server", [received, received, letter]),
        ("Nmqtt-Pub", [received, received, letter]),
        ("Nats-Msg-Id", [None, received, letter]),
        ("KV-Operation", [None, None, letter]),
        ("Nats-Marker-Reason", [None, None, letter]),
        ("Nats-Service-Error-Code", [None, None, letter]),
        ("received-nats-ttl", [None; 3]),
        ("dead-letter-nats-ttl", [None; 3]),
        ("traceparent", [None; 3]),
        ("Nats", [None; 3]),
        ("Natsö-", [None; 3]),
        ("", [None; 3]),
    ] {
        assert_eq!(prefixes(name), expected, "{name}");
    }
}

#[test]
fn all_values_of_a_header_are_renamed() {
    let mut came = HeaderMap::new();
    came.append("Nats-Trace-Hop", "1");
    came.append("Nats-Trace-Hop", "2");
    came.append("order", "7");
    let mut expected = HeaderMap::new();
    expected.append("received-nats-trace-hop", "1");
    expected.append("received-nats-trace-hop", "2");
    expected.append("order", "7");
    let headers = super::headers(Relay::Republish, Some(&came), usize::MAX);
    assert_eq!(headers, expected);
    assert_eq!(
        super::headers(Relay::Republish, Some(&headers), usize::MAX),
        expected
    );
    assert!(super::headers(Relay::Republish, None, usize::MAX).is_empty());
}

#[test]
fn a_reply_subject_that_makes_a_server_drop_the_message_stays() {
    for (reply, expected) in [
        ("_INBOX.a.b", true),
        ("answers", true),
        ("$FI", true),
        ("$JS.ACK.orders.billing.1.1.1.1790230470084404000.0", false),
        ("_R_.a.b", false),
        ("_GR_.a.b.answers", false),
        ("_INBOX.a.100.fail.2.1.$FI", false),
    ] {
        assert_eq!(goes_along(reply), expected, "{reply}");
    }
}

#[test]
fn a_bare_message_has_what_gets_no_other_name() {
    let mut came = HeaderMap::new();
    came.append("Nats-Msg-Id", "m-7");
    came.append("Nats-TTL", "7s");
    came.append("order", "7");
    came.append("order", "8");
    let letter = DeadLetter::new(Destination::unknown(), &"no");
    let mut content = HeaderMap::new();
    content.append("order", "7");
    content.append("order", "8");
    for relay in [Relay::Republish, Relay::DeadLetter(&letter)] {
        assert_eq!(without_renamed(relay, Some(&came)), (content.clone(), 2));
    }
    content.append("Nats-Msg-Id", "m-7");
    let forwarded = without_renamed(Relay::Forward, Some(&came));
    assert_eq!(forwarded, (content.clone(), 1));
    assert_eq!(
        without_renamed(Relay::Forward, Some(&content)),
        (content, 0)
    );
    assert_eq!(without_renamed(Relay::Forward, None), (HeaderMap::new(), 0));
}
