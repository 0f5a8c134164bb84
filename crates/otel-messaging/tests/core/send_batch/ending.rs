//! When the span of a batch ends.

use super::{DURATION, ORDERS, SENT, batch, parts, send, text};
use crate::message::spans;
use crate::meter::meter;
use opentelemetry::trace::Status;
use otel_messaging::adapter::{Outcome, Outgoing};
use proptest::collection::vec;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

#[test]
fn a_message_that_was_never_handed_over_does_not_count() {
    for has_create_spans in [true, false] {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider);
        let by = by.with_create_spans(has_create_spans).build();
        let only_made = batch(&by);
        drop((only_made.outgoing("publish", &ORDERS), only_made));
        assert_eq!(meter.series(SENT), []);
        assert_eq!(meter.series(DURATION), []);
        let made = spans.only().name;
        // Without create spans the send span had to start with the batch.
        assert_eq!(
            made,
            if has_create_spans {
                "create orders"
            } else {
                "publish"
            }
        );

        let batch = batch(&by);
        let made = batch.outgoing("publish", &ORDERS);
        drop(send(&batch, &ORDERS));
        drop((batch, made));
        assert_eq!(meter.only(SENT).count, 1);
        let ended = spans.ended();
        let sending = ended.iter().find(|span| span.name == "publish orders");
        let sending = sending.expect("a message was sent");
        assert_eq!(
            text(sending, "messaging.batch.message_count").as_deref(),
            Some("1")
        );
        assert_eq!(sending.links.iter().count(), usize::from(has_create_spans));
    }
}

#[test]
fn a_batch_in_which_nothing_is_sent_leaves_nothing() {
    let (spans, meter) = (spans(), meter());
    let by = spans.instrumentation.to_builder();
    drop(batch(&by.with_meter_provider(&meter.provider).build()));
    assert_eq!(spans.ended().len(), 0);
    assert_eq!(meter.series(DURATION), []);
}

/// Whoever holds a handle or a message, on whatever thread.
#[test]
fn the_send_span_ends_with_the_last_that_holds_the_batch() {
    let spans = spans();
    let batch = batch(&spans.instrumentation);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let batch = batch.clone();
            thread::spawn(move || (0..25).map(|_| send(&batch, &ORDERS).0).collect::<Vec<_>>())
        })
        .collect();
    let mut sent = Vec::new();
    for thread in threads {
        sent.extend(thread.join().expect("nothing panics"));
    }
    drop(batch);
    let last = sent.pop().expect("100 messages");
    sent.into_iter()
        .for_each(|it| it.finish(Outcome::accepted()));
    assert_eq!(spans.ended().len(), 100);
    thread::spawn(move || drop(last))
        .join()
        .expect("nothing panics");
    let (created, sending) = parts(&spans);
    assert_eq!((created.len(), sending.links.len()), (100, 100));
    assert_eq!(
        text(&sending, "messaging.batch.message_count").as_deref(),
        Some("100")
    );
}

#[test]
fn a_batch_ends_in_a_panic() {
    let spans = spans();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let batch = batch(&spans.instrumentation);
        let _sent = send(&batch, &ORDERS);
        panic!("in the middle");
    }));
    assert!(unwound.is_err());
    let (created, sending) = parts(&spans);
    assert_eq!((created.len(), sending.links.len()), (1, 1));
    assert_eq!(sending.status, Status::Unset);
}

#[test]
fn a_panic_of_the_application_s_telemetry_does_not_reach_the_messages() {
    let spans = spans();
    for has_create_spans in [true, false] {
        let by = spans.instrumentation.to_builder();
        let by = by
            .with_span_attributes(|_, _| panic!("a hook"))
            .with_create_spans(has_create_spans);
        let batch = batch(&by.build());
        let (outgoing, headers) = send(&batch, &ORDERS);
        outgoing.finish(Outcome::accepted());
        drop(batch);
        assert!(headers.contains_key("traceparent"));
    }
    assert_eq!(spans.ended().len(), 3);
}

/// What may be done with a batch; the number chooses among the messages that there are.
#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    HandOver(usize),
    Succeed(usize),
    Fail(usize),
    Drop(usize),
    DropHandle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Start),
        3 => (0..8usize).prop_map(Step::HandOver),
        3 => (0..8usize).prop_map(Step::Succeed),
        2 => (0..8usize).prop_map(Step::Fail),
        2 => (0..8usize).prop_map(Step::Drop),
        1 => Just(Step::DropHandle),
    ]
}

proptest! {
    /// In whatever order: the span ends when nobody holds the batch, and not before.
    #[test]
    fn a_batch_ends_with_its_last_holder(steps in vec(step(), 0..40)) {
        let (spans, meter) = (spans(), meter());
        let by = spans.instrumentation.to_builder();
        let by = by.with_meter_provider(&meter.provider).build();
        let mut handle = Some(batch(&by));
        let mut open: Vec<(Outgoing, bool)> = Vec::new();
        let (mut started, mut sent, mut failed) = (0, 0, 0);
        let has_ended = || spans.ended().iter().any(|span| span.name == "publish orders");
        for step in steps {
            match step {
                Step::Start => {
                    if let Some(batch) = &handle {
                        open.push((batch.outgoing("publish", &ORDERS), false));
                        started += 1;
                    }
                }
                Step::DropHandle => handle = None,
                Step::HandOver(place) if !open.is_empty() => {
                    let place = place % open.len();
                    open[place].0.hand_over();
                    sent += u64::from(!open[place].1);
                    open[place].1 = true;
                }
                Step::Succeed(place) | Step::Fail(place) if !open.is_empty() => {
                    let (outgoing, is_sent) = open.remove(place % open.len());
                    sent += u64::from(!is_sent);
                    if matches!(step, Step::Fail(_)) {
                        failed += 1;
                        outgoing.finish(Outcome::failed("Full", &"no room"));
                    } else {
                        outgoing.finish(Outcome::accepted());
                    }
                }
                Step::Drop(place) if !open.is_empty() => drop(open.remove(place % open.len())),
                _ => {}
            }
            let is_held = handle.is_some() || !open.is_empty();
            prop_assert_eq!(has_ended(), !is_held && sent > 0);
        }
        drop((handle, open));
        let ended = spans.ended();
        let (created, sending): (Vec<_>, Vec<_>) =
            ended.into_iter().partition(|span| span.name == "create orders");
        prop_assert_eq!(created.len(), started);
        prop_assert_eq!(sending.len(), usize::from(sent > 0));
        let counts: u64 = meter.series(SENT).iter().map(|it| it.count).sum();
        prop_assert_eq!(counts, sent);
        if let [sending] = &sending[..] {
            let count = text(sending, "messaging.batch.message_count");
            prop_assert_eq!(count, Some(sent.to_string()));
            prop_assert_eq!(sending.links.len() as u64, sent);
            let status = match failed {
                0 => Status::Unset,
                failed => Status::error(format!("{failed} of {sent} messages failed: no room")),
            };
            prop_assert_eq!(&sending.status, &status);
        }
    }
}
