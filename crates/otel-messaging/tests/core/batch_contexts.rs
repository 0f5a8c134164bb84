//! The contexts of the messages of a batch.

use crate::message::{NOWHERE, Spans, spans};
use crate::order::{Order, assert_current, bare, current, order, orders, sender, trace_id};
use futures_util::FutureExt;
use futures_util::future::join_all;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use otel_messaging::adapter::Outcome;
use otel_messaging::consumer::BatchMessage;
use otel_messaging::{Instrumentation, future_in_context};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::task::{Poll, Waker};
use tokio::task::{JoinSet, yield_now};

/// Publishes a message, and returns its traceparent.
fn publish(by: &Instrumentation) -> String {
    let mut headers = BTreeMap::new();
    let outgoing = by.outgoing("publish", &NOWHERE);
    outgoing.inject(&mut headers, None);
    outgoing.finish(Outcome::accepted());
    headers.remove("traceparent").expect("a context")
}

/// The numbers of the messages of a batch, with what each published, in its own trace.
async fn handle(by: &Instrumentation, order: Order) {
    for _ in 0..3 {
        assert_current(order.number);
        yield_now().await;
    }
    let trace_id = format!("{:032x}", trace_id(order.number));
    assert_eq!(publish(by)[3..35], trace_id);
}

fn assert_published(spans: &Spans, count: u64) {
    let ended = spans.ended();
    let published = ended.iter().filter(|span| span.name == "publish");
    let mut published: Vec<_> = published
        .map(|span| (span.span_context.trace_id(), span.parent_span_id))
        .collect();
    published.sort_by_key(|(_, parent)| parent.to_bytes());
    let expected: Vec<_> = (1..=count).map(|it| (trace_id(it), sender(it))).collect();
    assert_eq!(published, expected);
    assert_eq!(ended.len() as u64, count + 1);
}

#[tokio::test]
async fn one_after_the_other_each_has_its_own() {
    let spans = spans();
    let by = &spans.instrumentation;
    let handling = by.with_batch_context(orders(1..101), async |batch| {
        let of_batch = current();
        for message in batch {
            message.run(|order| handle(by, order)).await;
            assert_eq!(current(), of_batch);
        }
    });
    handling.await;
    assert_published(&spans, 100);
}

