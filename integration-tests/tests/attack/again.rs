//! What telemetry does that comes back to messaging.

use futures_util::FutureExt;
use integration_tests::client::in_time;
use integration_tests::nats::message_from;
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, unconstrained};

type Publish = Box<dyn Fn() -> Result<Option<JoinHandle<()>>, String> + Send + Sync>;

/// Publishes once more on the producer of a round, and handles a message.
#[derive(Default)]
pub(crate) struct Again {
    by: Mutex<Option<(Instrumentation, std::sync::Arc<Publish>)>>,
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
        *to = Some((by.clone(), std::sync::Arc::new(publish)));
    }

    /// Called by telemetry: nothing may panic here, since that would be one more hostile panic.
    pub(crate) fn come_back(&self) {
        let by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((by, publish)) = by.clone() else {
            return;
        };
        let message = message_from("again", &[("order", "7")]);
        let handled = by.with_message_context(&message, async |_| 7);
        let handled = handled.now_or_never();
        by.inject(&Context::current(), &mut BTreeMap::new());
        let sent = publish();

        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.count += 1;
        match sent {
            Ok(task) => done.tasks.extend(task),
            Err(error) => done.faults.push(error),
        }
        if handled != Some(7) {
            done.faults.push(format!("handled: {handled:?}"));
        }
    }

    /// Waits until all of it has come to its end, and lets go of the producer. How often it came.
    pub(crate) async fn ended(&self) -> u32 {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let Done {
            count,
            tasks,
            faults,
        } = std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner));
        assert_eq!(faults, [""; 0]);
        for task in tasks {
            in_time("what was sent again", task).await.expect("sent");
        }
        count
    }
}
