use super::*;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, Headers};
use rdkafka::producer::{BaseProducer, Producer};

fn all(headers: &OwnedHeaders) -> Vec<RawHeader<'_>> {
    (0..headers.count())
        .filter_map(|index| get(headers.as_borrowed(), index))
        .collect()
}

/// The layout assumption: what rdkafka writes is read here, and the other way round.
#[test]
fn rdkafka_and_this_file_see_the_same_headers() {
    let mut headers = OwnedHeaders::new()
        .insert(Header {
            key: "a",
            value: Some("1"),
        })
        .insert(Header::<'_, &str> {
            key: "null",
            value: None,
        });
    assert!(add(&mut headers, (b"b", Some(b""))));
    assert_eq!(
        all(&headers),
        [
            (&b"a"[..], Some(&b"1"[..])),
            (&b"null"[..], None),
            (&b"b"[..], Some(&b""[..])),
        ]
    );
    assert_eq!(
        headers.get(2),
        Header {
            key: "b",
            value: Some(&b""[..])
        }
    );
    remove(&mut headers, c"a");
    assert_eq!(headers.count(), 2);
    assert_eq!(
        headers.get(0),
        Header {
            key: "null",
            value: None
        }
    );
    assert_eq!(get(headers.as_borrowed(), 2), None);
}

#[test]
fn a_copy_is_read_the_same() {
    let mut headers = OwnedHeaders::new();
    assert!(add(&mut headers, (b"\xff\xfe", Some(b"1"))));
    let copy = headers.as_borrowed().detach();
    assert_eq!(all(&copy), [(&b"\xff\xfe"[..], Some(&b"1"[..]))]);
}

#[test]
fn errors_have_their_protocol_names() {
    assert_eq!(
        error_name(RDKafkaErrorCode::NotEnoughReplicas),
        "NOT_ENOUGH_REPLICAS"
    );
    assert_eq!(
        error_name(RDKafkaErrorCode::UnknownPartition),
        "_UNKNOWN_PARTITION"
    );
}

#[test]
fn a_clients_properties_are_read() {
    let mut config = ClientConfig::new();
    config.set("message.max.bytes", "2000000");
    config.set("client.id", "a".repeat(1000));
    let producer: BaseProducer = config.create().expect("a producer");
    let client = producer.client();
    let max_bytes = property(client, c"message.max.bytes");
    assert_eq!(max_bytes.as_deref(), Some("2000000"));
    assert_eq!(property(client, c"client.id"), Some("a".repeat(1000)));
    for absent in [c"group.id", c"bootstrap.servers", c"no.such.property"] {
        assert_eq!(property(client, absent), None, "{absent:?}");
    }
}
