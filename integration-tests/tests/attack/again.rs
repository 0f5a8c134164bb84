//! What telemetry does that comes back to messaging.

use futures_util::FutureExt;
use integration_tests::client::in_time;
use integration_tests::nats::message_from;
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, unconstrained};

type Publish = Box<dyn Fn() -> Result<Option<JoinHandle<()>>, String> + Send + Sync>;

thread_local! {
    /// How often it has come back out of itself.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// The library does not ask twice at all.
const TOO_DEEP: u32 = 4;

/// Publishes once more on the producer of a round, and handles a message.
#[derive(Default)]
pub(crate) struct Again {
    by: Mutex<Option<(Instrumentation, Arc<Publish>)>>,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    count: u32,
    /// What is still on its way.
    tasks: Vec<JoinHandle<()>>,
    faults: Vec<String>,
}

impl Again {
    /// `publish` sends a message somewhere else, by the producer of the round.
    pub(crate) fn set(
        &self,
        by: &Instrumentation,
        publish: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.put(by, Box::new(move || publish().map(|()| None)));
    }

    /// The same for a client whose answer has to be awaited. Its first piece, in which spans start,
    /// runs at once.
    pub(crate) fn set_async<F>(
        &self,
        by: &Instrumentation,
        publish: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let runtime = Handle::current();
        self.put(
            by,
            Box::new(move || {
                // Unconstrained: it takes nothing off the budget of the task that it is called in.
                let mut sent = Box::pin(unconstrained(publish()));
                match (&mut sent).now_or_never() {
                    Some(sent) => sent.map(|()| None),
                    None => Ok(Some(runtime.spawn(async { sent.await.expect("sent") }))),
                }
            }),
        );
    }

    fn put(&self, by: &Instrumentation, publish: Publish) {
        let mut to = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        *to = Some((by.clone(), Arc::new(publish)));
    }

    /// Called by telemetry: nothing may panic here, since that would be one more hostile panic.
    pub(crate) fn come_back(&self) {
        let by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        let cloned = by.clone();
        // It may come back here.
        drop(by);
        let Some((by, publish)) = cloned else {
            return;
        };
        let depth = DEPTH.replace(DEPTH.get() + 1);
        if depth < TOO_DEEP {
            self.come_back_to(&by, &publish);
        } else {
            self.done().faults.push("without end".to_owned());
        }
        DEPTH.set(depth);
    }

    fn come_back_to(&self, by: &Instrumentation, publish: &Publish) {
        let message = message_from("again", &[("order", "7")]);
        let handled = by.with_message_context(&message, async |_| 7);
        let handled = handled.now_or_never();
        by.inject(&Context::current(), &mut BTreeMap::new());
        let sent = publish();

        let mut done = self.done();
        done.count += 1;
        match sent {
            Ok(task) => done.tasks.extend(task),
            Err(error) => done.faults.push(error),
        }
        if handled != Some(7) {
            done.faults.push(format!("handled: {handled:?}"));
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all of it has come to its end, and lets go of the producer. How often it came.
    pub(crate) async fn ended(&self) -> u32 {
        let by = self
            .by
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Without the lock: the end of a producer may fail what is still under way, and come back here.
        drop(by);
        let Done {
            count,
            tasks,
            faults,
        } = std::mem::take(&mut *self.done());
        assert_eq!(faults, [""; 0]);
        for task in tasks {
            in_time("what was sent again", task).await.expect("sent");
        }
        count
    }
}
