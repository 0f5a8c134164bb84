//! Fan-out: one order, many jobs. Each article is packed by whichever worker is free.

use crate::arguments::Arguments;
use crate::order::{Article, Parcel};
use examples::pool::Pool;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use otel_messaging_rdkafka::Job;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) type Packers = Pool<Article, Packed>;

/// What a worker gives back: the parcel belongs to the span in which it was packed.
pub(crate) struct Packed {
    pub(crate) worker: usize,
    pub(crate) parcel: Job<Parcel>,
}

pub(crate) fn packers(arguments: &Arguments) -> Packers {
    let time = arguments.pack_time();
    Pool::start(
        arguments.workers,
        arguments.waiting,
        move |worker, article| pack(worker, article, time),
    )
}

pub(crate) const ORDER: &str = "order.number";
pub(crate) const ARTICLE: &str = "article.name";
const WORKER: &str = "worker.number";

async fn pack(worker: usize, article: Article, time: Duration) -> Packed {
    let tracer = global::tracer("worker-pool");
    let span = tracer
        .span_builder("pack article")
        .with_attributes([
            KeyValue::new(ORDER, i64::from(article.order)),
            KeyValue::new(ARTICLE, article.name.clone()),
            KeyValue::new(WORKER, worker as i64),
        ])
        // The context of the job is current: a child of the order's handling.
        .start(&tracer);
    let packing = async {
        // Tape takes its time.
        sleep(time).await;
        Job::new(Parcel {
            order: article.order,
            article: article.name,
        })
    };
    let parcel = packing.with_context(Context::current_with_span(span)).await;
    Packed { worker, parcel }
}
