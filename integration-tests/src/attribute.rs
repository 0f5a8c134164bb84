//! The attributes of tests, each for [`apply`](crate::apply).

/// An asynchronous test with two worker threads: `#[apply(two_worker_test)]`.
///
/// Tokio runs the tasks that a test spawns on these workers, and may move a task from one to the
/// other at each `.await`. A context that stays behind on its thread fails the test: its own task
/// loses it, or the next task on that thread sees it. With one worker, no task would ever move.
/// The number is fixed so that the tests run alike on every machine.
#[macro_export]
macro_rules! two_worker_test {
    ($($test:tt)*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($test)*
    };
}

/// A [`two_worker_test!`] that needs brokers: `#[apply(broker_test)]`.
///
/// Cargo shows it as ignored unless the package of the test has its feature `brokers` on.
#[macro_export]
macro_rules! broker_test {
    ($($test:tt)*) => {
        #[$crate::apply($crate::two_worker_test)]
        #[cfg_attr(not(feature = "brokers"), ignore = "needs brokers: integration-tests/run")]
        $($test)*
    };
}
