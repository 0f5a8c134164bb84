//! Ten orders: what the shop prints of them, and what arrives at a collector.

use crate::exported::{self, spans};
use crate::measured::{assert_metrics, assert_tenants};
use crate::program::{shop, text};
use crate::received::{OfService, Received, hex, text as value, text_of};
use integration_tests::client::unique;
use integration_tests::otlp_receiver::OtlpReceiver;
use integration_tests::{apply, broker_test};
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeSet;

/// A span of a trace: its service, its name with `{}` for the prefix, and its parent's name.
type Expected = (&'static str, &'static str, &'static str);

const MAILED: [Expected; 13] = [
    ("billing", "ack {}orders", "process {}orders"),
    ("billing", "process {}orders", "publish {}orders"),
    ("billing", "send {}invoices", "process {}orders"),
    ("customers", "process {}customers", "request {}customers"),
    ("customers", "respond", "process {}customers"),
    ("gateway", "POST /orders", ""),
    ("gateway", "publish {}orders", "POST /orders"),
    ("notifier", "ack {}parcels", "process {}parcels"),
    ("notifier", "process {}parcels", "publish {}parcels"),
    ("notifier", "publish {}mails", "process {}parcels"),
    ("notifier", "request {}customers", "process {}parcels"),
    ("shipping", "publish {}parcels", "send {}invoices"),
    ("shipping", "store_offset {}invoices", "send {}invoices"),
];

const ORDER_PUT_ASIDE: [Expected; 5] = [
    ("billing", "ack {}orders", "process {}orders"),
    ("billing", "process {}orders", "publish {}orders"),
    ("billing", "publish {}orders-failed", "process {}orders"),
    ("gateway", "POST /orders", ""),
    ("gateway", "publish {}orders", "POST /orders"),
];

/// As with a mail, but for where the parcel goes.
fn parcel_put_aside() -> [Expected; 13] {
    MAILED.map(|(service, name, parent)| match name {
        "publish {}mails" => (service, "publish {}parcels-failed", parent),
        _ => (service, name, parent),
    })
}

/// A line of the printed table.
pub(crate) struct Line {
    order: String,
    pub(crate) tenant: String,
    pub(crate) outcome: String,
    trace: String,
}

fn lines(printed: &str) -> Vec<Line> {
    let lines = printed.lines().skip(2).take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let columns: Vec<_> = line
                .split("  ")
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .collect();
            let [order, tenant, outcome, _spans, _services, trace] = columns[..] else {
                panic!("six columns: {line}");
            };
            let [order, tenant, outcome, trace] =
                [order, tenant, outcome, trace].map(str::to_owned);
            Line {
                order,
                tenant,
                outcome,
                trace,
            }
        })
        .collect()
}

#[apply(broker_test)]
async fn ten_orders_are_ten_traces() {
    let collector = OtlpReceiver::start().await;
    let prefix = format!("{}-", unique("shop"));
    let output = shop(&prefix, &collector.base())
        .output()
        .await
        .expect("it runs");
    let (printed, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{complained}");
    assert_eq!(complained, "");

    let orders = lines(&printed);
    assert_eq!(orders.len(), 10, "{printed}");
    let traces: BTreeSet<_> = orders.iter().map(|line| &line.trace).collect();
    assert_eq!(traces.len(), 10, "{printed}");
    let count = |outcome| orders.iter().filter(|line| line.outcome == outcome).count();
    assert_eq!(count("mailed"), 8, "{printed}");
    assert_eq!(count("put aside by billing"), 1, "{printed}");
    assert_eq!(count("put aside by the notifier"), 1, "{printed}");

    let received = exported::at(&collector);
    for line in &orders {
        let failed: &[&str] = match &*line.outcome {
            "put aside by billing" => {
                assert_tree(&received, line, &prefix, &ORDER_PUT_ASIDE);
                &["process {}orders"]
            }
            "put aside by the notifier" => {
                assert_tree(&received, line, &prefix, &parcel_put_aside());
                &[
                    "process {}customers",
                    "process {}parcels",
                    "request {}customers",
                ]
            }
            _ => {
                assert_tree(&received, line, &prefix, &MAILED);
                &[]
            }
        };
        assert_failed(&received, line, &prefix, failed);
        assert_links(&received, line);
        assert_logs(&received, line);
    }
    assert_batches(&received, &orders, &prefix);
    assert_metrics(&received, &prefix);
    assert_tenants(&received, &orders, &prefix);
}

fn named(name: &str, prefix: &str) -> String {
    name.replace("{}", prefix)
}

fn assert_tree(received: &Received, line: &Line, prefix: &str, expected: &[Expected]) {
    let of_trace = spans(received, &line.trace);
    let parent = |span: &OfService<Span>| {
        let id = &span.it.parent_span_id;
        let parent = of_trace.iter().find(|other| other.it.span_id == *id);
        parent.map_or_else(String::new, |parent| parent.it.name.clone())
    };
    let mut found: Vec<_> = of_trace
        .iter()
        .map(|span| (span.service.clone(), span.it.name.clone(), parent(span)))
        .collect();
    found.sort();
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(service, name, parent)| {
            let service = (*service).to_owned();
            (service, named(name, prefix), named(parent, prefix))
        })
        .collect();
    expected.sort();
    assert_eq!(found, expected);
    for span in of_trace {
        let tenant = text_of(&span.it.attributes, "tenant");
        assert_eq!(tenant.as_ref(), Some(&line.tenant), "{}", span.it.name);
    }
}

