//! Who is answered. What an answer says is tested against a client of Celery's.

use crate::delivered::{delivered, with_header};
use lapin::types::AMQPValue;
use otel_messaging_celery::{ReceivedTask, Task, TaskError};
use std::collections::BTreeMap;

#[test]
fn who_waits_is_answered() {
    let task = Task::new("t", (), ()).unwrap();
    let waits = task.clone().with_reply_to("answers".into());
    let mut delivery = delivered(&waits);
    for (value, answered) in [
        (AMQPValue::Boolean(true), false),
        (AMQPValue::Boolean(false), true),
        (AMQPValue::Void, true),
    ] {
        delivery.properties = with_header(&delivery.properties, "ignore_result", value);
        let read = ReceivedTask::from_delivery(&delivery).unwrap();
        assert_eq!(
            read.answer_for_rpc_backend(&Ok::<_, String>(7))
                .unwrap()
                .is_some(),
            answered
        );
    }
    let delivery = delivered(&task);
    let read = ReceivedTask::from_delivery(&delivery).unwrap();
    assert!(
        read.answer_for_rpc_backend(&Ok::<_, String>(7))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_result_that_is_no_json_is_an_error() {
    let waits = Task::new("t", (), ())
        .unwrap()
        .with_reply_to("answers".into());
    let delivery = delivered(&waits);
    let read = ReceivedTask::from_delivery(&delivery).unwrap();
    let by_pair = BTreeMap::from([((1, 2), 3)]);
    let error = read
        .answer_for_rpc_backend(&Ok::<_, String>(by_pair))
        .unwrap_err();
    assert!(matches!(error, TaskError::Json(_)), "{error}");

    let numbers = Ok::<_, String>(vec![1.5, f64::NEG_INFINITY]);
    let error = read.answer_for_rpc_backend(&numbers).unwrap_err();
    assert!(matches!(error, TaskError::Json(_)), "{error}");
}
