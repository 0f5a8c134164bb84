//! A future, polled by hand.

use crate::counted::counted;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// After so long, an answer will not come any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// Until a client's thread has done what it does now.
const QUIET: Duration = Duration::from_millis(5);

/// Waits until the threads of a client have nothing to do any more. No client says when that is.
pub(super) fn wait_until_quiet() {
    thread::sleep(QUIET);
}

/// Polls futures on this thread, each only after it was woken, so that every run polls as often.
pub struct Polling {
    woken: Arc<Woken>,
    waker: Waker,
}

struct Woken {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Default for Polling {
    fn default() -> Self {
        let woken = Arc::new(Woken {
            thread: thread::current(),
            woken: AtomicBool::new(false),
        });
        Self {
            waker: Waker::from(Arc::clone(&woken)),
            woken,
        }
    }
}

impl Polling {
    /// Polls the future to its end; `pending` is called before it is waited for. The polls are
    /// counted, so what is to be counted has to be inside the future.
    pub fn count<F: Future>(&self, future: F, pending: impl Fn()) -> F::Output {
        self.drive(future, pending, |future, cx| {
            counted((future, cx), |(future, cx)| future.poll(cx))
        })
    }

    /// The same, not counted.
    pub fn run<F: Future>(&self, future: F, pending: impl Fn()) -> F::Output {
        self.drive(future, pending, |future, cx| future.poll(cx))
    }

    #[inline]
    fn drive<F: Future>(
        &self,
        future: F,
        pending: impl Fn(),
        poll: impl Fn(Pin<&mut F>, &mut Context<'_>) -> Poll<F::Output>,
    ) -> F::Output {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(output) = poll(future.as_mut(), &mut cx) {
                return output;
            }
            pending();
            self.wait();
            // The thread that wakes this one holds some locks meanwhile. Whether the next poll has to spin for
            // them would be a matter of luck.
            wait_until_quiet();
        }
    }

    fn wait(&self) {
        let begin = Instant::now();
        while !self.woken.woken.swap(false, Ordering::Acquire) {
            assert!(begin.elapsed() < PATIENCE, "no answer came");
            thread::park_timeout(PATIENCE);
        }
    }
}
