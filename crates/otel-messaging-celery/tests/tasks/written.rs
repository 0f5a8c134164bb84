//! What is written is read again, and keeps to the protocol.

use crate::delivered::{delivered, with_header};
use lapin::types::AMQPValue;
use otel_messaging_celery::{ReceivedTask, Task, TaskError};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{Error, Serializer};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::BTreeMap;

/// JSON that a program may have: any text and numbers, a few levels deep.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn text(task: &Task, name: &str) -> String {
    let properties = task.properties();
    let headers = properties.headers().as_ref().unwrap();
    let text = headers.inner()[name].as_long_string();
    text.unwrap().to_string()
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        name in ".{1,60}",
        id in ".{1,60}",
        args in vec(values(), 0..5),
        kwargs in btree_map(any::<String>(), values(), 0..5),
    ) {
        let task = Task::new(&name, &args, &kwargs)?.with_id(&id)?;
        let delivery = delivered(&task);
        let read = ReceivedTask::from_delivery(&delivery)?;
        prop_assert_eq!(read.name(), name);
        prop_assert_eq!(read.id(), &id);
        prop_assert_eq!(task.id(), &id);
        prop_assert_eq!(read.root_id(), Some(&*id));
        prop_assert_eq!(read.parent_id(), None);
        prop_assert_eq!(read.retries(), 0);
        prop_assert_eq!(read.args::<Vec<Value>>()?, args);
        prop_assert_eq!(read.kwargs::<BTreeMap<String, Value>>()?, kwargs);
        let embedded = read.embedded::<Map<String, Value>>()?;
        let names: Vec<_> = embedded.keys().collect();
        prop_assert_eq!(names, ["callbacks", "chain", "chord", "errbacks"]);
        prop_assert!(embedded.values().all(Value::is_null));
        // Of the types of text, Celery's instrumentation reads this one alone.
        let headers = delivery.properties.headers().as_ref().unwrap();
        for value in headers.inner().values() {
            prop_assert!(matches!(value, AMQPValue::LongString(_)), "{:?}", value);
        }
    }

    /// Headers have to fit in a frame, whatever the arguments are.
    #[test]
    fn shown_arguments_are_cut(text_of_one in ".{0,40}", times in 0..100usize) {
        let task = Task::new("t", (text_of_one.repeat(times),), ())?;
        let whole: Vec<Value> = ReceivedTask::from_delivery(&delivered(&task))?.args()?;
        let whole = serde_json::to_string(&whole)?;
        let shown = text(&task, "argsrepr");
        if whole.chars().count() <= 1024 {
            prop_assert_eq!(shown, whole);
        } else {
            prop_assert_eq!(shown.chars().count(), 1024 + 3);
            prop_assert!(whole.starts_with(shown.strip_suffix("...").unwrap()));
        }
    }
}

#[test]
fn nothing_is_an_empty_list_and_an_empty_map() {
    let task = Task::new("t", (), ()).unwrap();
    assert!(task.body().starts_with(b"[[],{},{"));
    assert_eq!(text(&task, "argsrepr"), "[]");
    assert_eq!(text(&task, "kwargsrepr"), "{}");
    let other = Task::new("t", (), ()).unwrap();
    assert_ne!(task.id(), other.id());
    assert_eq!(task.id().len(), 36);
}

#[test]
fn what_celery_does_not_take_is_refused() {
    #[derive(Serialize)]
    struct Options {
        express: bool,
    }
    let options = || Options { express: true };
    let args = |error| matches!(error, TaskError::ArgsNoList);
    assert!(Task::new("t", (7,), options()).is_ok());
    assert!(args(Task::new("t", 7, ()).unwrap_err()));
    assert!(args(Task::new("t", "[]", ()).unwrap_err()));
    assert!(args(Task::new("t", options(), ()).unwrap_err()));
    let kwargs = |error| matches!(error, TaskError::KwargsNoMap);
    assert!(kwargs(Task::new("t", (), (7,)).unwrap_err()));
    assert!(kwargs(Task::new("t", (), "{}").unwrap_err()));

    let by_pair = BTreeMap::from([((1, 2), 3)]);
    let error = Task::new("t", (by_pair,), ()).unwrap_err();
    assert!(matches!(error, TaskError::Json(_)), "{error}");
    let error = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(error.as_deref(), Some("key must be a string"));
}

