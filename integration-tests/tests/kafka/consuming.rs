//! Every way of receiving a message: what handles it is in the sender's trace, whichever task or
//! thread that is.

use crate::sends::{Sends, assert_handled};
use futures_util::StreamExt;
use integration_tests::client::{PATIENCE, in_time, unique};
use integration_tests::kafka::Topic;
use integration_tests::scenarios::collected;
use integration_tests::spans::assert_child;
use integration_tests::{apply, broker_test};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer, StreamConsumer};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How many records each test sends to each partition.
const EACH: usize = 5;

fn stream_consumer(topic: &Topic) -> Arc<StreamConsumer> {
    let mut config = topic.config();
    config.set("group.id", unique("billing"));
    let consumer: StreamConsumer = config.create().expect("a consumer");
    let all = topic.from_the_beginning();
    consumer.assign(&all).expect("the partitions");
    Arc::new(consumer)
}

fn base_consumer(topic: &Topic) -> Arc<BaseConsumer> {
    let mut config = topic.config();
    config.set("group.id", unique("billing"));
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let all = topic.from_the_beginning();
    consumer.assign(&all).expect("the partitions");
    Arc::new(consumer)
}

#[apply(broker_test)]
async fn a_stream_consumers_messages_join() {
    let sends = Sends::to(1).await;
    sends.send(EACH).await;
    let (topic, spans) = (&sends.topic, &sends.spans);
    let consumer = stream_consumer(topic);
    let received = in_time("a message", consumer.recv()).await;
    let message = received.expect("a message");
    let by = &spans.instrumentation;
    by.with_message_context(&message, |_| async { spans.work("work") })
        .await;
    let mut messages = consumer.stream();
    for _ in 1..EACH {
        let next = in_time("a message", messages.next()).await;
        let message = next.expect("it goes on").expect("a message");
        by.with_message_context(&message, |_| async { spans.work("work") })
            .await;
    }
    assert_handled(&sends, EACH);
}

/// A batch of messages that borrow from the consumer.
#[apply(broker_test)]
async fn a_batch_is_collected_from_the_stream() {
    let sends = Sends::to(1).await;
    sends.send(EACH).await;
    let consumer = stream_consumer(&sends.topic);
    let mut stream = consumer.stream();
    let mut offsets = Vec::new();
    for most in [2, EACH - 2] {
        let messages = collected(&mut stream, most).await;
        let handling = sends
            .spans
            .instrumentation
            .with_batch_context(&messages, async |batch| {
                for message in batch {
                    offsets.push(message.message().offset());
                    message.run(async |_| sends.spans.work("work")).await;
                }
            });
        handling.await;
    }
    assert_eq!(offsets, (0..EACH as i64).collect::<Vec<_>>());
    let all = sends.spans.all();
    let sent = all.iter().filter(|it| it.span_kind == SpanKind::Producer);
    let work = all.iter().filter(|it| it.name == "work");
    for (sent, work) in sent.zip(work) {
        assert_child(work, &sent.span_context);
    }
    assert_eq!(all.iter().filter(|it| it.name == "work").count(), EACH);
}

/// A task for each partition, all at once, with messages that borrow from their own queue.
#[apply(broker_test)]
async fn streams_split_by_partition_are_handled_in_tasks() {
    let sends = Arc::new(Sends::to(3).await);
    let consumer = stream_consumer(&sends.topic);
    let queues = [0, 1, 2].map(|partition| {
        let queue = consumer.split_partition_queue(&sends.topic.name, partition);
        (partition, queue.expect("a queue"))
    });
    // Behind the split, so that nothing is in the main queue, which is polled for its events.
    sends.send(EACH).await;
    let main = tokio::spawn(async move {
        let unexpected = consumer.recv().await.map(|message| message.partition());
        panic!("from the main queue: {unexpected:?}");
    });
    let tasks = queues.map(|(partition, queue)| {
        let sends = Arc::clone(&sends);
        tokio::spawn(async move {
            let by = &sends.spans.instrumentation;
            // Of one partition by `recv`, of the others as a stream.
            for _ in 0..EACH {
                let mut stream;
                let next = if partition == 0 {
                    in_time("a message", queue.recv()).await
                } else {
                    stream = queue.stream();
                    let next = in_time("a message", stream.next()).await;
                    next.expect("it goes on")
                };
                let message = next.expect("a message");
                assert_eq!(message.partition(), partition);
                let handled = by.with_message_context(&message, |_| async {
                    tokio::task::yield_now().await;
                    sends.spans.work("work");
                });
                handled.await;
            }
        })
    });
    for task in tasks {
        task.await.expect("every message came");
    }
    main.abort();
    assert_handled(&sends, 3 * EACH);
}

#[apply(broker_test)]
async fn a_base_consumers_messages_join() {
    let sends = Sends::to(1).await;
    sends.send(EACH).await;
    let consumer = base_consumer(&sends.topic);
    let by = &sends.spans.instrumentation;
    {
        let polled = consumer.poll(PATIENCE).expect("in time");
        let message = polled.expect("a message");
        let _entered = by.process(&message).enter();
        sends.spans.work("work");
    }
    for message in consumer.iter().take(EACH - 2) {
        let message = message.expect("a message");
        let _entered = by.process(&message).enter();
        sends.spans.work("work");
    }
    for message in (&*consumer).into_iter().take(1) {
        let message = message.expect("a message");
        let _entered = by.process(&message).enter();
        sends.spans.work("work");
    }
    let span = Context::current().span().span_context().clone();
    assert!(!span.is_valid(), "nothing stays behind the loop");
    assert_handled(&sends, EACH);
}

#[apply(broker_test)]
async fn queues_split_by_partition_are_handled_in_threads() {
    let sends = Sends::to(3).await;
    let consumer = base_consumer(&sends.topic);
    let queues = [0, 1, 2].map(|partition| {
        let queue = consumer.split_partition_queue(&sends.topic.name, partition);
        (partition, queue.expect("a queue"))
    });
    sends.send(EACH).await;
    thread::scope(|scope| {
        let threads = queues.map(|(partition, queue)| {
            let sends = &sends;
            scope.spawn(move || {
                for _ in 0..EACH {
                    let polled = queue.poll(PATIENCE).expect("in time");
                    let message = polled.expect("a message");
                    assert_eq!(message.partition(), partition);
                    let _entered = sends.spans.instrumentation.process(&message).enter();
                    sends.spans.work("work");
                }
            })
        });
        // The main queue is polled for its events.
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            let event = consumer.poll(Duration::from_millis(10));
            assert!(event.is_none(), "from the main queue");
        }
    });
    assert_handled(&sends, 3 * EACH);
}

/// A message that is handled by a task of its own, and what that task spawns.
#[apply(broker_test)]
async fn detached_messages_join_in_tasks() {
    let sends = Arc::new(Sends::to(1).await);
    sends.send(EACH).await;
    let consumer = stream_consumer(&sends.topic);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..EACH {
        let received = in_time("a message", consumer.recv()).await;
        let message = received.expect("a message").detach();
        let sends = Arc::clone(&sends);
        tasks.spawn(async move {
            let by = &sends.spans.instrumentation;
            let inner = Arc::clone(&sends);
            by.with_message_context(&message, |_| async {
                let work = async move { inner.spans.work("work") };
                let spawned = tokio::spawn(work.with_context(Context::current()));
                spawned.await.expect("no panic");
            })
            .await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    assert_handled(&sends, EACH);
}
