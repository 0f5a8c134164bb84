//! Collecting a batch from a stream.

use futures_util::stream::{self, Stream};
use futures_util::{FutureExt, StreamExt};
use otel_messaging::consumer::{Collected, collect};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::sync::{mpsc, oneshot};

type Item = Result<u32, &'static str>;

fn numbers(range: std::ops::Range<u32>) -> impl Stream<Item = Item> + Unpin {
    stream::iter(range.map(Ok))
}

#[test]
fn it_takes_so_many_and_leaves_the_others() {
    let (mut batch, mut stream) = (Vec::new(), numbers(0..7));
    for (expected, collected) in [
        (0..3, Collected::Full),
        (3..6, Collected::Full),
        (6..7, Collected::End),
    ] {
        let done = collect(&mut batch, &mut stream, 3, pending::<()>()).now_or_never();
        assert_eq!(done, Some(Ok(collected)));
        assert_eq!(batch, expected.collect::<Vec<_>>());
        batch.clear();
    }
}

#[test]
fn an_error_comes_after_what_was_collected() {
    let items: Vec<Item> = vec![Ok(1), Ok(2), Err("no broker"), Ok(3)];
    let (mut batch, mut stream) = (Vec::new(), stream::iter(items));
    let done = collect(&mut batch, &mut stream, 9, pending::<()>()).now_or_never();
    assert_eq!(done, Some(Err("no broker")));
    assert_eq!(batch, [1, 2]);
    // The stream goes on.
    let done = collect(&mut batch, &mut stream, 9, pending::<()>()).now_or_never();
    assert_eq!(done, Some(Ok(Collected::End)));
    assert_eq!(batch, [1, 2, 3]);
}

/// A time that is over takes what is there already.
#[test]
fn the_time_ends_it_with_what_is_there() {
    let mut stream = numbers(0..2).chain(stream::pending());
    let mut batch = Vec::new();
    for _ in 0..2 {
        let done = collect(&mut batch, &mut stream, 9, ready(())).now_or_never();
        assert_eq!(done, Some(Ok(Collected::Late)));
        assert_eq!(batch, [0, 1]);
    }
}

#[test]
fn a_batch_that_is_full_takes_nothing() {
    let (mut batch, mut stream) = (vec![7, 8], numbers(0..2));
    for most in [0, 1, 2] {
        let done = collect(&mut batch, &mut stream, most, ready(())).now_or_never();
        assert_eq!(done, Some(Ok(Collected::Full)));
    }
    assert_eq!(batch, [7, 8]);
}

/// Each of the two ends it: what comes meanwhile is taken, until the time is over.
#[tokio::test]
async fn it_waits_for_messages_and_for_the_time() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (over, time) = oneshot::channel();
    let mut stream = Box::pin(stream::unfold(receiver, async |mut receiver| {
        let next: Option<u32> = receiver.recv().await;
        next.map(|next| (Ok::<_, Infallible>(next), receiver))
    }));
    let mut batch = Vec::new();
    let mut collecting = Box::pin(collect(&mut batch, &mut stream, 9, time));
    for number in 0..2 {
        assert_eq!(collecting.as_mut().now_or_never(), None);
        sender.send(number).expect("it receives");
    }
    assert_eq!(collecting.as_mut().now_or_never(), None);
    over.send(()).expect("it waits");
    assert_eq!(collecting.await, Ok(Collected::Late));
    assert_eq!(batch, [0, 1]);
}

/// A stream that is pending now and then.
struct Slow(VecDeque<Option<u32>>);

impl Stream for Slow {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.0.pop_front() {
            Some(Some(number)) => Poll::Ready(Some(Ok(number))),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

proptest! {
    /// Whenever the call is dropped, every message is in a batch, once and in order.
    #[test]
    fn a_dropped_call_loses_nothing(
        gaps in vec(0..3usize, 0..20),
        calls in vec((1..5usize, 0..4usize), 1..40),
    ) {
        let mut items = VecDeque::new();
        for (number, gaps) in (0..).zip(&gaps) {
            items.extend(std::iter::repeat_n(None, *gaps));
            items.push_back(Some(number));
        }
        let (mut stream, mut batch, mut seen) = (Slow(items), Vec::new(), Vec::new());
        let mut cx = Context::from_waker(Waker::noop());
        for (most, polls) in calls {
            let mut call = Box::pin(collect(&mut batch, &mut stream, most, pending::<()>()));
            let done = (0..polls).find_map(|_| match call.as_mut().poll(&mut cx) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            });
            drop(call);
            match done {
                Some(Ok(Collected::Full)) => {
                    prop_assert!(batch.len() >= most);
                    seen.append(&mut batch);
                }
                Some(Ok(Collected::End)) => prop_assert!(stream.0.is_empty()),
                Some(other) => prop_assert!(false, "{:?}", other),
                None => prop_assert!(polls == 0 || batch.len() < most),
            }
        }
        seen.append(&mut batch);
        let rest = stream.0.iter().flatten().copied();
        seen.extend(rest);
        prop_assert_eq!(seen, (0..).take(gaps.len()).collect::<Vec<u32>>());
    }
}
