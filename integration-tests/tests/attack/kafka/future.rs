//! A `FutureProducer`.

use super::{AGAIN, Log, headers, partition, payload};
use crate::orders::{Order, Ours, Outcome, Pace, own_headers, send_all};
use crate::way::{Way, attacks};
use integration_tests::client::PATIENCE;
use integration_tests::kafka::text_headers;
use otel_messaging_rdkafka::InjectingProducer;
use rdkafka::Message;
use rdkafka::producer::FutureRecord;
use rdkafka::producer::future_producer::OwnedDeliveryResult;

pub(crate) struct Future(Log);

attacks!(sending_by_a_future_producer: Future);

impl Way for Future {
    async fn open() -> Self {
        Self(Log::open().await)
    }

    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome {
        let (log, bare) = (&self.0, &self.0.bare);
        let producer = ours.map(|ours| {
            let producer = InjectingProducer::new(bare.clone());
            producer.with_instrumentation(ours.by.clone())
        });
        if let (Some(ours), Some(producer)) = (ours, &producer) {
            let (producer, topic) = (producer.clone(), log.topic.name.clone());
            ours.when_it_comes_back(move || {
                let record = FutureRecord::<str, str>::to(&topic).partition(AGAIN);
                let sent = producer.send_result(record);
                sent.map(drop).map_err(|(error, _)| error.to_string())
            });
        }
        let send = async |order| {
            let (key, payload) = (order_key(order), payload(order));
            let record = FutureRecord::to(&log.topic.name)
                .partition(partition(order))
                .headers(headers(order))
                .key(&key)
                .payload(&payload);
            let answer = match &producer {
                None => bare.send(record, PATIENCE).await,
                Some(producer) => producer.send(record, PATIENCE).await,
            };
            log.told(order, answer)
        };
        let answers = send_all(ours, orders, pace, send).await;
        log.end().await;
        Outcome {
            answers,
            callbacks: Vec::new(),
            arrived: self.0.handle_all(ours).await,
        }
    }
}

fn order_key(order: Order) -> String {
    format!("key {}", order.0)
}

impl Log {
    fn told(&self, order: Order, answer: OwnedDeliveryResult) -> String {
        match answer {
            Ok(delivery) => format!("{} {}", delivery.partition, delivery.offset - self.begin),
            Err((error, returned)) => {
                // As it was given.
                let headers = text_headers(&returned);
                assert_eq!(own_headers(order, headers.clone()), headers);
                let (key, payload) = (returned.key(), returned.payload().map(<[u8]>::len));
                format!("{error} {headers:?} {key:?} {payload:?}")
            }
        }
    }
}
