//! The records that a handler writes name the message's trace and its span, in every way of handling and in
//! every setup.

use crate::message::{TRACEPARENT, message};
use crate::mode::{Log, Mode, modes};
use crate::settled::delivery;
use futures_util::FutureExt;
use opentelemetry::trace::SpanContext;
use otel_messaging::{
    Instrumentation, Job, closure_in_context, future_in_context, with_message_context,
};
use std::thread;
use tracing::{Instrument, instrument};

/// A handler that writes records.
type Way = fn(&Instrumentation, &Log);

/// Waits once, so that the context has to become current again.
async fn write(log: &Log) {
    log.write();
    tokio::task::yield_now().await;
    log.write();
}

/// Runs a future that waits for nothing but its next turn.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    loop {
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
    }
}

/// In all of these the message's span is current, or the sender's if there is none.
const WAYS: [(&str, Way); 11] = [
    ("with_message_context", |by, log| {
        run(by.with_message_context(&message(), async |_| write(log).await));
    }),
    ("try_with_message_context", |by, log| {
        let work = async |_: &_| {
            write(log).await;
            Err::<(), _>("no such article")
        };
        let _: Result<(), &str> = run(by.try_with_message_context(&message(), work));
    }),
    ("try_with_message_context_with", |by, log| {
        let work = async |_: &_| Err::<(), _>("no such article");
        let failure_of = |_: &&str| {
            log.write();
            None
        };
        let message = message();
        let handling = by.try_with_message_context_with(&message, work, failure_of);
        let _: Result<(), &str> = run(handling);
    }),
    ("process().run", |by, log| {
        run(by.process(&message()).run(write(log)));
    }),
    ("process().enter", |by, log| {
        let entered = by.process(&message()).enter();
        log.write();
        drop(entered);
    }),
    ("on_error", |by, log| {
        let failing = async |_: &_| Err::<(), _>("no such article");
        let message = message();
        let handling = by.try_with_message_context(&message, failing);
        let handled = run(handling.on_error(async |_| {
            write(log).await;
            Ok::<_, ()>(())
        }));
        assert_eq!(handled, Ok(()));
    }),
    ("with_settlement", |by, log| {
        let delivery = delivery();
        let handled = run(by.with_settlement(&delivery, async |_| {
            write(log).await;
            Ok::<_, String>(())
        }));
        assert_eq!(handled, Ok(Ok(())));
    }),
    ("future_in_context", |by, log| {
        let message = message();
        let mut handed_over = None;
        run(by.with_message_context(&message, async |_| {
            handed_over = Some(future_in_context(write(log)));
        }));
        run(handed_over.expect("the handler ran"));
    }),
    ("closure_in_context", |by, log| {
        let message = message();
        let handling = by.with_message_context(&message, async |_| {
            let log = log.clone();
            closure_in_context(move || log.subscribed(|| log.write()))
        });
        let work = run(handling);
        thread::spawn(work).join().expect("no panic");
    }),
    ("Job::run", |by, log| {
        let message = message();
        let job = run(by.with_message_context(&message, async |_| Job::new(log.clone())));
        run(job.run(async |log| write(&log).await));
    }),
    ("a destructor", |by, log| {
        struct Last<'a>(&'a Log);
        impl Drop for Last<'_> {
            fn drop(&mut self) {
                self.0.write();
            }
        }
        let last = Last(log);
        let waiting = async |_: &_| {
            let _last = last;
            std::future::pending::<()>().await;
        };
        let message = message();
        let mut handling = Box::pin(by.with_message_context(&message, waiting));
        assert!(handling.as_mut().now_or_never().is_none());
    }),
];

fn ids(span: &SpanContext) -> String {
    format!("{:032x}-{:016x}", span.trace_id(), span.span_id())
}

/// The sender's span, by its ids.
fn sender() -> &'static str {
    &TRACEPARENT[3..52]
}

