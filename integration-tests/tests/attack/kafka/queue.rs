//! The producers that queue records, whose answers come to the application's own callback.
#![expect(clippy::result_large_err, reason = "rdkafka's own signature")]

use super::{AGAIN, Log, config, headers, partition, payload};
use crate::orders::{Order, Ours, Outcome, Pace, own_headers};
use crate::way::{Way, attacks};
use integration_tests::client::{HeaderList, PATIENCE};
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer, UntilQueuedProducer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

attacks!(
    sending_by_a_base_producer: Base,
    sending_by_a_threaded_producer: Threaded,
    enqueuing: Enqueuing,
);

/// The application's context: it books every callback, with the record's opaque.
#[derive(Clone, Default)]
struct Book(Arc<(Mutex<Vec<Callback>>, Condvar)>);

type Callback = (Order, Result<(i32, i64), KafkaError>);

type Record<'a> = BaseRecord<'a, str, [u8], Box<Order>>;

/// So many records fit, fewer than are sent at once: the callbacks have to go on.
const QUEUE: &str = "20";

/// How long a poll waits for a callback.
const POLL: Duration = Duration::from_millis(10);

/// What is sent again.
const EXTRA: Order = Order(u32::MAX - 1);

impl ClientContext for Book {}

impl ProducerContext for Book {
    type DeliveryOpaque = Box<Order>;

    fn delivery(&self, result: &DeliveryResult<'_>, order: Box<Order>) {
        let answer = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        let (callbacks, came) = &*self.0;
        let mut callbacks = callbacks.lock().expect("no callback panics");
        callbacks.push((*order, answer));
        came.notify_all();
    }
}

impl Book {
    /// Waits for so many callbacks, beside those of what is sent again.
    fn wait(&self, count: usize) {
        let of_orders = |book: &[Callback]| {
            let all = book.iter();
            all.filter(|(order, _)| *order != EXTRA).count()
        };
        let (callbacks, came) = &*self.0;
        let callbacks = callbacks.lock().expect("no callback panics");
        let waited = came.wait_timeout_while(callbacks, PATIENCE, |book| of_orders(book) < count);
        let (book, waited) = waited.expect("no callback panics");
        assert!(!waited.timed_out(), "a callback does not come");
        assert_eq!(of_orders(&book), count, "callbacks");
    }

    /// Waits for another callback, but not for long: librdkafka keeps the room of several records until
    /// the callbacks of all of them have returned, so the last one may have come while the queue was full.
    fn wait_a_moment(&self, count: usize) {
        let (callbacks, came) = &*self.0;
        let callbacks = callbacks.lock().expect("no callback panics");
        let waited = came.wait_timeout_while(callbacks, POLL, |book| book.len() == count);
        drop(waited.expect("no callback panics"));
    }

    fn count(&self) -> usize {
        self.0.0.lock().expect("no callback panics").len()
    }

    fn take(&self) -> Vec<Callback> {
        std::mem::take(&mut *self.0.0.lock().expect("no callback panics"))
    }
}

macro_rules! queue {
    ($way:ident, $polling:ident, bare: $bare:ty, ours: $ours:ty, $wrapper:ident, $context:expr) => {
        pub(crate) struct $way(Log);

        impl Way for $way {
            async fn open() -> Self {
                Self(Log::open().await)
            }

            async fn round(
                &mut self,
                ours: Option<&Ours>,
                orders: &[Order],
                pace: Pace,
            ) -> Outcome {
                let (log, book) = (&self.0, Book::default());
                let mut config = config(&log.topic);
                config.set("queue.buffering.max.messages", QUEUE);
                let round = Round {
                    log,
                    polling: Polling::$polling,
                    ours,
                    orders,
                    pace,
                    book: &book,
                };
                let (answers, callbacks) = match ours {
                    None => {
                        let producer: $bare = config
                            .create_with_context(book.clone())
                            .expect("a producer");
                        let poll = || {
                            producer.poll(POLL);
                            producer.in_flight_count()
                        };
                        round.queue(|record| producer.send(record), poll)
                    }
                    Some(ours) => {
                        let producer: $ours = config
                            .create_with_context($context(book.clone()))
                            .expect("a producer");
                        let producer =
                            $wrapper::new(producer).with_instrumentation(ours.by.clone());
                        let producer = Arc::new(producer);
                        let (same, topic) = (Arc::clone(&producer), log.topic.name.clone());
                        ours.when_it_comes_back(move || {
                            let record = BaseRecord::with_opaque_to(&topic, Box::new(EXTRA));
                            let record: Record<'_> = record.partition(AGAIN);
                            match same.send(record) {
                                Err((error, _)) if !is_queue_full(&error) => Err(error.to_string()),
                                _ => Ok(()),
                            }
                        });
                        let poll = || {
                            producer.poll(POLL);
                            producer.in_flight_count()
                        };
                        round.queue(|record| producer.send(record), poll)
                    }
                };
                log.end().await;
                Outcome {
                    answers,
                    callbacks,
                    arrived: self.0.handle_all(ours).await,
                }
            }
        }
    };
}

