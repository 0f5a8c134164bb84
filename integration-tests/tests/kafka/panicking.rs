//! Telemetry of the application's that panics where a producer tells of a delivery: each record is
//! answered all the same, as without us.

use integration_tests::client::in_time;
use integration_tests::kafka::{Answer, Answers};
use integration_tests::{apply, two_worker_test};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::Instrumentation;
use otel_messaging::loss::caught_panics;
use otel_messaging_rdkafka::{InjectingContext, InjectingProducer};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord,
    ThreadedProducer,
};
use std::time::Duration;
use tokio::sync::oneshot;

const RECORDS: usize = 200;
/// Half of what fits into the producer's queue. It has room again only once the callbacks are through.
const QUEUED: usize = 10;

/// Panics when a span starts, or when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Panicking {
    OnStart,
    OnEnd,
}

impl SpanProcessor for Panicking {
    fn on_start(&self, _: &mut Span, _: &Context) {
        assert_ne!(*self, Self::OnStart, "a processor's own failure");
    }

    fn on_end(&self, _: SpanData) {
        assert_ne!(*self, Self::OnEnd, "a processor's own failure");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Panicking {
    /// With a tracer provider of its own, whose panics are counted for themselves.
    fn instrumentation(self) -> Instrumentation {
        let provider = SdkTracerProvider::builder().with_span_processor(self);
        Instrumentation::builder()
            .with_tracer_provider(&provider.build())
            .build()
    }
}

fn cluster() -> (MockCluster<'static, DefaultProducerContext>, ClientConfig) {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    cluster.create_topic("orders", 1, 1).expect("a topic");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    config.set("queue.buffering.max.messages", (2 * QUEUED).to_string());
    (cluster, config)
}

/// Lets `send` queue all records, as many at a time as fit, each of which has to be answered before
/// the next ones are queued. `poll` waits for answers where nobody else does.
async fn all_are_answered(
    send: impl Fn(BaseRecord<'static, str, str, Answer>) -> Result<(), KafkaError>,
    poll: impl Fn(),
) {
    for first in (0..RECORDS).step_by(QUEUED) {
        let mut answers = Vec::new();
        for _ in 0..QUEUED {
            let (sender, answer) = oneshot::channel();
            let record = BaseRecord::with_opaque_to("orders", Box::new(sender));
            send(record.key("7").payload("order")).expect("there is room for it");
            answers.push(answer);
        }
        for (offset, answer) in (first..).zip(answers) {
            let answer = async {
                tokio::pin!(answer);
                loop {
                    poll();
                    tokio::select! {
                        answer = &mut answer => break answer,
                        () = tokio::time::sleep(Duration::from_millis(1)) => {}
                    }
                }
            };
            let answer = in_time("an answer", answer).await;
            let answer = answer.expect("the application's `delivery` is called");
            assert_eq!(answer, Ok((0, offset as i64)));
        }
    }
}

#[apply(two_worker_test)]
async fn a_threaded_producer_answers_each_record() {
    for panicking in [Panicking::OnEnd, Panicking::OnStart] {
        let (_cluster, config) = cluster();
        let producer: ThreadedProducer<_> = config
            .create_with_context(InjectingContext::new(Answers))
            .expect("a producer");
        let producer = InjectingProducer::new(producer);
        let producer = producer.with_instrumentation(panicking.instrumentation());
        let caught = caught_panics();
        let send = |record| producer.send(record).map_err(|(error, _)| error);
        all_are_answered(send, || {}).await;
        assert!(caught_panics() > caught);
    }
}

#[apply(two_worker_test)]
async fn a_base_producer_answers_each_record() {
    for panicking in [Panicking::OnEnd, Panicking::OnStart] {
        let (_cluster, config) = cluster();
        let producer: BaseProducer<_> = config
            .create_with_context(InjectingContext::new(Answers))
            .expect("a producer");
        let producer = InjectingProducer::new(producer);
        let producer = producer.with_instrumentation(panicking.instrumentation());
        let caught = caught_panics();
        let send = |record| producer.send(record).map_err(|(error, _)| error);
        all_are_answered(send, || producer.poll(Duration::ZERO)).await;
        assert!(caught_panics() > caught);
    }
}

#[apply(two_worker_test)]
async fn a_future_producer_answers_each_record() {
    for panicking in [Panicking::OnEnd, Panicking::OnStart] {
        let (_cluster, config) = cluster();
        let producer: FutureProducer = config.create().expect("a producer");
        let producer = InjectingProducer::new(producer);
        let producer = producer.with_instrumentation(panicking.instrumentation());
        let caught = caught_panics();
        for offset in 0..RECORDS {
            let record = FutureRecord::to("orders").key("7").payload("order");
            let sent = in_time("an answer", producer.send(record, Duration::ZERO)).await;
            assert_eq!(sent.expect("delivered").offset, offset as i64);
        }
        assert!(caught_panics() > caught);
    }
}