#[test]
fn records_name_the_messages_span() {
    for mode in modes() {
        for (way, work) in WAYS {
            let program = mode.begin();
            work(&program.by, &program.log);
            let written = program.written();
            assert!(!written.is_empty(), "{way} {mode:?}");
            let expected = of_message(mode, &program.spans(), &written[0].0);
            for (current, named) in written {
                assert_eq!(ids(&named), expected, "{way} {mode:?}");
                assert_eq!(ids(&current), expected, "{way} {mode:?}");
                let is_sampled = mode.is_sampled || !mode.has_spans();
                assert_eq!(named.is_sampled(), is_sampled, "{way} {mode:?}");
            }
        }
    }
}

/// The ids of the message's span: what was exported, if it was sampled.
fn of_message(
    mode: Mode,
    ended: &[opentelemetry_sdk::trace::SpanData],
    current: &SpanContext,
) -> String {
    if !mode.has_spans() {
        return sender().to_owned();
    }
    if !mode.is_sampled {
        let ids = ids(current);
        assert_eq!(ids[..32], sender()[..32], "the same trace");
        assert_ne!(ids, sender(), "another span");
        return ids;
    }
    let processed = ended.iter().find(|span| span.name == "process orders");
    ids(&processed.expect("the message's span").span_context)
}

/// A message of a batch has the context of its sender, and the batch has the span.
#[test]
fn records_name_the_sender_of_a_message_of_a_batch() {
    for mode in modes() {
        let program = mode.begin();
        let messages = [message(), message()];
        run(program.by.with_batch_context(&messages, async |batch| {
            for message in batch {
                message.run(async |_| write(&program.log).await).await;
            }
            if mode.has_spans() {
                program.log.write();
            }
        }));
        let mut written = program.written();
        if mode.has_spans() {
            let (current, named) = written.pop().expect("of the batch");
            assert_eq!(ids(&named), ids(&current), "{mode:?}");
            assert_ne!(ids(&named)[..32], sender()[..32], "{mode:?}");
        }
        assert_eq!(written.len(), 4, "{mode:?}");
        for (_, named) in written {
            assert_eq!(ids(&named), sender(), "{mode:?}");
        }
    }
}

/// If the layer activates contexts. Otherwise OpenTelemetry does not know the handler's spans, and the
/// records name the message's span, which is in the same trace.
#[test]
fn records_name_the_handlers_own_span() {
    #[instrument(skip_all)]
    async fn child(log: &Log) {
        write(log).await;
    }

    for mode in modes() {
        let program = mode.begin();
        run(program.by.with_message_context(&message(), async |_| {
            program.log.write();
            child(&program.log).await;
            let span = tracing::info_span!("inner");
            async { write(&program.log).await }.instrument(span).await;
        }));
        let written = program.written();
        let outer = ids(&written[0].1);
        for (current, named) in &written[1..] {
            assert_eq!(ids(named)[..32], sender()[..32], "{mode:?}");
            if mode.has_children() {
                assert_eq!(ids(named), ids(current), "{mode:?}");
            }
            assert_eq!(ids(named) == outer, !mode.has_children(), "{mode:?}");
        }
        if mode.is_sampled && mode.has_children() {
            for (name, place) in [("child", 1), ("inner", 3)] {
                let spans = program.spans();
                let span = spans.iter().find(|span| span.name == name).expect(name);
                assert_eq!(ids(&written[place].1), ids(&span.span_context), "{mode:?}");
            }
        }
    }
}

/// A span around the consumer's loop does not get the records of a message.
#[test]
fn records_are_not_of_the_span_around_the_loop() {
    for mode in modes() {
        let program = mode.begin();
        let message = message();
        let around = tracing::info_span!("loop").entered();
        run(program
            .by
            .with_message_context(&message, async |_| write(&program.log).await));
        drop(around);
        for (_, named) in program.written() {
            assert_eq!(ids(&named)[..32], sender()[..32], "{mode:?}");
        }
    }
}

/// The free functions too, without any setup.
#[test]
fn the_free_functions_do_the_same() {
    for mode in modes().filter(|mode| !matches!(mode.setup, crate::mode::Setup::Provider)) {
        let program = mode.begin();
        run(with_message_context(&message(), async |_| {
            write(&program.log).await;
        }));
        for (_, named) in program.written() {
            assert_eq!(ids(&named)[..32], sender()[..32], "{mode:?}");
        }
    }
}
