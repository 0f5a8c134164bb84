//! What lapin dies of before any code of this project sees it. When one of these tests fails,
//! lapin was mended: SECURITY.md has to say so.

use integration_tests::client::{PATIENCE, address, in_time, unique};
use integration_tests::wire::rabbitmq as wire;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};
use std::env;
use std::process::Command;

/// The queue from which a process of its own takes a message.
const QUEUE: &str = "HOSTILE_QUEUE";

async fn channel() -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&address("AMQP_URL"), properties).await;
    let connection = connection.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn probe() {
    let (_connection, channel) = channel().await;
    if let Ok(queue) = env::var(QUEUE) {
        let options = BasicGetOptions { no_ack: true };
        let got = in_time("get", channel.basic_get(queue.into(), options)).await;
        println!("{:?}", got.map(|_| ()));
        return;
    }
    let queue = unique("deadly");
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(60_000));
    let options = QueueDeclareOptions::default();
    let declared = channel.queue_declare(queue.as_str().into(), options, arguments);
    declared.await.expect("a queue");
    let mut attacker = wire::Connection::open().await;
    for tables in [true, false] {
        for depth in [150, 200, 500, 1000, 2000, 3000, 4000, 5000, 10000, 18000] {
            let headers = if tables {
                wire::nested_tables(b"x", depth)
            } else {
                let arrays = (0..depth).fold(Vec::new(), |inner, _| {
                    wire::entry(b"", b'A', &wire::sized(&inner))[1..].to_vec()
                });
                [&b"\x01x"[..], &arrays].concat()
            };
            attacker.publish(&queue, &headers).await;
            let output = Command::new(env::var("PROBE").unwrap())
                .args(["--exact", "rabbitmq_deaths::probe", "--nocapture"])
                .env(QUEUE, &queue)
                .output()
                .unwrap();
            eprintln!("{tables} {depth}: {}", output.status);
            if !output.status.success() {
                eprintln!("{}", String::from_utf8_lossy(&output.stderr));
                break;
            }
        }
    }
    let _ = PATIENCE;
}
