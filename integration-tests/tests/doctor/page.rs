//! The report as a page, of messages and spans as a shop in trouble has them. `examples/shop/viewer/page.py` opens the
//! page that this test leaves in a browser, and takes the picture of the program's README.

use crate::report::look;
use integration_tests::client::{Client, address};
use integration_tests::kafka::Kafka;
use integration_tests::{apply, broker_test};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A service, how many messages it sends, and the headers of each.
type Service = (&'static str, u64, fn(u64) -> Vec<(&'static str, String)>);

const SERVICES: [Service; 5] = [
    ("checkout", 420, |nth| {
        let baggage = "tenant=acme,basket=4711".to_owned();
        vec![
            ("traceparent", traceparent(nth, "01")),
            ("baggage", baggage),
        ]
    }),
    ("refund", 120, |_| Vec::new()),
    ("legacy", 80, |nth| {
        vec![("b3", format!("{}-{:016x}-1", trace(nth), nth + 1))]
    }),
    ("mobile", 60, |nth| {
        vec![("Traceparent", traceparent(5000 + nth, "01"))]
    }),
    ("relay", 40, |nth| {
        let older = traceparent(6000 + nth, "01");
        vec![
            ("traceparent", older),
            ("traceparent", traceparent(7000 + nth, "01")),
        ]
    }),
];

fn trace(nth: u64) -> String {
    format!("0af7651916cd43dd{:016x}", nth + 1)
}

fn traceparent(nth: u64, flags: &str) -> String {
    format!("00-{}-{:016x}-{flags}", trace(nth), nth + 1)
}

async fn fill(producer: &FutureProducer, topic: &str) {
    for (service, messages, headers) in SERVICES {
        for nth in 0..messages {
            let mut sent = OwnedHeaders::new();
            for (key, value) in headers(nth) {
                sent = sent.insert(Header {
                    key,
                    value: Some(&value),
                });
            }
            let key = format!("{service}-{nth}");
            let record = FutureRecord::to(topic)
                .key(&key)
                .payload("order")
                .headers(sent);
            producer.send(record, Timeout::Never).await.expect("sent");
        }
    }
}

/// The spans of the checkout and of two consumers: billing joins, and shipping has traces of its own.
fn spans(topic: &str) -> Value {
    let offset = |nth: u64| {
        json!([
            { "key": "messaging.destination.name", "value": { "stringValue": topic } },
            { "key": "messaging.destination.partition.id", "value": { "stringValue": "0" } },
            { "key": "messaging.kafka.offset", "value": { "intValue": nth.to_string() } },
        ])
    };
    let sent = |nth: u64| {
        let id = format!("{:016x}", nth + 1);
        json!({ "traceId": trace(nth), "spanId": id, "kind": 4, "name": "send orders" })
    };
    let joined = |nth: u64| {
        let (parent, id) = (format!("{:016x}", nth + 1), format!("b{:015x}", nth + 1));
        json!({
            "traceId": trace(nth), "spanId": id, "parentSpanId": parent, "kind": 5,
            "name": "process orders", "attributes": offset(nth),
        })
    };
    let lost = |nth: u64| {
        let id = format!("c{:015x}", nth + 1);
        json!({
            "traceId": format!("c{:031x}", nth + 1), "spanId": id, "kind": 5,
            "name": "process orders", "attributes": offset(nth),
        })
    };
    let of = |service: &str, spans: Vec<Value>| {
        let name = json!({ "key": "service.name", "value": { "stringValue": service } });
        json!({ "resource": { "attributes": [name] }, "scopeSpans": [{ "spans": spans }] })
    };
    json!({ "resourceSpans": [
        of("checkout", (0..420).map(sent).collect()),
        of("billing", (0..420).map(joined).collect()),
        of("shipping", (0..90).map(lost).collect()),
    ] })
}

#[apply(broker_test)]
async fn a_page_shows_producers_findings_and_hops() {
    let kafka = Kafka::connect().await;
    let topic = kafka.topic().name.clone();
    let producer: FutureProducer = kafka.topic().config().create().expect("a producer");
    fill(&producer, &topic).await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (exported, page) = ("doctor-spans.json", "doctor-report.html");
    fs::write(folder.join(exported), spans(&topic).to_string()).expect("written");
    let brokers = address("KAFKA_BROKERS");
    let place = ["kafka", "--brokers", &brokers, "--topic", &topic];
    let report = look(&[&place[..], &["--spans", exported, "--html", page]].concat()).await;
    assert_eq!(report.json["messages"], 720);
    let hops = report.json["hops"]["hops"].as_array().expect("a list");
    let mut seen: Vec<_> = hops
        .iter()
        .map(|hop| {
            json!([
                hop["producer"],
                hop["consumer"],
                hop["state"],
                hop["messages"]
            ])
        })
        .collect();
    seen.retain(|hop| hop[0] == "checkout");
    seen.sort_by_key(ToString::to_string);
    let expected = [
        json!(["checkout", "billing", "joined", 420]),
        json!(["checkout", "shipping", "own_trace", 90]),
    ];
    assert_eq!(seen, expected, "{:#}", report.json["hops"]);
    let page = fs::read_to_string(folder.join(page)).expect("the page");
    for part in [
        "refund",
        "legacy",
        "mobile",
        "relay",
        "billing",
        "shipping",
        "<svg",
        "not-injected",
        "consumer-own-trace",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("4711") && !page.contains("<script"),
        "{page}"
    );
}
