//! The services' log lines, as JSON.

use crate::program::shop;
use crate::serving::Serving;
use integration_tests::client::unique;
use integration_tests::{apply, broker_test};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All that the services say about an order has the ids of its trace. Nobody listens at the collector's
/// address, which does no harm.
#[apply(broker_test)]
async fn log_lines_have_the_ids_of_their_trace() {
    let prefix = format!("{}-", unique("shop"));
    let mut shop = Serving::start(shop(&prefix, "http://127.0.0.1:1")).await;
    let order = json!({ "customer": "grace", "amount": 1250 });
    let request = reqwest::Client::new().post(&shop.url).json(&order);
    let answer = request.send().await.expect("an answer");
    let answer = answer.error_for_status().expect("accepted");
    let order = answer.json::<Value>().await.expect("JSON")["order"].clone();

    let expected = [
        "order accepted",
        "invoice sent",
        "parcel packed",
        "writing the text",
        "mail sent",
    ];
    let (mut traces, mut spans) = (BTreeSet::new(), BTreeSet::new());
    let mut said = Vec::new();
    while said.len() < expected.len() {
        let line = shop.line(|line| line["fields"]["order"] == order).await;
        traces.insert(line["trace_id"].as_str().expect("an id").to_owned());
        spans.insert(line["span_id"].as_str().expect("an id").to_owned());
        said.push(line["fields"]["message"].clone());
    }
    said.sort_by_key(|message| expected.iter().position(|expected| message == expected));
    assert_eq!(said, expected);
    assert_eq!(traces.len(), 1, "{traces:?}");
    // The text and the mail are of one span.
    assert_eq!(spans.len(), 4, "{spans:?}");
    shop.stop().await;
}
