//! How much memory a message in flight takes beyond the same with a span by hand. The provider is the
//! process's own, hence a test of its own.

use allocation_counter::measure;
use async_nats::jetstream;
use benches::call::jetstream::{end_acknowledged, publish_span};
use benches::call::nats::{Record, room};
use benches::call::{JetStream, Receives, Sends, Setting, begin_by_hand, came, run_by_hand, start};
use benches::client::{Amqp, Client, Kafka, Nats};
use benches::sample::Carried;
use opentelemetry::global;
use otel_messaging::{Instrumentation, propagation};
use otel_messaging_async_nats::InjectingProducer;
use std::future::pending;
use std::mem::size_of_val;
use std::task::{Context, Waker};
use tokio::runtime::Builder;

/// How many messages are in flight at a time.
const MESSAGES: usize = 1000;
/// At most so many bytes a message, beyond the same by hand.
const MORE: f64 = 256.0;
/// A handler's future may be so much larger than the handler, in bytes.
const LARGER: usize = 160;

/// The bytes that a future holds after its first poll, itself included: the mean of many.
fn held<F: Future>(future: impl Fn() -> F) -> f64 {
    let mut futures = Vec::with_capacity(MESSAGES);
    let counted = measure(|| {
        for _ in 0..MESSAGES {
            let mut future = Box::pin(future());
            let polled = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            futures.push(future);
        }
    });
    counted.bytes_current as f64 / MESSAGES as f64
}

fn ours() -> Instrumentation {
    let ours = Instrumentation::builder().with_propagator(propagation::w3c());
    ours.build()
}

/// Says what was measured, and whether it is too much.
fn is_too_much(what: &str, ours: f64, by_hand: f64) -> bool {
    println!("{what}: {ours:.0} B, by hand {by_hand:.0} B");
    ours - by_hand > MORE
}

/// Messages whose handlers wait, and futures of handlers.
fn handled<M: Receives>(name: &str) -> bool {
    let (ours, tracer) = (ours(), global::tracer("by hand"));
    let message = M::message(M::Client::received(&Carried::SPAN.entries()));
    let by_hand = || {
        let (came, span) = (came::<M>(&message), M::process_span(&message));
        run_by_hand(begin_by_hand(&tracer, came, span), pending::<()>())
    };
    // The first one may set something up.
    held(|| ours.process(&message).run(pending::<()>()));
    let held = [
        held(|| ours.process(&message).run(pending::<()>())),
        held(by_hand),
    ];
    let state = [7_u64; 16];
    let handler = async move {
        pending::<()>().await;
        state
    };
    let before = size_of_val(&handler);
    let larger = size_of_val(&ours.process(&message).run(handler)) - before;
    println!("{name}, handled: the future is {larger} B larger than the handler");
    let [ours, by_hand] = held;
    is_too_much(&format!("{name}, handled"), ours, by_hand) | (larger > LARGER)
}

/// Messages for which the client has no answer yet.
fn sent<C: Sends>(name: &str) -> bool {
    let (sender, tracer) = (C::connect(), global::tracer("by hand"));
    let injecting = C::injecting(&sender, Some(ours()));
    C::hold(&sender);
    held(|| C::send(&injecting, C::record(None)));
    let ours = held(|| C::send(&injecting, C::record(None)));
    let by_hand = held(|| C::send_by_hand(&sender, &tracer, C::record(None)));
    is_too_much(&format!("{name}, sent"), ours, by_hand)
}

/// The same to a stream, which gives no answer. Core NATS has nothing in flight.
fn sent_to_stream() -> bool {
    // The context of the stream has a task, which nobody drives.
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let (client, tracer) = (Nats::connect(), global::tracer("by hand"));
    let context = jetstream::new(client.clone());
    let injecting = InjectingProducer::new(context.clone()).with_instrumentation(ours());
    let send = || async {
        let Record {
            subject, payload, ..
        } = Nats::record(None);
        let sent = injecting.publish(subject, payload).await.expect("taken");
        sent.await.expect("an answer");
    };
    let by_hand = || async {
        let Record {
            subject, payload, ..
        } = Nats::record(None);
        let room = room(&client, &payload);
        let (span, headers) = start::<Nats>(&tracer, publish_span(&subject), None, room);
        let headers = headers.unwrap_or_default();
        let sent = context
            .publish_with_headers(subject, headers, payload)
            .await;
        let answer = sent.expect("taken").await.expect("an answer");
        end_acknowledged(span, &answer);
    };
    // The client's own queue is full after 2,048.
    let (ours, by_hand) = (held(send), held(by_hand));
    is_too_much("JetStream, sent", ours, by_hand)
}

#[test]
fn a_message_in_flight_takes_little_more_memory_than_a_span_by_hand() {
    Setting::Recorded.install();
    let _current = Carried::SPAN.context().attach();
    let too_much = [
        handled::<Amqp>("AMQP"),
        handled::<Kafka>("Kafka"),
        handled::<Nats>("NATS"),
        handled::<JetStream>("JetStream"),
        sent::<Amqp>("AMQP"),
        sent::<Kafka>("Kafka"),
        sent_to_stream(),
    ];
    assert!(
        !too_much.contains(&true),
        "more than {MORE} B beyond by hand, or a future more than {LARGER} B larger: see above"
    );
}
