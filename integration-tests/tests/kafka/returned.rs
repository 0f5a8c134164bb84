//! A record that comes back with an error is as its caller made it, whatever the propagator wrote.
#![expect(clippy::result_large_err, reason = "rdkafka's own type")]

use integration_tests::client::in_time;
use integration_tests::spans::Spans;
use integration_tests::{apply, two_worker_test};
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use otel_messaging::Instrumentation;
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer,
    PurgeConfig, ThreadedProducer,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Declares one field and writes three more: one in the spelling of the declared one, one that a
/// caller may have as a header of its own, and one of its own making. From the moment that it is
/// `replaced` it declares another field, as a new global propagator would.
#[derive(Debug)]
struct Careless {
    fields: [String; 2],
    value: String,
    replaced: Arc<AtomicBool>,
}

impl Careless {
    fn new(value: String) -> (Self, Arc<AtomicBool>) {
        let replaced = Arc::new(AtomicBool::new(false));
        let careless = Self {
            fields: ["x-declared", "order"].map(str::to_owned),
            value,
            replaced: Arc::clone(&replaced),
        };
        (careless, replaced)
    }
}

impl TextMapPropagator for Careless {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        injector.set("gone", String::new());
        for name in ["X-Declared", "tenant", "x-undeclared", "x-undeclared"] {
            injector.set(name, self.value.clone());
        }
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        let replaced = usize::from(self.replaced.load(Ordering::SeqCst));
        FieldIter::new(&self.fields[replaced..=replaced])
    }
}

type List = Option<Vec<(String, Option<Vec<u8>>)>>;

fn list(headers: Option<&OwnedHeaders>) -> List {
    let entry = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(Into::into));
    headers.map(|headers| headers.iter().map(entry).collect())
}

/// What callers give: nothing, no header, headers of their own, and some that the propagator writes
/// or declares, in several spellings, several times, empty and null.
fn given() -> [Option<OwnedHeaders>; 6] {
    let headers = |entries: &[(&str, Option<&str>)]| {
        let mut headers = OwnedHeaders::new();
        for (key, value) in entries.iter().copied() {
            headers = headers.insert(Header { key, value });
        }
        headers
    };
    [
        None,
        Some(headers(&[])),
        Some(headers(&[("order", Some("7")), ("null", None)])),
        Some(headers(&[("Tenant", Some("acme")), ("order", Some("7"))])),
        Some(headers(&[
            ("order", Some("7")),
            ("x-declared", Some("the caller's")),
            ("order", Some("8")),
            ("X-DECLARED", None),
            ("Gone", Some("no")),
        ])),
        Some(headers(&[
            ("TENANT", Some("")),
            ("x-undeclared", None),
            ("tenant", Some("acme")),
            ("x-undeclared", Some("the caller's")),
            ("X-Declared", Some("the caller's")),
        ])),
    ]
}

/// A broker that is never there, and a queue for one record.
fn full() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1");
    config.set("queue.buffering.max.messages", "1");
    config.set("message.max.bytes", "1500");
    config
}

/// Sends each of the given headers in vain; `send` gives back those of the record in the error.
fn each(send: impl Fn(&Instrumentation, Option<OwnedHeaders>, &AtomicBool) -> List) {
    // For the larger ones a record has no room.
    for (replaces, size) in [(false, 10), (true, 10), (true, 1000)] {
        for headers in given() {
            let (careless, replaced) = Careless::new("x".repeat(size));
            let by = Spans::new()
                .instrumentation
                .to_builder()
                .with_propagator(careless)
                .build();
            let expected = list(headers.as_ref());
            // It is replaced behind the send only if `send` has a moment for it.
            let never = AtomicBool::new(false);
            let found = send(&by, headers, if replaces { &replaced } else { &never });
            assert_eq!(found, expected, "replaced: {replaces}, {size} bytes");
        }
    }
}

fn base_record(headers: Option<OwnedHeaders>) -> BaseRecord<'static, str, str> {
    let mut record = BaseRecord::to("orders").key("7").payload("order");
    record.headers = headers;
    record
}

type Queued<'a> = Result<(), (KafkaError, BaseRecord<'a, str, str>)>;

/// Of a queue that is full.
fn refused(
    headers: Option<OwnedHeaders>,
    send: impl Fn(BaseRecord<'static, str, str>) -> Queued<'static>,
) -> List {
    assert!(send(base_record(None)).is_ok());
    let (_, returned) = send(base_record(headers)).expect_err("the queue is full");
    list(returned.headers.as_ref())
}

#[test]
fn by_a_queue() {
    each(|by, headers, _| {
        let context = InjectingContext::new(DefaultProducerContext);
        let base: BaseProducer<_> = full().create_with_context(context).expect("a producer");
        let base = InjectingProducer::new(base).with_instrumentation(by.clone());
        refused(headers, |record| base.send(record))
    });
    each(|by, headers, _| {
        let context = InjectingContext::new(DefaultProducerContext);
        let threaded: ThreadedProducer<_> =
            full().create_with_context(context).expect("a producer");
        let threaded = InjectingProducer::new(threaded).with_instrumentation(by.clone());
        refused(headers, |record| threaded.send(record))
    });
}

#[test]
fn by_a_queue_without_our_context() {
    each(|by, headers, _| {
        let base: BaseProducer = full().create().expect("a producer");
        let base = UntilQueuedProducer::new(base).with_instrumentation(by.clone());
        refused(headers, |record| base.send(record))
    });
    each(|by, headers, _| {
        let threaded: ThreadedProducer<DefaultProducerContext> =
            full().create().expect("a producer");
        let threaded = UntilQueuedProducer::new(threaded).with_instrumentation(by.clone());
        refused(headers, |record| threaded.send(record))
    });
}

/// At once, and by the broker's answer, when the propagator may be another one.
#[apply(two_worker_test)]
async fn by_a_future_producer() {
    let runtime = tokio::runtime::Handle::current();
    let record = |headers| {
        let mut record = FutureRecord::<str, str>::to("orders").payload("order");
        record.headers = headers;
        record
    };
    let producer = |by: &Instrumentation| {
        let producer: FutureProducer = full().create().expect("a producer");
        InjectingProducer::new(producer).with_instrumentation(by.clone())
    };
    let purge = |producer: &InjectingProducer<FutureProducer>| {
        producer.purge(PurgeConfig::default().queue().inflight());
    };
    let work = move || {
        each(|by, headers, _| {
            let producer = producer(by);
            assert!(producer.send_result(record(None)).is_ok());
            let (_, returned) = producer.send_result(record(headers)).expect_err("full");
            list(returned.headers.as_ref())
        });
        each(|by, headers, replaced| {
            let producer = producer(by);
            let queued = producer.send_result(record(headers));
            let delivery = queued.map_err(|(error, _)| error).expect("queued");
            replaced.store(true, Ordering::SeqCst);
            purge(&producer);
            let delivery = runtime.block_on(in_time("a delivery", delivery));
            let (_, returned) = delivery.expect("not canceled").expect_err("purged");
            list(returned.headers())
        });
        each(|by, headers, replaced| {
            let producer = producer(by);
            assert!(producer.send_result(record(None)).is_ok());
            let send = producer.send(record(headers), Duration::ZERO);
            replaced.store(true, Ordering::SeqCst);
            let delivery = runtime.block_on(in_time("a refusal", send));
            let (_, returned) = delivery.expect_err("the queue is full");
            list(returned.headers())
        });
    };
    let worked = tokio::task::spawn_blocking(work).await;
    worked.expect("as they were given");
}