fn assert_failed(received: &Received, line: &Line, prefix: &str, expected: &[&str]) {
    let of_trace = spans(received, &line.trace);
    let failed = of_trace.iter().filter(|span| span.error().is_some());
    let failed: BTreeSet<_> = failed.map(|span| span.it.name.clone()).collect();
    let expected = expected.iter().map(|name| named(name, prefix));
    assert_eq!(failed, expected.collect());
    // Each of them has a log record too, as the conventions have it.
    let exceptions = received.logs.iter().filter(|log| {
        hex(&log.it.trace_id) == line.trace && log.it.event_name.ends_with(".exception")
    });
    let of_spans: BTreeSet<_> = exceptions
        .map(|log| {
            let span = received.span_of(&log.it);
            span.expect("a span of the trace").it.name.clone()
        })
        .collect();
    assert_eq!(of_spans, failed);
}

/// A handler's span is linked to its sender's.
fn assert_links(received: &Received, line: &Line) {
    for span in spans(received, &line.trace) {
        if span.it.name.starts_with("process ") {
            let linked: Vec<_> = span.it.links.iter().map(|link| &link.span_id).collect();
            assert_eq!(linked, [&span.it.parent_span_id], "{}", span.it.name);
        }
    }
}

/// What the services log is in the trace and in the span in which they log it.
fn assert_logs(received: &Received, line: &Line) {
    let of_order = received
        .logs
        .iter()
        .filter(|log| text_of(&log.it.attributes, "order").as_deref() == Some(&*line.order));
    let mut found = BTreeSet::new();
    for log in of_order {
        assert_eq!(hex(&log.it.trace_id), line.trace, "{:?}", log.it.body);
        let span = received.span_of(&log.it);
        let span = &span.expect("a span of the trace").it.name;
        let operation = span.split(' ').next().unwrap_or_default();
        assert_eq!(
            text_of(&log.it.attributes, "tenant").as_ref(),
            Some(&line.tenant)
        );
        found.insert((
            log.service.clone(),
            value(log.it.body.as_ref()),
            operation.to_owned(),
        ));
    }
    let all = [
        ("gateway", "order accepted", "POST"),
        ("billing", "invoice sent", "process"),
        // The invoices of a batch are handled in their senders' traces.
        ("shipping", "parcel packed", "send"),
        ("notifier", "writing the text", "process"),
        ("notifier", "mail sent", "process"),
    ];
    let count = match &*line.outcome {
        "put aside by billing" => 1,
        "put aside by the notifier" => 3,
        _ => 5,
    };
    let expected = all[..count].iter().map(|(service, text, span)| {
        (
            (*service).to_owned(),
            (*text).to_owned(),
            (*span).to_owned(),
        )
    });
    assert_eq!(found, expected.collect());
}

/// The spans of shipping's batches are linked to the senders of all invoices, once each.
fn assert_batches(received: &Received, orders: &[Line], prefix: &str) {
    let (batch, send) = (
        named("process {}invoices", prefix),
        named("send {}invoices", prefix),
    );
    let batches = received.spans.iter().filter(|span| span.it.name == batch);
    let linked: Vec<_> = batches
        .flat_map(|span| &span.it.links)
        .map(|link| (link.trace_id.clone(), link.span_id.clone()))
        .collect();
    let sent: BTreeSet<_> = orders
        .iter()
        .flat_map(|line| spans(received, &line.trace))
        .filter(|span| span.it.name == send)
        .map(|span| (span.it.trace_id.clone(), span.it.span_id.clone()))
        .collect();
    assert_eq!(sent.len(), 9);
    assert_eq!(linked.len(), 9, "each message once");
    assert_eq!(linked.into_iter().collect::<BTreeSet<_>>(), sent);
}
