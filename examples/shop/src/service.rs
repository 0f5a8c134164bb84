//! What each service is given, and how it ends.

use crate::arguments::Brokers;
use backon::ExponentialBuilder;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a service may take to end what it has in hand. Without a limit, the service would wait for ever for a
/// broker that is away.
const IN_HAND: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
/// How long its clients may then take to close.
const CLOSING: Duration = IN_HAND;

/// What each service is given.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) brokers: Brokers,
    /// Cancelled when the service is to end: it then takes nothing new, and ends what it has in hand.
    pub(crate) stop: CancellationToken,
}

/// Cancelled at SIGTERM, at SIGHUP and at Ctrl-C.
pub(crate) fn stopping() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

/// Cancels it too when the standard input ends, as it does with the program that holds its other end.
pub(crate) fn stop_with_input(stop: CancellationToken) {
    // A thread, and no task: the end of the program does not wait for it.
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while io::stdin().read(&mut bytes).is_ok_and(|read| read > 0) {}
        stop.cancel();
    });
}

/// Runs a service. When it is to end, what it has in hand has some time. What is not done by then goes back to
/// its broker.
pub(crate) async fn until_stopped(
    stop: CancellationToken,
    work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> anyhow::Result<()> {
    // A task, because clients may hold their thread while they close: librdkafka waits for a broker that is away.
    let mut work = tokio::spawn(work);
    let too_late = async {
        stop.cancelled().await;
        sleep(IN_HAND).await;
    };
    tokio::select! {
        ended = &mut work => return ended?,
        () = too_late => {}
    }
    tracing::warn!("not all is done in {IN_HAND:?}: what is left goes back to its broker");
    work.abort();
    if timeout(CLOSING, work).await.is_err() {
        tracing::warn!("a client is not closed in {CLOSING:?}: it ends with the program");
    }
    Ok(())
}

/// The waits between tries: each longer than the one before, up to some seconds, and without end. A service that
/// is to end does not wait any longer.
pub(crate) fn until_it_works() -> ExponentialBuilder {
    let waits = ExponentialBuilder::default().with_jitter();
    waits
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
}

impl Service {
    /// Says that the service takes work. Whoever has started it reads this, whatever is logged.
    pub(crate) fn ready(&self) {
        eprintln!("{}", ready_line(self.name));
    }

    /// Says it, and where the service listens.
    pub(crate) fn ready_at(&self, address: SocketAddr) {
        eprintln!("{} at {address}", ready_line(self.name));
    }
}

/// How a line begins that says that a service takes work.
fn ready_line(name: &str) -> String {
    format!("shop {name}: ready")
}

/// Where the service listens, if this line says that it takes work. It is empty for a service that listens
/// nowhere.
pub(crate) fn listens_at<'a>(name: &str, line: &'a str) -> Option<&'a str> {
    let at = line.strip_prefix(&ready_line(name))?;
    Some(at.trim_start_matches(" at "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::sync::mpsc::{Receiver, channel};

    /// A client that closes when it is told to, and holds its thread until then.
    struct Client(Receiver<()>);

    impl Drop for Client {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_ends_although_a_client_does_not_close() {
        let (close, closing) = channel();
        let stop = CancellationToken::new();
        let (client, stopped) = (Client(closing), stop.clone());
        stop.cancel();
        let ended = until_stopped(stop, async move {
            stopped.cancelled().await;
            drop(client);
            Ok(())
        });
        ended.await.expect("no error");
        drop(close);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_that_fails_says_why() {
        let failing = async { bail!("no broker") };
        let ended = until_stopped(CancellationToken::new(), failing).await;
        assert_eq!(ended.expect_err("it failed").to_string(), "no broker");
    }
}