#[tokio::test]
async fn side_by_side_each_has_its_own() {
    let spans = spans();
    let by = &spans.instrumentation;
    let handling = by.with_batch_context(orders(1..101), async |batch| {
        let of_batch = current();
        let each = batch.into_iter();
        join_all(each.map(|message| message.run(|order| handle(by, order)))).await;
        assert_eq!(current(), of_batch);
    });
    handling.await;
    assert_published(&spans, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_tasks_each_has_its_own() {
    let spans = spans();
    let by = spans.instrumentation.clone();
    let handling = spans
        .instrumentation
        .with_batch_context(orders(1..101), async |batch| {
            let mut tasks = JoinSet::new();
            for message in batch {
                let by = by.clone();
                tasks.spawn(message.run(async move |order| handle(&by, order).await));
            }
            tasks.join_all().await;
        });
    handling.await;
    assert_published(&spans, 100);
}

#[test]
fn on_threads_each_has_its_own() {
    let spans = spans();
    let by = &spans.instrumentation;
    let (span, batch) = by.process_batch(orders(1..101));
    std::thread::scope(|scope| {
        for message in batch {
            scope.spawn(move || {
                let (order, span) = message.into_parts();
                let _entered = span.enter();
                assert!(handle(by, order).now_or_never().is_none(), "it yields");
            });
        }
    });
    drop(span);
}

/// And the sender's baggage goes with it.
#[test]
fn a_message_without_a_sender_is_handled_in_the_batchs_context() {
    let spans = spans();
    let mut with_baggage = bare(2);
    let baggage = ("baggage".to_owned(), "tenant=acme".to_owned());
    with_baggage.headers.extend([baggage.clone()]);
    let mut contradicting = order(3);
    let other = format!("00-{:032x}-{:016x}-01", trace_id(9), sender(9));
    contradicting
        .headers
        .insert("Traceparent".to_owned(), other);
    let mut whole = order(4);
    whole.headers.extend([baggage]);
    let messages = [bare(1), with_baggage, contradicting, whole];
    let outer = Context::new().with_baggage([KeyValue::new("outer", "1")]);
    let outer = outer.attach();
    let (span, batch) = spans.instrumentation.process_batch(&messages);
    drop(outer);
    let of_batch = span.context().span().span_context().clone();
    let contexts: Vec<_> = batch.iter().map(|it| it.context().clone()).collect();
    for context in &contexts[..3] {
        assert_eq!(context.span().span_context(), &of_batch);
    }
    let members = |context: &Context| -> Vec<String> {
        let members = context.baggage().iter();
        members
            .map(|(key, (value, _))| format!("{key}={value}"))
            .collect()
    };
    let seen: Vec<_> = contexts.iter().map(members).collect();
    assert_eq!(
        seen,
        [
            vec!["outer=1"],
            vec!["tenant=acme"],
            vec!["outer=1"],
            vec!["tenant=acme"]
        ]
    );
    assert_eq!(contexts[3].span().span_context().trace_id(), trace_id(4));
}

#[test]
fn a_panic_in_one_restores_the_batchs() {
    let spans = spans();
    let (span, batch) = spans.instrumentation.process_batch(orders(1..4));
    let entered = span.enter();
    let of_batch = current();
    for message in batch {
        let number = message.message().number;
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let work = message.run(async |order| {
                assert_current(order.number);
                assert_ne!(order.number, 2, "the second panics");
            });
            work.now_or_never()
        }));
        assert_eq!(caught.is_err(), number == 2);
        assert_eq!(current(), of_batch);
    }
    drop(entered);
    assert_eq!(current(), SpanContext::empty_context());
}

/// Says which context was current when it was dropped.
struct Witness<'a>(u64, &'a Mutex<Vec<(u64, SpanContext)>>);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        let mut seen = self.1.lock().expect("no panic");
        seen.push((self.0, current()));
    }
}

/// A batch that is dropped after so many polls: what its messages own is dropped in their contexts.
#[test]
fn whatever_is_dropped_is_dropped_in_its_own_context() {
    for polls in 0..8 {
        let (spans, seen) = (spans(), Mutex::new(Vec::new()));
        let handling = spans
            .instrumentation
            .with_batch_context(orders(1..4), |batch| {
                let each = batch.into_iter().map(|message| {
                    message.run(|order| {
                        let witness = Witness(order.number, &seen);
                        async move {
                            for _ in 0..2 * witness.0 {
                                yield_now().await;
                            }
                        }
                    })
                });
                join_all(each.collect::<Vec<_>>())
            });
        let mut handling = Box::pin(handling);
        let mut cx = std::task::Context::from_waker(Waker::noop());
        let mut is_done = false;
        for _ in 0..polls {
            is_done = handling.as_mut().poll(&mut cx).is_ready();
        }
        assert_eq!(current(), SpanContext::empty_context());
        drop(handling);
        assert_eq!(is_done, polls == 7, "{polls}");
        let seen = seen.into_inner().expect("no panic");
        assert_eq!(seen.len(), 3);
        for (number, current) in seen {
            assert_eq!(current.span_id(), sender(number), "after {polls} polls");
        }
        assert_eq!(spans.only().name, "process orders");
        assert_eq!(current(), SpanContext::empty_context());
    }
}

#[test]
fn inside_another_span_each_has_its_own() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    tracer.in_span("around", |_| {
        let around = current();
        let handling = spans
            .instrumentation
            .with_batch_context(orders(1..3), async |batch| {
                assert_eq!(current().trace_id(), around.trace_id());
                assert_ne!(current(), around);
                for message in batch {
                    message
                        .run(async |order| assert_current(order.number))
                        .await;
                }
            });
        assert!(handling.now_or_never().is_some());
        assert_eq!(current(), around);
    });
}