queue!(Base, ByUs, bare: BaseProducer<Book>, ours: BaseProducer<InjectingContext<Book>>,
    InjectingProducer, InjectingContext::new);
queue!(Threaded, ByThread, bare: ThreadedProducer<Book>, ours: ThreadedProducer<InjectingContext<Book>>,
    InjectingProducer, InjectingContext::new);
queue!(Enqueuing, ByThread, bare: ThreadedProducer<Book>, ours: ThreadedProducer<Book>,
    UntilQueuedProducer, std::convert::identity);

/// Who calls the callbacks.
#[derive(Clone, Copy, PartialEq)]
enum Polling {
    ByUs,
    /// Whoever polled beside it would mix the order of the callbacks.
    ByThread,
}

/// What the producers of both kinds are asked for.
struct Round<'a> {
    polling: Polling,
    log: &'a Log,
    ours: Option<&'a Ours>,
    orders: &'a [Order],
    pace: Pace,
    book: &'a Book,
}

impl Round<'_> {
    /// Sends a record as soon as the queue has room for it.
    fn send<'a>(
        &self,
        mut record: Record<'a>,
        send: impl Fn(Record<'a>) -> Result<(), (KafkaError, Record<'a>)>,
        poll: impl Fn() -> i32,
    ) -> Result<(), (KafkaError, Record<'a>)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let callbacks = self.book.count();
            let (error, returned) = match send(record) {
                Ok(()) => return Ok(()),
                Err(returned) => returned,
            };
            if !is_queue_full(&error) {
                return Err((error, returned));
            }
            record = returned;
            assert!(Instant::now() < deadline, "the queue stays full");
            match self.polling {
                Polling::ByUs => {
                    poll();
                }
                Polling::ByThread => self.book.wait_a_moment(callbacks),
            }
        }
    }

    /// The answers, one for each record, and the order of the good ones.
    fn queue(
        &self,
        send: impl for<'a> Fn(Record<'a>) -> Result<(), (KafkaError, Record<'a>)>,
        poll: impl Fn() -> i32,
    ) -> (Vec<(u32, String)>, Vec<u32>) {
        let (mut answers, mut queued) = (BTreeMap::new(), 0);
        let deadline = Instant::now() + PATIENCE;
        let poll_all = || {
            while poll() > 0 {
                assert!(Instant::now() < deadline, "records are left");
            }
        };
        let wait = |queued| match self.polling {
            Polling::ByUs => poll_all(),
            Polling::ByThread => self.book.wait(queued),
        };
        for &order in self.orders {
            let _attached = order.context().attach();
            Ours::next_message(self.ours, order);
            let (key, payload) = (format!("key {}", order.0), payload(order));
            let record: Record<'_> =
                BaseRecord::with_opaque_to(&self.log.topic.name, Box::new(order))
                    .partition(partition(order))
                    .headers(headers(order))
                    .key(&*key)
                    .payload(&*payload);
            match self.send(record, &send, &poll) {
                Ok(()) => queued += 1,
                Err((error, returned)) => {
                    assert_as_given(order, &returned, (&key, &payload));
                    assert_eq!(answers.insert(order.0, error_code(&error)), None);
                }
            }
            if self.pace == Pace::OneByOne {
                wait(queued);
            }
        }
        wait(queued);
        // What was sent again may still be under way.
        poll_all();
        let mut callbacks = Vec::new();
        for (order, answer) in self.book.take() {
            if order == EXTRA {
                continue;
            }
            let number = order.0;
            let answer = match answer {
                Ok((partition, offset)) => {
                    callbacks.push(number);
                    format!("{partition} {}", offset - self.log.begin)
                }
                Err(error) => error_code(&error),
            };
            assert_eq!(answers.insert(number, answer), None, "two answers");
        }
        (answers.into_iter().collect(), callbacks)
    }
}

fn is_queue_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

fn assert_as_given(order: Order, returned: &Record<'_>, (key, payload): (&str, &[u8])) {
    assert_eq!(*returned.delivery_opaque, order);
    let given = shown(returned.headers.as_ref());
    assert_eq!(given, shown(Some(&headers(order))));
    assert_eq!(own_headers(order, given.clone()), given);
    assert_eq!((returned.key, returned.payload), (Some(key), Some(payload)));
}

/// The client itself finds out about a partition when it queues the record, or later.
fn error_code(error: &KafkaError) -> String {
    format!("{:?}", error.rdkafka_error_code())
}

fn shown(headers: Option<&OwnedHeaders>) -> HeaderList {
    let all = headers.into_iter().flat_map(|headers| headers.iter());
    all.map(|header| {
        let value = header.value.unwrap_or_default();
        (header.key.to_owned(), String::from_utf8_lossy(value).into())
    })
    .collect()
}
