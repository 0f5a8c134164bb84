//! The relay: publishes the rows of the outbox, each in the context that is stored in it.

use crate::complain;
use crate::kafka::{ANSWER, Kafka};
use crate::stop::{self, Point};
use crate::store::{Message, Row, Store};
use crate::telemetry::tell;
use crate::turn::Turn;
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
        let looked = empty(store, kafka, &producer, &mut turn, stop_at).await;
        match store.named(looked)? {
            Left::Nothing if until_empty => return Ok(()),
            Left::ToAnotherRelay if !waits => {
                tell("relay", "waits for the end of another");
                waits = true;
            }
            Left::Nothing | Left::ToBeTriedAgain | Left::ToAnotherRelay => {}
        }
    }
}

/// What a look into the outbox has left there.
enum Left {
    Nothing,
    ToBeTriedAgain,
    ToAnotherRelay,
}

/// Publishes row after row: each is acknowledged before the next is sent, so nothing overtakes.
async fn empty(
    store: &Store,
    kafka: &Kafka,
    producer: &InjectingProducer<FutureProducer>,
    turn: &mut Turn,
    stop_at: Option<Point>,
) -> anyhow::Result<Left> {
    // Asked for each row: it may be lost with its session.
    while turn.taken().await? {
        let Some(Row { id, message }) = store.first_row().await? else {
            return Ok(Left::Nothing);
        };
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
                return Ok(Left::ToBeTriedAgain);
            }
        }
    }
    Ok(Left::ToAnotherRelay)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::order::Order;
    use crate::place;
    use integration_tests::{apply, two_worker_test};
    use opentelemetry::trace::{SpanId, TraceContextExt, Tracer};
    use opentelemetry::{Context, global};
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

    /// Neither for a row with a context nor for one without.
    #[apply(two_worker_test)]
    async fn the_context_of_the_relay_does_not_matter() {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
        global::set_tracer_provider(provider.build());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("outbox.db");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        let store = Store::open(Address::new(url)).await.expect("a database");
        let kafka = Kafka::embedded("orders").expect("an embedded cluster");

        let order = Order {
            number: 7,
            item: "tea".to_owned(),
            count: 3,
        };
        let placed = place::run(&store, "orders", &order, None).await;
        placed.expect("placed");
        let copy =
            "INSERT INTO outbox (topic, key, payload) SELECT topic, key, payload FROM outbox";
        store.execute(copy).await.expect("a row without a context");

        let own = global::tracer("relay").start("relay");
        let own = Context::new().with_span(own);
        let relayed = run(&store, &kafka, true, None).with_context(own.clone());
        relayed.await.expect("relayed");

        let spans = exporter.get_finished_spans().expect("spans");
        let named = |name| spans.iter().filter(move |span| span.name == name);
        let request = named("place order").next().expect("the request");
        let sends: Vec<_> = named("send orders").collect();
        assert_eq!(sends.len(), 2, "{spans:#?}");
        assert_eq!(sends[0].parent_span_id, request.span_context.span_id());
        assert_eq!(sends[1].parent_span_id, SpanId::INVALID);
        let traces = [sends[1], request].map(|span| span.span_context.trace_id());
        assert_ne!(traces[0], traces[1]);
        assert!(!traces.contains(&own.span().span_context().trace_id()));
    }
}