/// After its end, and by whoever has it then.
#[test]
fn a_message_is_handled_after_its_batch() {
    let spans = spans();
    let by = &spans.instrumentation;
    let handling = by.with_batch_context(orders(1..3), std::future::ready);
    let batch = handling.now_or_never().expect("ready");
    for message in batch {
        let number = message.message().number;
        message.run(async |_| assert_current(number)).now_or_never();
    }
    assert_eq!(spans.only().name, "process orders");
}

/// Without a tracer provider what came in goes out, from each message.
#[test]
fn without_an_sdk_each_has_its_own() {
    let by = Instrumentation::default();
    let around = Context::new().with_remote_span_context(
        otel_messaging::extract(&order(7).headers)
            .span()
            .span_context()
            .clone(),
    );
    let attached = around.attach();
    let messages = [order(1), bare(2)];
    let handling = by.with_batch_context(&messages, async |batch| {
        assert_current(7);
        assert_eq!(batch.len(), 2);
        for (message, expected) in batch.into_iter().zip([1, 7]) {
            message.run(async |_| assert_current(expected)).await;
            let traceparent = publish(&by);
            assert_eq!(traceparent[3..35], format!("{:032x}", trace_id(7)));
        }
    });
    assert!(handling.now_or_never().is_some());
    drop(attached);
}

#[test]
fn a_disabled_instrumentation_reads_nothing() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    tracer.in_span("around", |_| {
        let around = current();
        let by = Instrumentation::disabled();
        let handling = by.with_batch_context(orders(1..3), async |batch| {
            assert_eq!(batch.len(), 2);
            for message in batch {
                message.run(async |_| assert_eq!(current(), around)).await;
            }
        });
        assert!(handling.now_or_never().is_some());
    });
    assert_eq!(spans.only().name, "around");
}

#[test]
fn suppression_is_kept_for_each_message() {
    let spans = spans();
    let suppressed = Context::enter_telemetry_suppressed_scope();
    let messages = [order(1), bare(2)];
    let (span, batch) = spans.instrumentation.process_batch(&messages);
    assert!(span.context().is_telemetry_suppressed());
    for message in &batch {
        assert!(message.context().is_telemetry_suppressed());
    }
    drop((span, batch, suppressed));
    assert_eq!(spans.ended(), []);
}

/// Background work of one message's handler stays with it.
#[tokio::test]
async fn background_work_of_a_message_joins_it() {
    let spans = spans();
    let handling = spans
        .instrumentation
        .with_batch_context(orders(1..3), async |batch| {
            for message in batch {
                let handled = message.run(async |order| {
                    let work = async move { assert_current(order.number) };
                    let spawned = tokio::spawn(future_in_context(work));
                    spawned.await.expect("no panic");
                });
                handled.await;
            }
        });
    handling.await;
}

fn assert_send<T: Send>(it: T) -> T {
    it
}

/// The types of a batch go to other threads, if the messages do.
#[test]
fn it_is_send() {
    let by = Instrumentation::default();
    let messages = orders(1..3);
    let (span, batch) = assert_send(by.process_batch(&messages));
    let batch: Vec<BatchMessage<&Order>> = batch;
    drop(assert_send(span.run(async move {
        for message in batch {
            message.run(async |_| ()).await;
        }
    })));
    let mut never = Box::pin(assert_send(by.with_batch_context(
        &messages,
        |batch| async move {
            for message in batch {
                message
                    .try_run(|_| async {
                        yield_now().await;
                        Ok::<_, String>(())
                    })
                    .await?;
            }
            Ok::<_, String>(())
        },
    )));
    let mut cx = std::task::Context::from_waker(Waker::noop());
    assert_eq!(never.as_mut().poll(&mut cx), Poll::Pending);
}
