//! Celery's tasks, on the adapter for lapin.

use crate::rabbitmq::{Shop, confirmed};
use crate::recorder::Recorder;
use integration_tests::{apply, broker_test};
use lapin::options::{BasicAckOptions, BasicPublishOptions};
use otel_messaging_celery::{ReceivedTask, Task};
use otel_messaging_lapin::consumer_info;
use std::io;

#[apply(broker_test)]
async fn celery_emits_what_is_listed() {
    let mut recorder = Recorder::new("celery");
    let mut shop = Shop::open(&mut recorder).await;
    let full = recorder.full.clone();
    let producer = shop.producer(&full).with_server("mq.internal", 5672);
    let task = Task::new("orders.pack", (7,), ()).expect("a task");
    let task = task.with_id("task-7").expect("an identifier");
    let task = task.with_reply_to(shop.queue.clone());
    let options = BasicPublishOptions::default();
    confirmed(task.publish(&producer, "".into(), shop.queue.clone(), options)).await;
    recorder.case("publish");

    let delivery = shop.next().await;
    let received = ReceivedTask::from_delivery(&delivery).expect("a task");
    recorder
        .plain
        .with_message_context(&received, async |_| {})
        .await;
    recorder.case("process");
    let consumer = full.consumer(consumer_info(&shop.consumer).with_server("mq.internal", 5672));
    let handled = consumer.try_with_message_context(&received, async |task| {
        let outcome = Err::<u64, _>(io::Error::other("no such card"));
        let answer = task.answer_for_rpc_backend(&outcome).expect("an answer");
        let answer = answer.expect("the sender waits for it");
        confirmed(answer.publish(&producer)).await;
        outcome
    });
    handled.await.expect_err("not packed");
    delivery.ack(BasicAckOptions::default()).await.expect("ack");
    recorder.case("process that fails and answers, with everything");
    recorder.assert();
}
