//! A worker in Python lives on, whatever is sent through [`Task`].

use crate::outgoing::send;
use crate::place::Place;
use crate::program::Program;
use integration_tests::client::Client;
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::spans::Spans;
use integration_tests::{apply, broker_test};
use otel_messaging_celery::Task;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Of lists in lists: more than Python reads.
const DEPTH: usize = 100_000;

/// Tasks that a worker cannot run, or has trouble with.
fn odd_tasks() -> Vec<Task> {
    let pack = |args: Value, kwargs: Value| Task::new("orders.pack", args, kwargs);
    let nested = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let nested: Box<RawValue> = serde_json::from_str(&nested).expect("JSON");
    let own_type = |name: Value| json!({"__type__": name, "__value__": "x"});
    let long = "ü".repeat(255 / 2);
    vec![
        Task::new("orders.pack", nested, ()),
        pack(json!([own_type(json!("datetime"))]), json!({})),
        pack(json!([own_type(json!("no-such-type"))]), json!({})),
        pack(json!([own_type(json!([]))]), json!({})),
        pack(json!([]), own_type(json!("decimal"))),
        pack(
            json!([]),
            json!({"self": 1, "": 2, "no name": 3, "args": 4}),
        ),
        pack(
            json!(["\u{0}\u{1b}[31m\u{2028}\u{fffe}%s %(x)s {}"]),
            json!({}),
        ),
        pack(json!([u64::MAX, f64::MIN_POSITIVE]), json!({})),
        pack(json!(["x".repeat(1 << 20)]), json!({})),
        Task::new("orders.fail", (7,), ()),
        Task::new("orders.fail", (), ()),
        Task::new("orders.retry", (7,), ()),
        Task::new("no.such.task", (7,), ()),
        Task::new("args", (), ()),
        Task::new("\u{0}%s\u{1b}[31m", (), ()),
        Task::new(long.clone(), (), ()),
        pack(json!([]), json!({})).and_then(|task| task.with_id(long)),
        pack(json!([]), json!({})).and_then(|task| task.with_id("\u{0}%s\n")),
        pack(json!([]), json!({})).and_then(|task| task.with_eta("tomorrow")),
        pack(json!([]), json!({})).and_then(|task| task.with_eta("1970-01-01T00:00:00")),
        pack(json!([]), json!({})).and_then(|task| task.with_eta("0001-01-01T00:00:00+23:59")),
        pack(json!([]), json!({})).and_then(|task| task.with_eta("9999-12-31T23:59:59-23:59")),
        pack(json!([]), json!({})).and_then(|task| task.with_expires("yesterday")),
        pack(json!([]), json!({})).and_then(|task| task.with_expires("0001-01-01T00:00:00+23:59")),
        pack(json!([]), json!({})).and_then(|task| task.with_expires("9999-12-31T23:59:59-23:59")),
        pack(json!([]), json!({})).map(|task| task.with_reply_to("no-such-queue".into())),
        Task::new("no.such.task", (), ()).map(|task| task.with_reply_to("".into())),
    ]
    .into_iter()
    .map(|task| task.expect("a task"))
    .collect()
}

#[apply(broker_test)]
async fn a_worker_survives_what_is_sent() {
    let (rabbitmq, spans, place) = (RabbitMq::connect().await, Spans::new(), Place::new());
    let mut worker = Program::worker(place.name(), &[]).await;
    let first = Task::new("orders.pack", (), ()).expect("a task");
    send(&rabbitmq, &spans, &place, &first).await;
    let pool = worker.run(first.id()).await["here"]["pid"].clone();
    for task in odd_tasks() {
        send(&rabbitmq, &spans, &place, &task).await;
    }
    let mut last = first;
    for number in 0..200 {
        last = Task::new("orders.pack", (number,), ()).expect("a task");
        send(&rabbitmq, &spans, &place, &last).await;
    }
    let ran = worker.run(last.id()).await;
    assert_eq!(ran["here"]["pid"], pool, "the pool's process is another");
    drop(worker);
    place.remove(&rabbitmq).await;
}
