//! Whatever is sent: nothing panics, and nothing is taken for what it is not.

use crate::delivered::delivery;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use otel_messaging::{Received, process};
use otel_messaging_celery::{ReceivedTask, Task};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

/// Celery's own names, which are those that are read.
const NAMES: &str = "task|id|root_id|parent_id|retries|eta|expires|ignore_result|compression|traceparent|baggage|.{0,20}";

fn values() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        Just(AMQPValue::Void),
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<f64>().prop_map(AMQPValue::Double),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        ".{0,20}".prop_map(|text| AMQPValue::ShortString(text.into())),
        ".{0,300}".prop_map(|text| AMQPValue::LongString(text.into())),
        vec(any::<u8>(), 0..20).prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        vec(any::<u8>(), 0..20).prop_map(|bytes| AMQPValue::ByteArray(bytes.into())),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let table = vec((".{0,8}", inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(|array| AMQPValue::FieldArray(FieldArray::from(array))),
            table.prop_map(|entries| AMQPValue::FieldTable(to_table(entries))),
        ]
    })
}

fn to_table(entries: Vec<(String, AMQPValue)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

/// A real task's, with some headers put in the place of others or beside them.
fn properties() -> impl Strategy<Value = BasicProperties> {
    let kind = option::of("application/json|.{0,20}");
    let encoding = option::of("utf-8|UTF8|.{0,20}");
    let reply_to = option::of(".{0,20}");
    let headers = vec((NAMES, values()), 0..4);
    (any::<bool>(), kind, encoding, reply_to, headers).prop_map(
        |(real, kind, encoding, reply_to, headers)| {
            let real = real.then(|| Task::new("orders.pack", (), ()).unwrap().properties());
            let mut properties = real.unwrap_or_default();
            let mut table = properties.headers().clone().unwrap_or_default();
            for (name, value) in to_table(headers).inner() {
                table.insert(name.clone(), value.clone());
            }
            let short = |text: String| ShortString::from(text);
            if let Some(kind) = kind {
                properties = properties.with_content_type(short(kind));
            }
            if let Some(encoding) = encoding {
                properties = properties.with_content_encoding(short(encoding));
            }
            if let Some(reply_to) = reply_to {
                properties = properties.with_reply_to(short(reply_to));
            }
            properties.with_headers(table)
        },
    )
}

/// Bodies that are a task's, are nearly one, or are anything.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let whole = br#"[[7,"\u00fc\ud83d",[{}]],{"n":1e999,"n":-0.0},{"chain":null}]"#;
    let changed = vec((0..whole.len(), any::<u8>()), 0..3).prop_map(move |changes| {
        let mut body = whole.to_vec();
        for (at, byte) in changes {
            body[at] = byte;
        }
        body
    });
    prop_oneof![
        Just(b"[[],{},null]".to_vec()),
        changed,
        "[\\[\\]{}\",:0-9ntfu\\\\ ]{0,40}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_panics(properties in properties(), body in bodies()) {
        let delivery = delivery(properties, &body);
        match ReceivedTask::from_delivery(&delivery) {
            Ok(task) => {
                for text in [Some(task.name()), Some(task.id()), task.root_id(), task.parent_id(), task.eta(), task.expires()].into_iter().flatten() {
                    prop_assert!((1..=255).contains(&text.len()));
                }
                let _ = task.retries();
                let _ = (task.kwargs::<Value>(), task.embedded::<Value>());
                if let Ok(args) = task.args::<Value>() {
                    prop_assert!(args.is_array());
                }
                let answer = task.answer_for_rpc_backend(&Err::<(), _>("no")).unwrap();
                prop_assert!(answer.is_none() || task.reply_to().is_some());
                // What it carries is what the delivery carries.
                prop_assert_eq!(task.message_headers(), delivery.message_headers());
                drop(process(&task));
                let child = Task::new("next", (), ()).unwrap().with_parent(&task);
                let child = crate::delivered::delivered(&child);
                let child = ReceivedTask::from_delivery(&child)?;
                prop_assert_eq!(child.parent_id(), Some(task.id()));
            }
            Err(error) => {
                let text = error.to_string();
                prop_assert!(text.len() < 2000, "{}", text.len());
                prop_assert!(!text.contains(char::is_control), "{:?}", text);
            }
        }
    }
}

/// Far deeper than a stack of calls would bear.
#[test]
fn any_depth_is_read_and_refused_where_it_is_asked_for() {
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    let properties = Task::new("orders.pack", (), ()).unwrap().properties();
    let deep = delivery(
        properties.clone(),
        format!("[{open}{close},{{}},null]").as_bytes(),
    );
    let task = ReceivedTask::from_delivery(&deep).unwrap();
    assert!(task.args::<Value>().is_err());
    assert!(task.kwargs::<Value>().is_ok());
    let open = delivery(properties, open.as_bytes());
    assert!(ReceivedTask::from_delivery(&open).is_err());
}

/// JSON by RFC 8259 that serde_json does not read as a value.
#[test]
fn a_part_that_cannot_be_read_costs_that_part_alone() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    for value in ["1e999", r#""\ud800""#, r#"{"\ud800":1}"#, &deep] {
        let read = |args: &str, kwargs: &str, embedded: &str| {
            let properties = Task::new("orders.pack", (), ()).unwrap().properties();
            delivery(
                properties,
                format!("[{args},{kwargs},{embedded}]").as_bytes(),
            )
        };
        let named = format!(r#"{{"n":{value}}}"#);
        let listed = format!("[{value}]");
        let delivery = read("[7]", &named, &named);
        let task = ReceivedTask::from_delivery(&delivery).unwrap();
        assert_eq!(task.args::<(u32,)>().unwrap(), (7,), "{value}");
        assert!(task.kwargs::<Value>().is_err(), "{value}");
        let delivery = read(&listed, "{}", value);
        let task = ReceivedTask::from_delivery(&delivery).unwrap();
        assert!(task.args::<Value>().is_err(), "{value}");
        assert!(task.kwargs::<Value>().is_ok(), "{value}");
    }
}
