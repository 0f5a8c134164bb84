//! The contexts of a batch's messages never mix, in whatever order their handlers run, stop, panic and are
//! dropped: compared with a model that knows the steps alone.

use crate::message::{NOWHERE, spans};
use crate::order::{Order, assert_current, bare, current, order, sender};
use opentelemetry::trace::{SpanId, TraceContextExt};
use otel_messaging::Instrumentation;
use otel_messaging::consumer::BatchMessage;
use proptest::collection::vec;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::task::yield_now;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Wait,
    Publish,
    Panic,
}

/// What a handler of a message does, and whether the message has a context.
#[derive(Debug, Clone)]
struct Script {
    has_context: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Poll(usize),
    Drop(usize),
    /// The batch's span ends.
    End,
}

fn scripts() -> impl Strategy<Value = Vec<Script>> {
    let step = prop_oneof![4 => Just(Step::Wait), 4 => Just(Step::Publish), 1 => Just(Step::Panic)];
    let script = (any::<bool>(), vec(step, 0..6));
    let script = script.prop_map(|(has_context, steps)| Script { has_context, steps });
    vec(script, 1..6)
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        12 => (0..6usize).prop_map(Turn::Poll),
        2 => (0..6usize).prop_map(Turn::Drop),
        1 => Just(Turn::End),
    ];
    vec(turn, 0..40)
}

/// What a message's handler has still to do: `None` when it is gone.
struct Model {
    steps: Option<Vec<Step>>,
    published: usize,
    is_failed: bool,
}

impl Model {
    /// One poll. Whether it panics, and whether it is done.
    fn poll(&mut self) -> Option<Result<bool, ()>> {
        let steps = self.steps.as_mut()?;
        while !steps.is_empty() {
            match steps.remove(0) {
                Step::Wait => return Some(Ok(false)),
                Step::Publish => self.published += 1,
                Step::Panic => {
                    self.steps = None;
                    self.is_failed = true;
                    return Some(Err(()));
                }
            }
        }
        self.steps = None;
        Some(Ok(true))
    }
}

struct AtDrop<'a>(&'a dyn Fn());

impl Drop for AtDrop<'_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

async fn handle(by: &Instrumentation, script: &Script, is_here: &dyn Fn()) {
    let _witness = AtDrop(is_here);
    for step in &script.steps {
        is_here();
        match step {
            Step::Wait => yield_now().await,
            Step::Publish => drop(by.outgoing("publish", &NOWHERE)),
            // Without the panic hook, which would print it.
            Step::Panic => resume_unwind(Box::new("as the script says")),
        }
        is_here();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn contexts_never_mix(scripts in scripts(), turns in turns()) {
        let spans = spans();
        let by = &spans.instrumentation;
        let messages: Vec<Order> = (1..).zip(&scripts).map(|(number, script)| {
            if script.has_context { order(number) } else { bare(number) }
        }).collect();
        let (span, batch) = by.process_batch(&messages);
        let of_batch = span.context().span().span_context().clone();
        let is_here: Vec<Box<dyn Fn()>> = (1..).zip(&scripts).map(|(number, script)| {
            let (has_context, of_batch) = (script.has_context, of_batch.clone());
            Box::new(move || if has_context {
                assert_current(number);
            } else {
                assert_eq!(current(), of_batch);
            }) as Box<dyn Fn()>
        }).collect();
        let each = batch.into_iter().zip(scripts.iter().zip(&is_here));
        let mut running: Vec<Option<Pin<Box<dyn Future<Output = ()>>>>> = each
            .map(|(message, (script, is_here))| {
                let message: BatchMessage<&Order> = message;
                let work = message.run(|_| handle(by, script, &**is_here));
                let work: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(work);
                Some(work)
            })
            .collect();
        let mut model: Vec<Model> = scripts
            .iter()
            .map(|script| Model { steps: Some(script.steps.clone()), published: 0, is_failed: false })
            .collect();

        let mut cx = Context::from_waker(Waker::noop());
        let mut failed_at_end = None;
        let mut span = Some(span.enter());
        for turn in turns {
            let outside = current();
            match turn {
                Turn::Poll(at) if at < running.len() => {
                    let polled = running[at].as_mut().map(|work| {
                        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut cx)))
                    });
                    let polled = polled.map(|it| it.map(|it| it == Poll::Ready(())).map_err(drop));
                    prop_assert_eq!(polled, model[at].poll());
                    if polled != Some(Ok(false)) {
                        running[at] = None;
                    }
                }
                Turn::Drop(at) if at < running.len() => {
                    running[at] = None;
                    model[at].steps = None;
                }
                Turn::End => {
                    let entered = span.take();
                    if entered.is_some() {
                        drop(entered);
                        failed_at_end = Some(model.iter().filter(|it| it.is_failed).count());
                        continue;
                    }
                }
                _ => {}
            }
            prop_assert_eq!(current(), outside);
        }
        drop((running, span));

        let ended = spans.ended();
        for ((number, script), model) in (1..).zip(&scripts).zip(&model).filter(|((_, it), _)| it.has_context) {
            let published = ended.iter().filter(|span| span.parent_span_id == sender(number));
            prop_assert_eq!(published.count(), model.published, "{} {:?}", number, script);
        }
        let of_messages = |it: &&opentelemetry_sdk::trace::SpanData| it.name == "publish";
        let published = ended.iter().filter(of_messages).count();
        prop_assert_eq!(published, model.iter().map(|it| it.published).sum::<usize>());
        let span = ended.iter().find(|span| span.name == "process orders").expect("a span");
        prop_assert_eq!(span.parent_span_id, SpanId::INVALID);
        let failed = failed_at_end.unwrap_or_else(|| model.iter().filter(|it| it.is_failed).count());
        let said = crate::order::value_in(&span.attributes, "otel_messaging.batch.failed_messages");
        prop_assert_eq!(said, (failed > 0).then(|| failed.to_string()));
    }
}
