//! Spans counted instead of kept: whether each that starts also ends.

use crate::client::{Client, PATIENCE, in_time};
use crate::scenarios::fields;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::Instrumentation;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many spans have started, and how many of them have ended.
#[derive(Debug, Clone, Default)]
pub struct SpanCounts {
    started: Arc<AtomicU64>,
    ended: Arc<AtomicU64>,
}

impl SpanCounts {
    /// Sends and handles messages with spans that are counted here.
    pub fn instrumentation(&self) -> Instrumentation {
        let provider = SdkTracerProvider::builder()
            .with_span_processor(self.clone())
            .build();
        Instrumentation::builder()
            .with_tracer_provider(&provider)
            .build()
    }

    /// The spans that have started.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    /// The spans that have ended.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Waits until every span that has started has ended.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`], or when more spans end than have started.
    pub async fn all_ended(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            // In this order: a span that starts in between does not look like one too many.
            let (ended, started) = (self.ended(), self.started());
            assert!(ended <= started, "{ended} of {started} spans have ended");
            if ended == started {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "only {ended} of {started} spans have ended"
            );
            ticks.tick().await;
        }
    }
}

impl SpanProcessor for SpanCounts {
    fn on_start(&self, _: &mut Span, _: &Context) {
        self.started.fetch_add(1, Ordering::SeqCst);
    }

    fn on_end(&self, _: SpanData) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

const MESSAGES: usize = 10_000;
const AT_ONCE: usize = 100;

/// Ten thousand messages, a tenth of them cancelled after the first poll of their future: every
/// span ends, and what arrives carries the context of its own send.
pub async fn ten_thousand_messages_leak_nothing<C: Client>() {
    let mut client = C::connect().await;
    let counts = SpanCounts::default();
    let by = counts.instrumentation();
    for wave in 0..MESSAGES / AT_ONCE {
        let numbers: Vec<_> = (0..AT_ONCE)
            .map(|n| (wave * AT_ONCE + n).to_string())
            .collect();
        let (cancelled, awaited) = numbers.split_at(AT_ONCE / 10);
        for number in cancelled {
            let _: Option<_> = client.send(Some(&by), &[("n", number)]).now_or_never();
        }
        let sends = awaited.iter().map(async |number| {
            let sent = client.send(Some(&by), &[("n", number)]).await;
            sent.expect("the broker takes the message");
        });
        in_time("a hundred sends", join_all(sends)).await;

        let mut missing: HashSet<_> = awaited.iter().cloned().collect();
        while !missing.is_empty() {
            let message = client.receive().await;
            let number = fields::<C>(&message, "n").remove(0);
            missing.remove(&number);
            let carried = by.with_message_context(&message, |_| async {
                Context::current().span().span_context().clone()
            });
            let handled = carried.await;
            let header = fields::<C>(&message, "traceparent").remove(0);
            assert_eq!(format!("{:032x}", handled.trace_id()), header[3..35]);
        }
    }
    drop(client);
    counts.all_ended().await;
    let sent_and_handled = 2 * MESSAGES as u64 - MESSAGES as u64 / 10;
    assert!(counts.started() >= sent_and_handled, "{}", counts.started());
}

/// Makes a test of it, for a client that needs a broker.
#[macro_export]
macro_rules! counts {
    ($client:ty) => {
        #[$crate::apply($crate::broker_test)]
        async fn ten_thousand_messages_leak_nothing() {
            $crate::counts::ten_thousand_messages_leak_nothing::<$client>().await;
        }
    };
}
