//! What a scenario needs of a client.

use otel_messaging::{Instrumentation, Received};
use std::env;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};

/// How long a broker may take for anything before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Headers as text, in the order of the message where the protocol has one.
pub type HeaderList = Vec<(String, String)>;

/// A client with a destination of its own, and a consumer of it.
#[expect(async_fn_in_trait, reason = "for the tests of this package only")]
pub trait Client: Sized {
    /// The marker of the adapter.
    type Marker;
    /// A message as it comes from the client, fit to be moved to a task.
    type Message: Received<Self::Marker> + Send + Sync + 'static;

    /// `messaging.operation.name` of a publish.
    const OPERATION: &'static str;
    /// `error.type` of [`send_in_vain`](Self::send_in_vain).
    const FAILURE: &'static str;

    /// Connects, and makes a destination that no other test uses.
    async fn connect() -> Self;

    /// The destination as it stands in the names of spans.
    fn destination(&self) -> String;

    /// Sends through the adapter and waits for the broker's answer; by the global instrumentation
    /// if none is given.
    async fn send(
        &self,
        by: Option<&Instrumentation>,
        headers: &[(&str, &str)],
    ) -> Result<(), String>;

    /// Sends without the adapter.
    async fn send_plain(&self, headers: &[(&str, &str)]);

    /// Sends what the broker or the client has to refuse.
    async fn send_in_vain(&self, by: Option<&Instrumentation>) -> Result<(), String>;

    /// Sends a received message on, with the headers that it came with.
    async fn send_on(
        &self,
        by: Option<&Instrumentation>,
        message: &Self::Message,
    ) -> Result<(), String>;

    /// The next message.
    async fn receive(&mut self) -> Self::Message;

    /// The message's headers as the plain client shows them.
    fn headers(message: &Self::Message) -> HeaderList;
}

/// The address of a broker.
///
/// # Panics
///
/// When the variable is not set: a test that was told to use a broker fails without it.
pub fn address(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: run integration-tests/run, or \
             integration-tests/brokers up and eval \"$(integration-tests/brokers env)\""
        )
    })
}

/// A name that no other test uses, in this run or another.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!(
        "{name}-{:x}-{}-{count}",
        since.as_nanos(),
        std::process::id()
    )
}

/// Waits for a broker, and fails when that takes too long.
///
/// # Panics
///
/// After [`PATIENCE`].
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing within {PATIENCE:?}"),
    }
}

/// Drops the future after so many polls, each when it was woken; `false` if it was done before.
pub async fn dropped_after(polls: usize, future: impl Future) -> bool {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(true);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(false),
            // The next drop needs no wake-up.
            Poll::Pending if left == 0 => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
