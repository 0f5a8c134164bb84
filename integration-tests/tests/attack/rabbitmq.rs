//! lapin, with confirms.

use crate::orders::{
    Arrived, END, Fate, Order, Ours, Outcome, Pace, handle, own_headers, send_all,
};
use crate::way::{Way, attacks};
use integration_tests::client::{Client, HeaderList, unique};
use integration_tests::rabbitmq::RabbitMq;
use lapin::message::{BasicReturnMessage, Delivery};
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, Confirmation};
use otel_messaging_lapin::InjectingProducer;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Messages that the broker sends back if they go nowhere.
struct Confirms {
    rabbitmq: RabbitMq,
    nowhere: ShortString,
}

attacks!(publishing_with_confirms: Confirms);

const MANDATORY: BasicPublishOptions = BasicPublishOptions {
    mandatory: true,
    immediate: false,
};

impl Way for Confirms {
    async fn open() -> Self {
        Self {
            rabbitmq: RabbitMq::connect().await,
            nowhere: unique("nowhere").into(),
        }
    }

    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome {
        let channel = self.rabbitmq.channel.clone();
        let producer = ours.map(|ours| {
            let producer = InjectingProducer::new(channel.clone());
            producer.with_instrumentation(ours.by.clone())
        });
        if let (Some(ours), Some(producer)) = (ours, &producer) {
            let (producer, nowhere) = (producer.clone(), self.nowhere.clone());
            ours.when_it_comes_back_async(move || again(producer.clone(), nowhere.clone()));
        }
        // Of several messages under way, lapin 4.12 may give what came back with the confirm of
        // another one.
        let returned = Mutex::new(Vec::new());
        let send = async |order| match publish(self, &channel, producer.as_ref(), order).await {
            Ok(Confirmation::Ack(Some(message))) => {
                let mut returned = returned.lock().expect("no panic");
                returned.push(text_of(&message));
                "ack".to_owned()
            }
            Ok(Confirmation::Ack(None)) => "ack".to_owned(),
            other => format!("{other:?}"),
        };
        let mut answers = send_all(ours, orders, pace, send).await;
        let mut returned = returned.into_inner().expect("no panic");
        returned.sort_unstable();
        answers.extend(returned);
        let ended = publish(self, &channel, None, END).await;
        ended.expect("the broker takes the message");

        let mut arrived = Vec::new();
        loop {
            let message = self.rabbitmq.receive().await;
            let headers = shown(&message);
            let order = Order::of(&headers);
            if order == END {
                break;
            }
            let handled = handle(ours, order, &message, async || {}).await;
            arrived.push(Arrived {
                headers: own_headers(order, headers),
                payload: message.data,
                handled,
            });
        }
        Outcome {
            answers,
            callbacks: Vec::new(),
            arrived,
        }
    }
}

async fn publish(
    to: &Confirms,
    channel: &Channel,
    producer: Option<&InjectingProducer<Channel>>,
    order: Order,
) -> lapin::Result<Confirmation> {
    let key = match order.fate() {
        Fate::Arrives => to.rabbitmq.queue.clone(),
        Fate::Refused | Fate::Failed => to.nowhere.clone(),
    };
    let (properties, payload) = (properties(order), order.payload());
    match producer {
        None => {
            let confirm = channel.basic_publish("".into(), key, MANDATORY, &payload, properties);
            confirm.await?.await
        }
        Some(producer) => {
            let confirm = producer.basic_publish("".into(), key, MANDATORY, &payload, properties);
            confirm.await?.await
        }
    }
}

/// A message that came back, by its number.
fn text_of(returned: &BasicReturnMessage) -> (u32, String) {
    let headers = shown(&returned.delivery);
    let order = Order::of(&headers);
    let headers = own_headers(order, headers);
    let (code, text) = (returned.reply_code, &returned.reply_text);
    let data = &returned.delivery.data;
    (order.0, format!("{code} {text} {headers:?} {data:?}"))
}

/// The future of a publish to nowhere, in which the span starts at the first poll.
async fn again(producer: InjectingProducer<Channel>, nowhere: ShortString) -> Result<(), String> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let confirm = producer.basic_publish("".into(), nowhere, options, b"again", properties);
    let confirm = confirm.await.map_err(|error| error.to_string())?;
    confirm.await.map_err(|error| error.to_string())?;
    Ok(())
}

fn properties(order: Order) -> BasicProperties {
    let text = |text: String| AMQPValue::LongString(LongString::from(text));
    let headers = order.headers().map(|(name, value)| (name, text(value)));
    let mut headers: BTreeMap<ShortString, _> = headers
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    headers.insert("number".into(), AMQPValue::LongLongInt(-7));
    BasicProperties::default()
        .with_headers(FieldTable::from(headers))
        .with_priority(3)
        .with_message_id("id".into())
}

/// All that the client shows, as text.
fn shown(message: &Delivery) -> HeaderList {
    let properties = &message.properties;
    let headers = properties.headers().iter().flat_map(|table| table.inner());
    let headers = headers.map(|(name, value)| match value {
        AMQPValue::LongString(text) => (name.to_string(), text.to_string()),
        other => (name.to_string(), format!("{other:?}")),
    });
    let mut shown: HeaderList = headers.collect();
    let others = properties.clone().with_headers(FieldTable::default());
    shown.push(("properties".to_owned(), format!("{others:?}")));
    shown
}
