use super::*;
use futures_util::poll;
use opentelemetry::Context;
use opentelemetry::trace::{
    FutureExt as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use std::pin::pin;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn many(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("not zero")
}

/// A context in the trace of this number.
fn in_trace(number: u128) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(number),
        SpanId::from(1),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    ))
}

fn current_trace() -> TraceId {
    Context::current().span().span_context().trace_id()
}

/// A pool whose jobs wait until they are let go, and what lets go of one.
fn held(workers: usize, waiting: usize) -> (Pool<usize, usize>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let pool = Pool::start(many(workers), many(waiting), move |_, number| {
        let gate = Arc::clone(&held);
        async move {
            gate.acquire().await.expect("open").forget();
            number
        }
    });
    (pool, gate)
}

#[tokio::test]
async fn a_job_waits_while_the_pool_is_full() {
    let (pool, gate) = held(2, 3);
    let mut receipts = Vec::new();
    // Three in the channel; the workers have not run yet.
    for number in 0..3 {
        receipts.push(pool.submit(number).await);
    }
    let (mut fourth, mut fifth) = (pin!(pool.submit(3)), pin!(pool.submit(4)));
    assert!(poll!(&mut fourth).is_pending());
    assert!(poll!(&mut fifth).is_pending());
    // Each worker takes one, and that makes room for two.
    receipts.push(fourth.await);
    receipts.push(fifth.await);
    let mut sixth = pin!(pool.submit(5));
    for _ in 0..100 {
        assert!(poll!(&mut sixth).is_pending());
        yield_now().await;
    }

    gate.add_permits(1);
    receipts.push(sixth.await);
    gate.add_permits(5);
    for (number, receipt) in receipts.into_iter().enumerate() {
        assert_eq!(receipt.result().await, Ok(number));
    }
}

#[tokio::test]
async fn all_that_was_taken_is_done_before_the_end() {
    let (pool, gate) = held(2, 8);
    let mut receipts = Vec::new();
    for number in 0..8 {
        receipts.push(pool.submit(number).await);
    }
    {
        let mut finishing = pin!(pool.finish());
        gate.add_permits(7);
        for _ in 0..100 {
            assert!(poll!(&mut finishing).is_pending());
            yield_now().await;
        }
        gate.add_permits(1);
        finishing.await;
    }
    for (number, receipt) in receipts.into_iter().enumerate() {
        // Done, and not only going to be.
        assert_eq!(receipt.result().now_or_never(), Some(Ok(number)));
    }
}

#[tokio::test]
async fn a_job_is_done_though_nobody_waits_for_it() {
    let (pool, gate) = held(1, 1);
    drop(pool.submit(0).await);
    gate.add_permits(2);
    assert_eq!(pool.submit(1).await.result().await, Ok(1));
    assert_eq!(gate.available_permits(), 0);
}

/// In the future, and in the call that makes it.
#[tokio::test]
async fn a_panic_is_told_and_the_worker_goes_on() {
    let pool = Pool::start(ONE, ONE, |worker, number| {
        assert_ne!(number, 1, "made");
        async move {
            yield_now().await;
            if number == 2 {
                panic!("polled");
            }
            (worker, number)
        }
    });
    for (number, message) in [(1, "made"), (2, "polled")] {
        let before = pool.submit(number).await.result().await;
        let Err(Failure::Panicked(told)) = before else {
            panic!("{before:?}");
        };
        assert!(told.contains(message), "{told}");
        let after = pool.submit(7).await.result().await;
        assert_eq!(after, Ok((1, 7)));
    }
    pool.finish().await;
}

#[test]
fn a_job_is_told_to_be_lost_with_its_runtime() {
    let runtime = runtime::Builder::new_current_thread().build().expect("one");
    let (pool, taken) = runtime.block_on(async {
        let (pool, _gate) = held(1, 1);
        let taken = pool.submit(0).await;
        (pool, taken)
    });
    drop(runtime);
    let lost = Some(Err(Failure::Lost));
    assert_eq!(taken.result().now_or_never(), lost);
    let late = pool.submit(1).now_or_never().expect("it does not wait");
    assert_eq!(late.result().now_or_never(), lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contexts_of_many_traces_are_never_mixed() {
    let pool = Pool::start(many(3), many(2), |_, number: u128| async move {
        for _ in 0..4 {
            assert_eq!(current_trace(), TraceId::from(number));
            yield_now().await;
        }
        number
    });
    let handlers = (1..=50).map(|number| {
        let pool = &pool;
        let jobs = async move {
            let mut receipts = Vec::new();
            for _ in 0..4 {
                receipts.push(pool.submit(number).await);
            }
            for receipt in receipts {
                assert_eq!(receipt.result().await, Ok(number));
            }
        };
        jobs.with_context(in_trace(number))
    });
    futures_util::future::join_all(handlers).await;
    pool.finish().await;
}

#[tokio::test]
async fn the_context_is_that_of_the_call() {
    let pool = Pool::start(ONE, ONE, |_, ()| async { current_trace() });
    let submitting = {
        let _attached = in_trace(7).attach();
        pool.submit(())
    };
    let receipt = submitting.with_context(in_trace(8)).await;
    assert_eq!(receipt.result().await, Ok(TraceId::from(7)));
}

#[test]
fn what_is_current_around_a_worker_stays_outside() {
    // On one thread: current around every poll of every task.
    let _attached = in_trace(9).attach();
    let runtime = runtime::Builder::new_current_thread().build().expect("one");
    runtime.block_on(async {
        let pool = Pool::start(ONE, ONE, |_, ()| async {
            let before = current_trace();
            yield_now().await;
            (before, current_trace())
        });
        for context in [in_trace(7), Context::new()] {
            let trace = context.span().span_context().trace_id();
            let submitting = {
                let _attached = context.attach();
                pool.submit(())
            };
            let result = submitting.await.result().await;
            assert_eq!(result, Ok((trace, trace)));
        }
        // It was there all the time.
        let bare = tokio::spawn(async { current_trace() }).await;
        assert_eq!(bare.expect("it ran"), TraceId::from(9));
    });
}
