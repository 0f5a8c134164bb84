//! `InjectingContext`: the span ends in the callback, and the application's own context goes on as
//! before.

use crate::book::{Book, Opaque};
use integration_tests::client::PATIENCE;
use integration_tests::kafka::{Topic, text_headers};
use integration_tests::spans::{Spans, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::client::OAuthToken;
use rdkafka::producer::{
    BaseProducer, BaseRecord, Partitioner, Producer, PurgeConfig, ThreadedProducer,
};
use rdkafka::{ClientConfig, ClientContext};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Base = InjectingProducer<BaseProducer<InjectingContext<Book>>>;

fn base(config: &ClientConfig, spans: &Arc<Spans>) -> Base {
    let context = InjectingContext::new(Book::new(spans));
    let producer: BaseProducer<_> = config.create_with_context(context).expect("a producer");
    InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone())
}

/// The callback gets what it got without us, and by then the record's span has ended.
#[apply(broker_test)]
async fn the_callback_has_its_own_opaque_and_an_ended_span() {
    let (topic, spans) = (Topic::on_brokers(1).await, Arc::new(Spans::new()));
    let producer = base(&topic.config(), &spans);
    let opaques: [Opaque; 3] = ["a", "b", "c"].map(Arc::new);
    for opaque in &opaques {
        let record = BaseRecord::with_opaque_to(&topic.name, Arc::clone(opaque));
        let queued = producer.send(record.key(**opaque).payload("order"));
        queued.map_err(|(error, _)| error).expect("queued");
    }
    assert_eq!(producer.in_flight_count(), 3);
    assert_eq!(spans.all().len(), 0, "none ends before its answer");
    producer.poll(Duration::ZERO);
    producer.flush(PATIENCE).expect("nothing is left");

    let deliveries = producer.context().get_ref().take();
    assert_eq!(deliveries.len(), 3);
    for (n, (delivery, opaque)) in deliveries.iter().zip(&opaques).enumerate() {
        assert!(Arc::ptr_eq(&delivery.opaque, opaque));
        assert!(delivery.ended > n, "its span has ended");
        let offset = i64::try_from(n).expect("small");
        assert_eq!(delivery.answer, Ok((0, offset)));
        let span = with_key(&spans, opaque);
        assert_unfailed(&span);
        let partition = attribute(&span, "messaging.destination.partition.id");
        assert_eq!(partition, Some("0".into()));
        let found = attribute(&span, "kafka.offset");
        assert_eq!(found, Some(offset.into()));
        let message = topic.receive().await;
        let expected = ("traceparent".to_owned(), traceparent(&span.span_context));
        assert_eq!(text_headers(&message), [expected]);
    }
    drop(deliveries);
    drop(producer);
    assert!(opaques.iter().all(|opaque| Arc::strong_count(opaque) == 1));
    assert_eq!(spans.all().len(), 3, "each ended once");
}

fn with_key(spans: &Spans, key: &str) -> SpanData {
    let key = Some(key.to_owned().into());
    let mut found = spans.all().into_iter();
    let found = found.find(|span| attribute(span, "kafka.message.key") == key);
    found.expect("a span of the record")
}