/// A worker would take it for `None`.
#[test]
fn a_number_that_json_has_not_is_refused() {
    #[derive(Clone, Copy, Serialize)]
    struct Weight(f32);
    #[derive(Clone, Copy, Serialize)]
    enum Parcel {
        Light,
        Weighed(f64),
        Measured(f64, f64),
        Sent { by: Option<u8>, weight: Weight },
    }
    #[derive(Serialize)]
    struct Order {
        number: u8,
        parcels: Vec<(Option<u8>, Parcel)>,
    }
    let json = |task: Result<Task, TaskError>| matches!(task, Err(TaskError::Json(_)));
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let weight = Weight(number as f32);
        let parcels = [
            Parcel::Weighed(number),
            Parcel::Measured(1.0, number),
            Parcel::Sent { by: None, weight },
        ];
        assert!(json(Task::new("t", number, ())));
        assert!(json(Task::new("t", (), number)));
        assert!(json(Task::new("t", (7, number), ())));
        assert!(json(Task::new("t", [[Some(number)]], ())));
        assert!(json(Task::new("t", (weight,), ())));
        assert!(json(Task::new("t", (), BTreeMap::from([("key", number)]))));
        for parcel in parcels {
            let parcels = vec![(None, Parcel::Light), (Some(7), parcel)];
            let order = Order { number: 7, parcels };
            assert!(json(Task::new("t", (), &order)));
            assert!(json(Task::new("t", (&order,), ())));
        }
        let error = Task::new("t", (number,), ()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, format!("JSON has no number {number}"));
    }
    let parcels = [
        Parcel::Weighed(1.5),
        Parcel::Measured(-0.0, f64::MAX),
        Parcel::Sent {
            by: None,
            weight: Weight(f32::MIN_POSITIVE),
        },
    ];
    let parcels = parcels.map(|parcel| (None, parcel)).to_vec();
    let order = Order { number: 7, parcels };
    let task = Task::new("t", (None::<u8>, "null", (), &order), &order).unwrap();
    assert!(task.body().starts_with(br#"[[null,"null",null,{"#));
}

/// What can be written once alone is written whole.
#[test]
fn a_value_is_written_as_it_was_the_first_time() {
    struct Once(std::cell::Cell<Option<[Option<u8>; 2]>>);
    impl Serialize for Once {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.take().serialize(serializer)
        }
    }
    let once = Once(std::cell::Cell::new(Some([Some(7), None])));
    let task = Task::new("t", once, ()).unwrap();
    assert!(task.body().starts_with(b"[[7,null],{},"));
}

#[test]
fn texts_have_the_length_of_short_strings() {
    let task = || Task::new("t", (), ()).unwrap();
    let (longest, longer) = ("x".repeat(255), "x".repeat(256));
    assert!(Task::new(&longest, (), ()).is_ok());
    assert!(task().with_id(&longest).is_ok());
    for wrong in ["", &longer] {
        let refused = [
            ("name", Task::new(wrong, (), ())),
            ("id", task().with_id(wrong)),
            ("eta", task().with_eta(wrong)),
            ("expires", task().with_expires(wrong)),
        ];
        for (field, refused) in refused {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, TaskError::TextLength(it) if it == field),
                "{error}"
            );
        }
    }
}

/// Some values are serialised from what they own, and can be only once.
#[test]
fn what_can_be_serialised_once_alone_is_taken() {
    struct Once<T>(Cell<Option<T>>);
    impl<T: Serialize> Serialize for Once<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let value = self.0.take();
            let value = value.ok_or_else(|| Error::custom("it is gone"))?;
            value.serialize(serializer)
        }
    }
    let once = |text: &'static str| Once(Cell::new(Some(text)));
    for task in [
        Task::new("t", (once("a"), 7), ()),
        // With a `null` it is looked at again.
        Task::new("t", (None::<u8>, once("a")), ()),
        Task::new("t", (once("a null"),), ()),
    ] {
        assert!(task.is_ok(), "{task:?}");
    }
    let error = Task::new("t", (None::<u8>, f64::NAN, once("a")), ()).unwrap_err();
    assert!(matches!(error, TaskError::Json(_)), "{error}");
}

#[test]
fn times_and_the_queue_of_the_answer_are_read() {
    let task = Task::new("t", (), ())
        .and_then(|task| task.with_eta("2026-11-21T20:30:00+00:00"))
        .and_then(|task| task.with_expires("2026-11-22T20:30:00+00:00"))
        .unwrap()
        .with_reply_to("answers".into());
    let delivery = delivered(&task);
    let read = ReceivedTask::from_delivery(&delivery).unwrap();
    assert_eq!(read.eta(), Some("2026-11-21T20:30:00+00:00"));
    assert_eq!(read.expires(), Some("2026-11-22T20:30:00+00:00"));
    assert_eq!(read.reply_to(), Some(&"answers".into()));
    let nobody = delivered(&Task::new("t", (), ()).unwrap().with_reply_to("".into()));
    let read = ReceivedTask::from_delivery(&nobody).unwrap();
    assert_eq!(read.reply_to(), None);
}

#[test]
fn a_child_is_in_its_parents_tree() {
    let id = |task: &str| Task::new("t", (), ()).unwrap().with_id(task).unwrap();
    let root = delivered(&id("root"));
    let root = ReceivedTask::from_delivery(&root).unwrap();
    let child = delivered(&id("child").with_parent(&root));
    let child = ReceivedTask::from_delivery(&child).unwrap();
    let grandchild = delivered(&id("grandchild").with_parent(&child));
    let grandchild = ReceivedTask::from_delivery(&grandchild).unwrap();
    assert_eq!(
        (child.root_id(), child.parent_id()),
        (Some("root"), Some("root"))
    );
    assert_eq!(
        (grandchild.root_id(), grandchild.parent_id()),
        (Some("root"), Some("child"))
    );
}

#[test]
fn tries_are_counted_where_they_are_a_number() {
    let task = Task::new("t", (), ()).unwrap();
    let cases = [
        (AMQPValue::LongInt(3), 3),
        (AMQPValue::LongLongInt(4), 4),
        (AMQPValue::LongInt(-1), 0),
        (AMQPValue::LongLongInt(i64::MAX), 0),
        (AMQPValue::LongString("5".into()), 0),
        (AMQPValue::Void, 0),
    ];
    for (retries, expected) in cases {
        let mut delivery = delivered(&task);
        delivery.properties = with_header(&delivery.properties, "retries", retries.clone());
        let read = ReceivedTask::from_delivery(&delivery).unwrap();
        assert_eq!(read.retries(), expected, "{retries:?}");
    }
}
