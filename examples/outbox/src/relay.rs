//! The relay: publishes the rows of the outbox, each in the context that is stored in it.

use crate::complain;
use crate::kafka::{ANSWER, Kafka};
use crate::stop::{self, Point};
use crate::store::{Message, Row, Store};
use crate::telemetry::tell;
use opentelemetry::trace::FutureExt;
use otel_messaging_rdkafka::{ContextCarrier, InjectingProducer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The header with the row's number, by which a consumer knows a message that comes again.
pub(crate) const ID: &str = "outbox-id";

/// How often the outbox is looked into.
const POLL: Duration = Duration::from_millis(100);

/// Publishes for ever, or until nothing is left to be published.
pub(crate) async fn run(
    store: &Store,
    kafka: &Kafka,
    until_empty: bool,
    stop_at: Option<Point>,
) -> anyhow::Result<()> {
    let producer = InjectingProducer::new(kafka.producer()?);
    let mut turn = store.turn().await?;
    let mut polls = interval(POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waits = false;
    loop {
        polls.tick().await;
        if !store.named(turn.taken().await)? {
            if !waits {
                tell("relay", "waits for the end of another");
            }
            waits = true;
            continue;
        }
        let emptied = empty(store, kafka, &producer, stop_at).await;
        if store.named(emptied)? && until_empty {
            return Ok(());
        }
    }
}

/// Publishes row after row: each is acknowledged before the next is sent, so nothing overtakes.
/// Whether none is left.
async fn empty(
    store: &Store,
    kafka: &Kafka,
    producer: &InjectingProducer<FutureProducer>,
    stop_at: Option<Point>,
) -> anyhow::Result<bool> {
    while let Some(Row { id, message }) = store.first_row().await? {
        let carrier = stored_context(id, message.context.as_deref());
        match publish(producer, id, &message, &carrier).await {
            Ok(()) => {
                let done = async {
                    tell("relay", &format!("row {id} acknowledged by Kafka"));
                    stop::at(Point::Acknowledged, stop_at).await;
                    store.remove(id).await
                };
                done.with_context(carrier.context()).await?;
            }
            Err(error) if is_for_ever(&error) => {
                let error = kafka.failure(&error);
                complain(format_args!("row {id} is put aside: {error}"));
                store.put_aside(id, &error.to_string()).await?;
            }
            Err(error) => {
                let error = kafka.failure(&error);
                complain(format_args!("row {id} will be tried again: {error}"));
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What cannot be read is no context, and the message starts a trace of its own: it was promised.
fn stored_context(id: i64, json: Option<&str>) -> ContextCarrier {
    let Some(json) = json else {
        return ContextCarrier::default(); // from before there was the column
    };
    serde_json::from_str(json).unwrap_or_else(|error| {
        complain(format_args!("the context of row {id} is none: {error}"));
        ContextCarrier::default()
    })
}

/// Sends the message in the given context, whichever surrounds the relay.
async fn publish(
    producer: &InjectingProducer<FutureProducer>,
    id: i64,
    message: &Message,
    carrier: &ContextCarrier,
) -> Result<(), KafkaError> {
    let id = id.to_string();
    let header = Header {
        key: ID,
        value: Some(&id),
    };
    let record = FutureRecord::to(&message.topic)
        .key(&message.key)
        .payload(&message.payload)
        .headers(OwnedHeaders::new().insert(header));
    let sending = {
        let _attached = carrier.attach(); // <- the one line: the context is that of the call
        producer.send(record, ANSWER)
    };
    sending.await.map_err(|(error, _record)| error)?;
    Ok(())
}

/// Whether Kafka will never take this message; anything else may pass, as when no broker is there.
fn is_for_ever(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageProduction(
            RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::MessageSizeTooLarge
        )
    )
}
