//! What strangers can send to the gateway.

use crate::exported;
use crate::program::shop;
use crate::received::{OfService, text_of};
use crate::serving::Serving;
use integration_tests::client::unique;
use integration_tests::otlp_receiver::OtlpReceiver;
use integration_tests::{apply, broker_test};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use std::collections::BTreeSet;

/// The tenant of the header counts, and not a stranger's baggage. A trace that comes in goes on.
#[apply(broker_test)]
async fn baggage_of_strangers_does_not_go_on() {
    let collector = OtlpReceiver::start().await;
    let prefix = format!("{}-", unique("shop"));
    let mut shop = Serving::start(shop(&prefix, &collector.base())).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = reqwest::Client::new()
        .post(&shop.url)
        .header("tenant", "acme")
        .header("baggage", "tenant=evil,other=1")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .json(&json!({ "customer": "ada", "amount": 1250 }));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    shop.line(|line| line["fields"]["message"] == "mail sent")
        .await;
    shop.stop().await;

    let received = exported::at(&collector);
    let spans = exported::spans(&received, trace);
    let tenant = |span: &&OfService<Span>| text_of(&span.it.attributes, "tenant");
    let tenants: BTreeSet<_> = spans.iter().map(tenant).collect();
    assert_eq!(tenants, [Some("acme".to_owned())].into());
    let services: BTreeSet<_> = spans.iter().map(|span| &*span.service).collect();
    assert_eq!(services.len(), 5, "{services:?}");
    let series = received.metrics.keys();
    let mut of_metrics = series.filter_map(|series| series.attributes.get("tenant"));
    assert!(of_metrics.all(|tenant| tenant == "acme"));
}

/// Kafka would refuse the invoice each time.
#[apply(broker_test)]
async fn an_order_that_is_too_large_is_refused() {
    let prefix = format!("{}-", unique("shop"));
    let shop = Serving::start(shop(&prefix, "http://127.0.0.1:1")).await;
    let order = json!({ "customer": "a".repeat(1_100_000), "amount": 1250 });
    let request = reqwest::Client::new().post(&shop.url).json(&order);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    shop.stop().await;
}
