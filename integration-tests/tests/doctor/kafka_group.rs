//! A look at a topic, and the consumers of the topic.

use crate::kafka::send;
use crate::program::{counted, start};
use integration_tests::client::{PATIENCE, address, in_time};
use integration_tests::kafka::Topic;
use integration_tests::{apply, broker_test};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::{Message, Offset, TopicPartitionList};

/// The committed offsets, and the members of the group.
async fn state(topic: &Topic, consumer: &StreamConsumer) -> (Vec<Offset>, Vec<(String, Vec<u8>)>) {
    tokio::task::block_in_place(|| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(&topic.name, 0, 1);
        let committed = consumer
            .committed_offsets(asked, PATIENCE)
            .expect("offsets");
        let committed = committed.elements().iter().map(|it| it.offset()).collect();
        let groups = consumer
            .fetch_group_list(Some(&group(topic)), PATIENCE)
            .expect("groups");
        let members = groups.groups().iter().flat_map(|group| group.members());
        let members = members.map(|it| {
            let assignment = it.assignment().unwrap_or_default().to_vec();
            (it.id().to_owned(), assignment)
        });
        (committed, members.collect())
    })
}

fn group(topic: &Topic) -> String {
    format!("{}-billing", topic.name)
}

#[apply(broker_test)]
async fn a_running_group_keeps_its_offsets_and_its_members() {
    let topic = Topic::on_brokers(2).await;
    send(&topic, 20, 2).await;
    let mut config = topic.config();
    let consumer: StreamConsumer = config
        .set("group.id", group(&topic))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[&topic.name]).expect("subscribed");
    for _ in 0..5 {
        let message = in_time("a message", consumer.recv())
            .await
            .expect("a message");
        consumer
            .commit_message(&message, CommitMode::Sync)
            .expect("committed");
    }
    let before = state(&topic, &consumer).await;
    assert_eq!(before.1.len(), 1, "a member");

    let brokers = address("KAFKA_BROKERS");
    let place = ["kafka", "--brokers", &brokers, "--topic", &topic.name];
    assert_eq!(counted(&place).await, (20, "complete".to_owned()));
    let listening = start(&[&place[..], &["--for", "60s", "--max", "22", "--json"]].concat());
    send(&topic, 2, 2).await;
    assert_eq!(listening.report().await["messages"], 22);

    assert_eq!(state(&topic, &consumer).await, before);
    // The group gets each message that is left, once, and the new ones too.
    let mut left = Vec::new();
    for _ in 0..17 {
        let message = in_time("a message", consumer.recv())
            .await
            .expect("a message");
        left.push((message.partition(), message.offset()));
    }
    left.sort_unstable();
    left.dedup();
    assert_eq!(left.len(), 17);

    let groups = tokio::task::block_in_place(|| consumer.fetch_group_list(None, PATIENCE));
    let groups = groups.expect("groups");
    let mut names = groups.groups().iter().map(|group| group.name());
    assert!(names.all(|name| name != "otel-messaging-doctor"));
}

#[apply(broker_test)]
async fn a_topic_that_does_not_exist_is_not_made() {
    let (topic, brokers) = (Topic::on_brokers(1).await, address("KAFKA_BROKERS"));
    let absent = format!("{}-absent", topic.name);
    let place = ["kafka", "--brokers", &brokers, "--topic", &absent];
    crate::program::refuses(&place, &[&absent, &brokers, "--topic"]).await;
    let topics = tokio::task::block_in_place(|| topic.consumer.fetch_metadata(None, PATIENCE));
    let topics = topics.expect("the topics");
    let mut names = topics.topics().iter().map(|topic| topic.name());
    assert!(names.all(|name| name != absent));
}
