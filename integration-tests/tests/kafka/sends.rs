//! Records that were sent for consumers to handle, and whether they were handled in their traces.

use integration_tests::client::PATIENCE;
use integration_tests::kafka::Topic;
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute};
use opentelemetry::trace::FutureExt;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::producer::FutureRecord;

pub(crate) struct Sends {
    pub(crate) topic: Topic,
    pub(crate) spans: Spans,
    partitions: i32,
}

impl Sends {
    /// Will send to a new topic.
    pub(crate) async fn to(partitions: i32) -> Self {
        Self {
            topic: Topic::on_brokers(partitions).await,
            spans: Spans::new(),
            partitions,
        }
    }

    /// Sends that many records to each partition, each in a trace of its own.
    pub(crate) async fn send(&self, each: usize) {
        let producer = InjectingProducer::new(self.topic.producer.clone())
            .with_instrumentation(self.spans.instrumentation.clone());
        for partition in 0..self.partitions {
            for n in 0..each {
                let key = format!("{partition}/{n}");
                let record = FutureRecord::to(&self.topic.name)
                    .key(&key)
                    .payload("order");
                let sent = producer.send(record.partition(partition), PATIENCE);
                let order = self.spans.root("order");
                sent.with_context(order).await.expect("delivered");
            }
        }
    }
}

/// Each record was handled once, as a child of its own send, with one span `work` in it.
pub(crate) fn assert_handled(sends: &Sends, count: usize) {
    let all = sends.spans.all();
    let of =
        |name: &str| -> Vec<&SpanData> { all.iter().filter(|span| span.name == name).collect() };
    let (sent, processed, worked) = (
        of(&format!("send {}", sends.topic.name)),
        of(&format!("process {}", sends.topic.name)),
        of("work"),
    );
    assert_eq!([sent.len(), processed.len(), worked.len()], [count; 3]);
    let key = |span: &SpanData| attribute(span, "kafka.message.key");
    for sent in sent {
        let mut of_it = processed.iter().filter(|span| key(span) == key(sent));
        let processed = of_it.next().expect("it was handled");
        assert!(of_it.next().is_none(), "once");
        assert_child(processed, &sent.span_context);
        assert_unfailed(processed);
        let id = processed.span_context.span_id();
        let mut in_it = worked.iter().filter(|span| span.parent_span_id == id);
        let worked = in_it.next().expect("it was worked on");
        assert_child(worked, &processed.span_context);
    }
}
