//! What is looked at of streams, and what their consumers notice.

use crate::program::{counted, counts, start};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, AckKind, Context};
use futures_util::StreamExt;
use integration_tests::client::{address, in_time, unique};
use integration_tests::nats::connect;
use integration_tests::{apply, broker_test};

async fn stream(retention: RetentionPolicy, allow_direct: bool) -> (Context, Stream, String) {
    let (context, name) = (jetstream::new(connect().await), unique("orders"));
    let config = Config {
        name: name.clone(),
        subjects: vec![format!("{name}.*")],
        storage: StorageType::Memory,
        retention,
        allow_direct,
        ..Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    (context, stream, name)
}

/// Every fifth is of the subject `eu`, the others are of `us`.
async fn publish(context: &Context, name: &str, count: usize) {
    for index in 0..count {
        let region = if index % 5 == 0 { "eu" } else { "us" };
        let published = context
            .publish(format!("{name}.{region}"), "order".into())
            .await;
        published.expect("published").await.expect("stored");
    }
}

async fn consumer(stream: &Stream) -> PullConsumer {
    let config = pull::Config {
        durable_name: Some("billing".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.expect("a consumer")
}

async fn look(name: &str, more: &[&str]) -> (u64, String) {
    let url = address("NATS_URL");
    counted(&[&["nats", "--server", &url, "--stream", name], more].concat()).await
}

/// What a consumer could notice: what was delivered and acknowledged, what is pending, and what waits.
async fn state(consumer: &PullConsumer) -> String {
    let info = consumer.get_info().await.expect("the consumer");
    let (delivered, acknowledged) = (&info.delivered, &info.ack_floor);
    format!(
        "{} {} {} {} {} {} {} {}",
        delivered.stream_sequence,
        delivered.consumer_sequence,
        acknowledged.stream_sequence,
        acknowledged.consumer_sequence,
        info.num_ack_pending,
        info.num_redelivered,
        info.num_waiting,
        info.num_pending
    )
}

fn complete(messages: u64) -> (u64, String) {
    (messages, "complete".to_owned())
}

async fn is_not_noticed(retention: RetentionPolicy, allow_direct: bool) {
    let (context, mut stream, name) = stream(retention, allow_direct).await;
    let consumer = consumer(&stream).await;
    publish(&context, &name, 100).await;
    let fetched = consumer.fetch().max_messages(10).messages().await;
    let mut fetched = fetched.expect("messages");
    let mut held = Vec::new();
    while let Some(message) = in_time("a message", fetched.next()).await {
        held.push(message.expect("a message"));
    }
    for message in held.drain(..4) {
        message.double_ack().await.expect("acknowledged");
    }
    let before = (
        state(&consumer).await,
        stream.info().await.expect("info").state.messages,
    );

    let kept = before.1;
    assert_eq!(look(&name, &[]).await, complete(kept));
    assert_eq!(look(&name, &["--last", "7"]).await, complete(7));
    assert_eq!(look(&name, &["--max", "9"]).await, (9, "max".to_owned()));
    assert_eq!(
        look(&name, &["--since", "2001-09-09T01:46:40Z"]).await,
        complete(kept)
    );
    assert_eq!(
        look(&name, &["--since", "2100-01-01T00:00:00Z"]).await,
        complete(0)
    );
    let region = format!("{name}.eu");
    let of_region = if retention == RetentionPolicy::Limits {
        20
    } else {
        19
    };
    assert_eq!(
        look(&name, &["--subject", &region]).await,
        complete(of_region)
    );

    let after = (
        state(&consumer).await,
        stream.info().await.expect("info").state.messages,
    );
    assert_eq!(after, before);
    assert_eq!(
        stream.cached_info().state.consumer_count,
        1,
        "the doctor left no consumer"
    );
    for message in held {
        message
            .double_ack_with(AckKind::Ack)
            .await
            .expect("still its own");
    }
}

#[apply(broker_test)]
async fn a_consumer_of_a_stream_with_limits_notices_nothing() {
    is_not_noticed(RetentionPolicy::Limits, false).await;
}

#[apply(broker_test)]
async fn a_consumer_of_a_work_queue_notices_nothing() {
    is_not_noticed(RetentionPolicy::WorkQueue, false).await;
    is_not_noticed(RetentionPolicy::WorkQueue, true).await;
}

#[apply(broker_test)]
async fn a_consumer_of_a_stream_by_interest_notices_nothing() {
    is_not_noticed(RetentionPolicy::Interest, true).await;
}

#[apply(broker_test)]
async fn the_last_messages_are_found_beside_gaps_and_behind_filters() {
    are_found(RetentionPolicy::Limits, false).await;
    are_found(RetentionPolicy::WorkQueue, false).await;
    are_found(RetentionPolicy::WorkQueue, true).await;
}

async fn are_found(retention: RetentionPolicy, allow_direct: bool) {
    let (context, stream, name) = stream(retention, allow_direct).await;
    assert_eq!(look(&name, &[]).await, complete(0));
    publish(&context, &name, 100).await;
    for sequence in 40..90 {
        stream.delete_message(sequence).await.expect("deleted");
    }
    assert_eq!(look(&name, &[]).await, complete(50));
    assert_eq!(look(&name, &["--last", "20"]).await, complete(20));
    let (eu, us) = (format!("{name}.eu"), format!("{name}.us"));
    assert_eq!(look(&name, &["--subject", &eu]).await, complete(10));
    assert_eq!(
        look(&name, &["--subject", &eu, "--last", "3"]).await,
        complete(3)
    );
    assert_eq!(
        look(&name, &["--subject", &eu, "--last", "11"]).await,
        complete(10)
    );
    let rare = format!("{name}.rare");
    let published = context.publish(rare.clone(), "order".into()).await;
    published.expect("published").await.expect("stored");
    publish(&context, &name, 40).await;
    assert_eq!(
        look(&name, &["--subject", &rare, "--last", "10"]).await,
        complete(1)
    );
    if retention == RetentionPolicy::Limits {
        let both = ["--subject", &eu, "--subject", &us, "--last", "15"];
        assert_eq!(look(&name, &both).await, complete(15));
    }
}

#[apply(broker_test)]
async fn new_messages_are_looked_at_until_the_time_is_over() {
    for retention in [RetentionPolicy::Limits, RetentionPolicy::WorkQueue] {
        let (context, _stream, name) = stream(retention, true).await;
        publish(&context, &name, 5).await;
        assert_eq!(look(&name, &["--for", "1s"]).await, (5, "time".to_owned()));
        let url = address("NATS_URL");
        let place = [
            "nats", "--server", &url, "--stream", &name, "--for", "60s", "--json",
        ];
        let look = start(&[&place[..], &["--max", "8"]].concat());
        publish(&context, &name, 3).await;
        assert_eq!(counts(&look.report().await), (8, "max".to_owned()));
    }
}
