//! Topics that limit how large a record may be.

use integration_tests::client::{PATIENCE, in_time, unique};
use integration_tests::kafka::{Answers, Topic, text_headers};
use integration_tests::outcomes::Outcomes;
use integration_tests::spans::{Spans, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{
    BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer, ThreadedProducer,
};
use rdkafka::types::RDKafkaErrorCode::{MessageSizeTooLarge, PurgeQueue};
use rdkafka::{ClientConfig, Message};
use tokio::sync::oneshot;

/// A topic that takes batches of so many bytes.
async fn limited(max_message_bytes: &str) -> Topic {
    Topic::with_settings(&[("max.message.bytes", max_message_bytes)]).await
}

fn wrapped(config: &ClientConfig, by: &Outcomes) -> InjectingProducer<FutureProducer> {
    let producer: FutureProducer = config.create().expect("a producer");
    InjectingProducer::new(producer).with_instrumentation(by.instrumentation.clone())
}

fn outcomes() -> (Spans, Outcomes) {
    let spans = Spans::new();
    let outcomes = Outcomes::of(&spans.instrumentation);
    (spans, outcomes)
}

fn record<'a>(topic: &'a Topic, payload: &'a str) -> FutureRecord<'a, str, str> {
    FutureRecord::to(&topic.name).payload(payload)
}

const TOO_LARGE: KafkaError = KafkaError::MessageProduction(MessageSizeTooLarge);

/// The bare producer delivers 930 bytes to a topic that takes 1,000, and so does the wrapper.
#[apply(broker_test)]
async fn a_record_at_the_limit_of_its_topic_is_delivered_without_its_context() {
    let topic = limited("1000").await;
    let (spans, outcomes) = outcomes();
    let payload = "x".repeat(930);
    let bare = topic
        .producer
        .send(record(&topic, &payload), PATIENCE)
        .await;
    bare.expect("delivered");
    topic.receive().await;

    let producer = wrapped(&topic.config(), &outcomes);
    for number in [1, 2] {
        // What was learnt belongs to all clones.
        let producer = producer.clone();
        let sent = producer.send(record(&topic, &payload), PATIENCE).await;
        let delivery = sent.expect("delivered");
        assert_eq!(delivery.offset, number);
        let received = topic.receive().await;
        assert!(received.headers().is_none());
        assert_eq!(received.payload().map(<[u8]>::len), Some(930));
        assert_eq!(i64::try_from(outcomes.dropped()), Ok(number));
        let sent = spans.all();
        assert_eq!(i64::try_from(sent.len()), Ok(number), "one span for each");
        let sent = sent.last().expect("a span");
        assert_unfailed(sent);
        assert_eq!(attribute(sent, "kafka.offset"), Some(number.into()));
    }
    let small = producer.send(record(&topic, "order"), PATIENCE).await;
    small.expect("delivered");
    assert_eq!(text_headers(&topic.receive().await).len(), 1);
    assert_eq!(outcomes.dropped(), 2);
}

/// Its own headers stay, also in the error if the record is too large without the context.
#[apply(broker_test)]
async fn the_callers_own_headers_stay() {
    let topic = limited("1000").await;
    let (_spans, outcomes) = outcomes();
    let producer = wrapped(&topic.config(), &outcomes);
    let headers = || {
        let named = |key, value| Header {
            key,
            value: Some(value),
        };
        let headers = OwnedHeaders::new().insert(named("order", "7"));
        headers.insert(named("tracestate", "of=another"))
    };
    let (fits, exceeds) = ("x".repeat(900), "x".repeat(1_000));
    for _ in 0..2 {
        let record = record(&topic, &fits).headers(headers());
        let sent = producer.send(record, PATIENCE).await;
        sent.expect("delivered");
        let own = [("order".to_owned(), "7".to_owned())];
        assert_eq!(text_headers(&topic.receive().await), own);

        let record = self::record(&topic, &exceeds).headers(headers());
        let refused = producer.send(record, PATIENCE).await;
        let (error, returned) = refused.expect_err("it is too large");
        assert_eq!(error, TOO_LARGE);
        let given = [
            own[0].clone(),
            ("tracestate".to_owned(), "of=another".to_owned()),
        ];
        assert_eq!(text_headers(&returned), given);
    }
}

/// A record of 1,800 bytes, with a header that gets another name, is sent on in every way between topics
/// that take 2,000.
#[apply(broker_test)]
async fn a_poison_message_is_put_aside_at_the_limit() {
    let (topic, aside) = (limited("2000").await, limited("2000").await);
    let (spans, outcomes) = outcomes();
    let message = poison(&topic).await;
    let producer = wrapped(&aside.config(), &outcomes);
    for number in [1, 2] {
        let error = "no such customer";
        let letter = producer.dead_letter(&message, &error, &aside.name, PATIENCE);
        letter.await.expect("delivered");
        assert_only_its_own(&aside.receive().await);
        assert_eq!(outcomes.dropped(), number);
        let span = spans.all().pop().expect("a span");
        assert_unfailed(&span);
        let said = attribute(&span, "otel_messaging.dead_letter.error");
        assert_eq!(said, Some(error.into()));
    }
    let republished = producer.republish(&message, &aside.name, PATIENCE);
    republished.await.expect("delivered");
    assert_only_its_own(&aside.receive().await);
    let forwarded = producer.forward(&message, &aside.name, PATIENCE);
    forwarded.await.expect("delivered");
    let forwarded = text_headers(&aside.receive().await);
    assert!(forwarded.iter().any(|(name, _)| name == "traceparent"));
}

async fn poison(topic: &Topic) -> OwnedMessage {
    let payload = "x".repeat(1_800);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut headers = OwnedHeaders::new();
    for (key, value) in [
        ("order", "7"),
        ("retry_topic-attempts", "1"),
        ("traceparent", traceparent),
    ] {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    let sent = record(topic, &payload).headers(headers);
    let sent = topic.producer.send(sent, PATIENCE).await;
    sent.expect("delivered");
    topic.receive().await
}

fn assert_only_its_own(received: &OwnedMessage) {
    assert_eq!(received.payload().map(<[u8]>::len), Some(1_800));
    let own = [("order".to_owned(), "7".to_owned())];
    assert_eq!(text_headers(received), own);
}

/// What may not be repeated fails once, and the next record goes without a context.
#[apply(broker_test)]
async fn an_idempotent_producer_remembers_and_repeats_nothing() {
    let topic = limited("1000").await;
    let (spans, outcomes) = outcomes();
    let mut config = topic.config();
    config.set("enable.idempotence", "true");
    let producer = wrapped(&config, &outcomes);
    let payload = "x".repeat(930);
    let refused = producer.send(record(&topic, &payload), PATIENCE).await;
    assert_eq!(refused.expect_err("it is too large").0, TOO_LARGE);
    assert_eq!(outcomes.dropped(), 0);
    let sent = producer.send(record(&topic, &payload), PATIENCE).await;
    assert_eq!(sent.expect("delivered").offset, 0);
    assert!(topic.receive().await.headers().is_none());
    assert_eq!(outcomes.dropped(), 1);
    let failed: Vec<_> = spans
        .all()
        .iter()
        .map(|it| attribute(it, "error.type"))
        .collect();
    assert_eq!(failed, [Some("MSG_SIZE_TOO_LARGE".into()), None]);
}

#[apply(broker_test)]
async fn a_transactional_producer_remembers_and_repeats_nothing() {
    let topic = limited("1000").await;
    let (_spans, outcomes) = outcomes();
    let mut config = topic.config();
    config.set("transactional.id", unique("shop"));
    let producer = wrapped(&config, &outcomes);
    let payload = "x".repeat(930);
    producer.init_transactions(PATIENCE).expect("initialised");
    producer.begin_transaction().expect("begun");
    let refused = producer.send(record(&topic, &payload), PATIENCE).await;
    assert_eq!(refused.expect_err("it is too large").0, TOO_LARGE);
    assert_eq!(outcomes.dropped(), 0);
    loop {
        producer.abort_transaction(PATIENCE).expect("aborted");
        producer.begin_transaction().expect("begun");
        let sent = producer.send(record(&topic, &payload), PATIENCE).await;
        let Err((error, _)) = sent else { break };
        // librdkafka purges the first record after such a refusal, also without the wrapper.
        assert_eq!(error, KafkaError::MessageProduction(PurgeQueue));
    }
    producer.commit_transaction(PATIENCE).expect("committed");
    assert!(topic.receive().await.headers().is_none());
}

/// A future that is awaited later repeats nothing either, because records that were queued meanwhile
/// would go first.
#[apply(broker_test)]
async fn a_queued_delivery_is_not_repeated_and_remembers() {
    let topic = limited("1000").await;
    let (_spans, outcomes) = outcomes();
    let producer = wrapped(&topic.config(), &outcomes);
    let payload = "x".repeat(930);
    for is_refused in [true, false] {
        let queued = producer.send_result(record(&topic, &payload));
        let delivery = queued.map_err(|(error, _)| error).expect("queued");
        let delivery = in_time("a delivery", delivery).await.expect("an answer");
        assert_eq!(delivery.is_err(), is_refused);
    }
    assert!(topic.receive().await.headers().is_none());
}

/// The producers that answer in a callback learn there.
#[apply(broker_test)]
async fn a_queueing_producer_learns_in_its_callback() {
    let (topic, aside) = (limited("1000").await, limited("2000").await);
    let (_spans, outcomes) = outcomes();
    let by = &outcomes.instrumentation;
    let payload = "x".repeat(930);
    let source = limited("2000").await;
    let message = poison(&source).await;

    let context = || InjectingContext::new(Answers);
    let base: BaseProducer<_> = topic.config().create_with_context(context()).expect("one");
    let base = InjectingProducer::new(base).with_instrumentation(by.clone());
    let threaded: ThreadedProducer<_> = topic.config().create_with_context(context()).expect("one");
    let threaded = InjectingProducer::new(threaded).with_instrumentation(by.clone());

    for is_refused in [true, false] {
        let (sender, answer) = oneshot::channel();
        let record = BaseRecord::with_opaque_to(&topic.name, Box::new(sender));
        let queued = base.send(BaseRecord::<str, str, _>::payload(record, &payload));
        queued.map_err(|(error, _)| error).expect("queued");
        base.flush(PATIENCE).expect("nothing is left");
        let answer = in_time("an answer", answer).await.expect("one answer");
        assert_eq!(answer.is_err(), is_refused);

        let (sender, answer) = oneshot::channel();
        let queued = threaded.dead_letter(&message, &"no", &aside.name, Box::new(sender));
        queued.map_err(|(error, _)| error).expect("queued");
        let answer = in_time("an answer", answer).await.expect("one answer");
        assert_eq!(answer.is_err(), is_refused);
    }
    assert!(topic.receive().await.headers().is_none());
    assert_only_its_own(&aside.receive().await);
}

/// A producer whose instrumentation is off repeats nothing.
#[apply(broker_test)]
async fn a_disabled_wrapper_fails_as_the_bare_producer() {
    let topic = limited("1000").await;
    let (_spans, outcomes) = outcomes();
    let producer = wrapped(&topic.config(), &outcomes)
        .with_instrumentation(otel_messaging::Instrumentation::disabled());
    let payload = "x".repeat(940);
    for _ in 0..2 {
        let refused = producer.send(record(&topic, &payload), PATIENCE).await;
        assert_eq!(refused.expect_err("it is too large").0, TOO_LARGE);
    }
}

/// The broker refuses a batch as a whole. Only the largest record says something about the topic.
#[apply(broker_test)]
async fn a_large_record_takes_no_contexts_from_the_small_ones_of_its_batch() {
    let topic = limited("1000").await;
    let (_spans, outcomes) = outcomes();
    let mut config = topic.config();
    // Both are queued in this time.
    config.set("linger.ms", "500");
    let producer = wrapped(&config, &outcomes);
    let queue = |payload| {
        let queued = producer.send_result(record(&topic, payload));
        queued.map_err(|(error, _)| error).expect("queued")
    };
    let large = "x".repeat(3_000);
    let batch = [queue("order 7"), queue(&large)];
    for delivery in batch {
        let delivery = in_time("a delivery", delivery).await.expect("an answer");
        assert_eq!(delivery.expect_err("the batch is too large").0, TOO_LARGE);
    }

    for _ in 0..3 {
        let delivery = in_time("a delivery", queue("order 7")).await;
        delivery.expect("an answer").expect("delivered");
        assert_eq!(text_headers(&topic.receive().await).len(), 1);
    }
    assert_eq!(outcomes.dropped(), 0);
    let delivery = in_time("a delivery", queue(&large)).await;
    let refused = delivery.expect("an answer").expect_err("it is too large");
    assert_eq!((refused.0, outcomes.dropped()), (TOO_LARGE, 1));
}

/// All records of the topic have the same size, so no record that goes without its context shows that the
/// limit was raised.
#[apply(broker_test)]
async fn contexts_go_again_when_the_limit_is_raised() {
    let topic = limited("1000").await;
    let (spans, outcomes) = outcomes();
    let producer = wrapped(&topic.config(), &outcomes);
    let payload = "x".repeat(930);
    let send = async || {
        let sent = producer.send(record(&topic, &payload), PATIENCE).await;
        sent.expect("delivered");
        topic.receive().await.headers().is_some()
    };
    assert!(!send().await);
    topic.change("max.message.bytes", "2000").await;
    in_time("a record with its context", async {
        while !send().await {}
    })
    .await;
    // What was learnt counts for the calls that repeat nothing, too.
    let queued = producer.send_result(record(&topic, &payload));
    let delivery = queued.map_err(|(error, _)| error).expect("queued");
    let delivery = in_time("a delivery", delivery).await.expect("an answer");
    delivery.expect("delivered");
    assert!(topic.receive().await.headers().is_some());
    assert!(send().await);
    spans.all().iter().for_each(assert_unfailed);
}
