//! The attributes of tests, each for [`apply`](crate::apply).

/// An asynchronous test with two worker threads: `#[apply(two_worker_test)]`.
///
/// A task that the test spawns then runs on another thread than the test does, and may go on on a
/// third one. A context that only stays on its thread is lost there, and one that is left behind
/// on a thread shows in another task. The number does not depend on the machine, so that each
/// machine tries the same.
#[macro_export]
macro_rules! two_worker_test {
    ($($test:tt)*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($test)*
    };
}

/// A [`two_worker_test!`] that needs brokers: `#[apply(broker_test)]`.
///
/// Cargo shows it as ignored unless the feature `brokers` of the test's own package is on.
#[macro_export]
macro_rules! broker_test {
    ($($test:tt)*) => {
        #[$crate::apply($crate::two_worker_test)]
        #[cfg_attr(not(feature = "brokers"), ignore = "needs brokers: integration-tests/run")]
        $($test)*
    };
}
