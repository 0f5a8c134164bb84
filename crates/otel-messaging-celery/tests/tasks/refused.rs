//! Each reason for which a message is no task.

use crate::delivered::{delivery, with_header, without_header};
use lapin::BasicProperties;
use lapin::types::AMQPValue;
use otel_messaging_celery::{ReadError, ReceivedTask, Task};
use serde_json::Value;

const BODY: &[u8] = b"[[7],{},null]";

fn properties() -> BasicProperties {
    Task::new("orders.pack", (), ()).unwrap().properties()
}

#[track_caller]
fn refused(properties: BasicProperties, body: &[u8], expected: &str) {
    let delivery = delivery(properties, body);
    let error = ReceivedTask::from_delivery(&delivery).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

#[test]
fn without_a_task_it_is_of_another_protocol() {
    let expected =
        "the message is not a Celery task of protocol 2: it does not have the header `task`";
    refused(BasicProperties::default(), BODY, expected);
    refused(without_header(&properties(), "task"), BODY, expected);
    let body = br#"{"task": "orders.pack", "id": "7", "args": [], "kwargs": {}}"#;
    refused(without_header(&properties(), "task"), body, expected);
}

#[test]
fn name_and_identifier_are_texts() {
    let long = "x".repeat(256);
    let bytes = AMQPValue::ByteArray(b"orders.pack".to_vec().into());
    let not_utf8 = AMQPValue::LongString(b"\xff".to_vec().into());
    let wrong = [
        text(""),
        text(&long),
        bytes,
        not_utf8,
        AMQPValue::LongInt(7),
        AMQPValue::Void,
    ];
    for name in ["task", "id"] {
        let expected = format!("the header `{name}` is missing, or is not text of 1 to 255 bytes");
        for value in &wrong {
            refused(
                with_header(&properties(), name, value.clone()),
                BODY,
                &expected,
            );
        }
    }
    let expected = "the header `id` is missing, or is not text of 1 to 255 bytes";
    refused(without_header(&properties(), "id"), BODY, expected);
}

#[test]
fn the_body_is_json_in_utf8() {
    for (of, shown) in [
        ("", "\"\""),
        (
            "application/x-python-serialize\n",
            "\"application/x-python-serialize\\n\"",
        ),
    ] {
        let expected =
            format!("the content type is {shown}, and only application/json is supported");
        refused(properties().with_content_type(of.into()), BODY, &expected);
    }
    let headers = properties().headers().clone().unwrap();
    let expected = "the content type is \"\", and only application/json is supported";
    refused(
        BasicProperties::default().with_headers(headers),
        BODY,
        expected,
    );
    let expected = "the content encoding is \"utf-16\", and only utf-8 is supported";
    refused(
        properties().with_content_encoding("utf-16".into()),
        BODY,
        expected,
    );
    let expected = "the body is compressed, which is not supported";
    refused(
        with_header(&properties(), "compression", text("application/x-gzip")),
        BODY,
        expected,
    );
    refused(
        with_header(&properties(), "compression", text(&"x".repeat(256))),
        BODY,
        expected,
    );

    let spelled = properties()
        .with_content_type("Application/JSON".into())
        .with_content_encoding("UTF-8".into());
    let headers = properties().headers().clone().unwrap();
    let without_encoding = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_headers(headers);
    for properties in [
        spelled,
        without_encoding,
        properties().with_content_encoding("".into()),
        properties().with_content_encoding("utf8".into()),
        properties().with_content_encoding("us-ascii".into()),
        with_header(&properties(), "compression", AMQPValue::Void),
        with_header(
            &properties(),
            "task",
            AMQPValue::ShortString("orders.pack".into()),
        ),
    ] {
        assert!(ReceivedTask::from_delivery(&delivery(properties, BODY)).is_ok());
    }
}

#[test]
fn the_body_has_three_parts() {
    let no_list = "the body is not a JSON list of a task's three parts";
    let bodies: [&[u8]; 10] = [
        b"",
        b"{}",
        b"[]",
        b"[[],{}]",
        b"[[],{},{},{}]",
        b"[[],{},{}",
        b"[[],{},{}] x",
        b"[[],{},NaN]",
        b"[[\"\xff\"],{},{}]",
        b"\xef\xbb\xbf[[],{},{}]",
    ];
    for body in bodies {
        refused(properties(), body, no_list);
    }
    let expected = "the task's arguments are not a list";
    refused(properties(), b"[{},{},{}]", expected);
    refused(properties(), b"[null,{},{}]", expected);
    let expected = "the task's keyword arguments are not a map";
    refused(properties(), b"[[],[],{}]", expected);
    refused(properties(), b"[[],null,{}]", expected);
}

#[test]
fn arguments_are_of_the_type_that_is_asked_for() {
    let delivery = delivery(properties(), b" [ [7, \"\\u00fc\"] , {\"n\": 1}, null ] ");
    let task = ReceivedTask::from_delivery(&delivery).unwrap();
    assert_eq!(task.args::<(u8, String)>().unwrap(), (7, "ü".to_owned()));
    assert_eq!(task.embedded::<Option<Value>>().unwrap(), None);
    assert!(matches!(task.args::<(u8,)>(), Err(ReadError::Args(_))));
    assert!(matches!(
        task.args::<(u8, String, u8)>(),
        Err(ReadError::Args(_))
    ));
    assert!(matches!(
        task.kwargs::<Vec<u8>>(),
        Err(ReadError::Kwargs(_))
    ));
    assert!(matches!(task.embedded::<u8>(), Err(ReadError::Embedded(_))));
    let error = task.args::<(u8, u8)>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the task's arguments do not have the type that the handler asked for"
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("invalid type: string"), "{source}");
}