/// The partitioner of the application's context is asked, and its choice stands.
#[apply(broker_test)]
async fn a_custom_partitioner_is_asked_and_obeyed() {
    #[derive(Default)]
    struct Last(AtomicUsize);

    impl Partitioner for Last {
        fn partition(
            &self,
            _: &str,
            key: Option<&[u8]>,
            count: i32,
            _: impl Fn(i32) -> bool,
        ) -> i32 {
            assert_eq!(key, Some(&b"7"[..]));
            self.0.fetch_add(1, Ordering::SeqCst);
            count - 1
        }
    }

    let (topic, spans) = (Topic::on_brokers(3).await, Arc::new(Spans::new()));
    // Without any property of topics, rdkafka 0.39 gives librdkafka a null pointer and dies.
    let mut config = topic.config();
    config.set("message.timeout.ms", "30000");
    let record = |opaque: Opaque| {
        let record = BaseRecord::with_opaque_to(&topic.name, opaque);
        record.key("7").payload("order")
    };
    let book = Book::with(&spans, Some(Last::default()));
    let producer: ThreadedProducer<_, Last> = config
        .create_with_context(InjectingContext::new(book))
        .expect("a producer");
    let producer =
        InjectingProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let queued = producer.send(record(Arc::new("a")));
    queued.map_err(|(error, _)| error).expect("queued");
    producer.poll(Duration::ZERO);
    producer.flush(PATIENCE).expect("nothing is left");
    let span = spans.named(&format!("send {}", topic.name));
    let partition = attribute(&span, "messaging.destination.partition.id");
    assert_eq!(partition, Some("2".into()));
    let book = producer.context().get_ref();
    assert_eq!(book.take()[0].answer, Ok((2, 0)));
    let asked = book.partitioner.as_ref().map(|last| &last.0);
    assert_eq!(asked.map(|asked| asked.load(Ordering::SeqCst)), Some(1));

    // And by a producer that was made without our context.
    let spans = Arc::new(Spans::new());
    let book = Book::with(&spans, Some(Last::default()));
    let producer: BaseProducer<_, Last> = config.create_with_context(book).expect("a producer");
    let producer =
        UntilQueuedProducer::new(producer).with_instrumentation(spans.instrumentation.clone());
    let queued = producer.send(record(Arc::new("b")));
    queued.map_err(|(error, _)| error).expect("queued");
    let span = spans.named(&format!("send {}", topic.name));
    let partition = attribute(&span, "messaging.destination.partition.id");
    assert_eq!(partition, None, "it ended when the record was queued");
    producer.poll(Duration::ZERO);
    producer.flush(PATIENCE).expect("nothing is left");
    assert_eq!(producer.context().take()[0].answer, Ok((2, 1)));
}

/// What a record fails of is on its span, and the callback is told as before.
#[apply(broker_test)]
async fn a_delivery_error_marks_the_span() {
    let topic = Topic::on_brokers(1).await;
    let mut unreachable = ClientConfig::new();
    unreachable.set("bootstrap.servers", "127.0.0.1:1");
    let mut impatient = unreachable.clone();
    impatient.set("message.timeout.ms", "100");
    for (config, partition, purged, expected) in [
        (topic.config(), Some(42), false, "_UNKNOWN_PARTITION"),
        (impatient, None, false, "_MSG_TIMED_OUT"),
        (unreachable, None, true, "_PURGE_QUEUE"),
    ] {
        let spans = Arc::new(Spans::new());
        let producer = base(&config, &spans);
        let opaque: Opaque = Arc::new(expected);
        let mut record = BaseRecord::with_opaque_to(&topic.name, Arc::clone(&opaque));
        record.partition = partition;
        let queued = producer.send(record.key("7").payload("order"));
        queued.map_err(|(error, _)| error).expect("queued");
        if purged {
            producer.purge(PurgeConfig::default().queue());
        }
        producer.flush(PATIENCE).expect("nothing is left");
        let deliveries = producer.context().get_ref().take();
        let [delivery] = &deliveries[..] else {
            panic!("{} callbacks", deliveries.len());
        };
        assert!(Arc::ptr_eq(&delivery.opaque, &opaque));
        assert!(delivery.answer.is_err());
        assert_eq!(delivery.ended, 1);
        let span = spans.named(&format!("send {}", topic.name));
        let error_type = attribute(&span, "error.type");
        assert_eq!(error_type, Some(expected.into()));
        assert!(matches!(span.status, Status::Error { .. }));
    }
}

/// Statistics, errors and log lines come to the application's context.
#[test]
fn every_other_callback_goes_through() {
    let spans = Arc::new(Spans::new());
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1");
    config.set("statistics.interval.ms", "10");
    let producer = base(&config, &spans);
    let book = producer.context().get_ref();
    let deadline = Instant::now() + PATIENCE;
    while [&book.statistics, &book.errors, &book.lines]
        .iter()
        .any(|count| count.load(Ordering::SeqCst) == 0)
    {
        assert!(Instant::now() < deadline, "a callback does not come");
        producer.poll(Duration::from_millis(10));
    }
}

#[test]
fn a_token_is_that_of_the_users_context() {
    struct Tokens;

    impl ClientContext for Tokens {
        const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

        fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
            Err(config.unwrap_or_default().into())
        }
    }

    const { assert!(InjectingContext::<Tokens>::ENABLE_REFRESH_OAUTH_TOKEN) };
    const { assert!(!InjectingContext::<Book>::ENABLE_REFRESH_OAUTH_TOKEN) };
    let asked = InjectingContext::new(Tokens).generate_oauth_token(Some("scope"));
    assert_eq!(
        asked.err().map(|error| error.to_string()).as_deref(),
        Some("scope")
    );
}
