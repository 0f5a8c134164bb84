//! async-nats: publishing, requests, and JetStream.

use crate::orders::{
    Arrived, END, Fate, Handled, Order, Ours, Outcome, Pace, handle, own_headers, send_all,
};
use crate::way::{Way, attacks};
use async_nats::{Client as Plain, HeaderMap, Message};
use integration_tests::client::{Client, unique};
use integration_tests::nats::{JetStream, Nats, text_headers};
use otel_messaging_async_nats::{InjectingProducer, Wrapped};

attacks!(
    publishing_to_nats: Publish,
    requests: Request,
    publishing_to_jetstream: Stream,
);

/// A subject of core NATS.
pub(crate) struct Publish {
    nats: Nats,
    extra: String,
}

/// Somebody who answers.
pub(crate) struct Request {
    nats: Nats,
    nowhere: String,
}

/// A stream.
pub(crate) struct Stream {
    stream: JetStream,
    nowhere: String,
    /// The sequence before the first of a round.
    begin: u64,
}

impl Way for Publish {
    async fn open() -> Self {
        Self {
            nats: Nats::connect().await,
            extra: unique("extra"),
        }
    }

    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome {
        let plain = &self.nats.client;
        let producer = injecting(ours, plain);
        if let (Some(ours), Some(producer)) = (ours, &producer) {
            let (producer, extra) = (producer.clone(), self.extra.clone());
            ours.when_it_comes_back_async(move || again(producer.clone(), extra.clone()));
        }
        let subject = &self.nats.subject;
        let send = async |order| {
            let (headers, payload) = (headers(order), payload(plain, order).into());
            let sent = match &producer {
                None => {
                    plain
                        .publish_with_headers(subject.clone(), headers, payload)
                        .await
                }
                Some(producer) => {
                    let sent = producer.publish_with_headers(subject.clone(), headers, payload);
                    sent.await
                }
            };
            format!("{:?}", sent.map_err(|error| error.to_string()))
        };
        let answers = send_all(ours, orders, pace, send).await;
        let ended = plain.publish_with_headers(subject.clone(), headers(END), "end".into());
        ended.await.expect("the client takes the message");

        let mut arrived = Vec::new();
        loop {
            let message = self.nats.receive().await;
            let Some(order) = next(&message) else {
                break;
            };
            let handled = handle(ours, order, &message, async || {}).await;
            arrived.push(shown(order, &message, handled));
        }
        Outcome {
            answers,
            callbacks: Vec::new(),
            arrived,
        }
    }
}

impl Way for Request {
    async fn open() -> Self {
        Self {
            nats: Nats::connect().await,
            nowhere: unique("nowhere"),
        }
    }

    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome {
        let plain = self.nats.client.clone();
        let producer = injecting(ours, &plain);
        if let (Some(ours), Some(producer)) = (ours, &producer) {
            let (producer, extra) = (producer.clone(), self.nowhere.clone());
            ours.when_it_comes_back_async(move || again(producer.clone(), extra.clone()));
        }
        let subject = self.nats.subject.clone();
        let send = async |order: Order| {
            let subject = match order.fate() {
                Fate::Failed => self.nowhere.clone(),
                _ => subject.clone(),
            };
            let (headers, payload) = (headers(order), payload(&plain, order).into());
            let reply = match &producer {
                None => plain.request_with_headers(subject, headers, payload).await,
                Some(producer) => {
                    let asked = producer.request_with_headers(subject, headers, payload);
                    asked.await
                }
            };
            let reply = reply.map(|reply| (text_headers(&reply), reply.payload));
            format!("{:?}", reply.map_err(|error| error.to_string()))
        };
        let ask = async {
            let answers = send_all(ours, orders, pace, send).await;
            let ended = plain.publish_with_headers(subject.clone(), headers(END), "end".into());
            ended.await.expect("the client takes the message");
            answers
        };
        // Borrowed apart from what asks.
        let subscriber = &mut self.nats;
        let (answers, arrived) = tokio::join!(ask, answer(subscriber, &plain, ours));
        Outcome {
            answers,
            callbacks: Vec::new(),
            arrived,
        }
    }
}

/// Answers all requests, each in the handler of its message.
async fn answer(nats: &mut Nats, plain: &Plain, ours: Option<&Ours>) -> Vec<Arrived> {
    let mut arrived = Vec::new();
    loop {
        let message = nats.receive().await;
        let Some(order) = next(&message) else {
            return arrived;
        };
        let reply = message.reply.clone().expect("a request");
        let work = async || {
            let answer = format!("answer {}", order.0).into();
            let answered = plain.publish_with_headers(reply.clone(), headers(order), answer);
            answered.await.expect("the client takes the answer");
        };
        let handled = handle(ours, order, &message, work).await;
        arrived.push(shown(order, &message, handled));
    }
}

impl Way for Stream {
    async fn open() -> Self {
        Self {
            stream: JetStream::connect().await,
            nowhere: unique("nowhere"),
            begin: 0,
        }
    }

    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome {
        let plain = self.stream.context.clone();
        let producer = injecting(ours, &plain);
        if let (Some(ours), Some(producer)) = (ours, &producer) {
            let (producer, nowhere) = (producer.clone(), self.nowhere.clone());
            ours.when_it_comes_back_async(move || {
                let (producer, nowhere) = (producer.clone(), nowhere.clone());
                async move {
                    let sent = producer.publish(nowhere, "again".into()).await;
                    let answered = sent.map_err(|error| error.to_string())?.await;
                    // No stream: so says the answer.
                    answered.map_or(Ok(()), |ack| Err(format!("{ack:?}")))
                }
            });
        }
        let begin = self.begin;
        let send = async |order: Order| {
            let subject = match order.fate() {
                Fate::Failed => self.nowhere.clone(),
                _ => self.stream.subject.clone(),
            };
            let (headers, payload) = (headers(order), payload(&plain.client(), order).into());
            let answer = match &producer {
                None => match plain.publish_with_headers(subject, headers, payload).await {
                    Ok(sent) => sent.await,
                    Err(error) => Err(error),
                },
                Some(producer) => {
                    let sent = producer.publish_with_headers(subject, headers, payload);
                    match sent.await {
                        Ok(sent) => sent.await,
                        Err(error) => Err(error),
                    }
                }
            };
            match answer {
                Ok(ack) => format!("{} {}", ack.sequence - begin, ack.duplicate),
                Err(error) => error.to_string(),
            }
        };
        let answers = send_all(ours, orders, pace, send).await;
        let subject = self.stream.subject.clone();
        let ended = plain.publish_with_headers(subject, headers(END), "end".into());
        let ack = ended.await.expect("the client takes the message").await;
        self.begin = ack.expect("the stream takes the message").sequence;

        let mut arrived = Vec::new();
        loop {
            let message = self.stream.receive().await;
            let Some(order) = next(&message) else {
                message.ack().await.expect("settled");
                break;
            };
            let settle = async || message.ack().await.expect("settled");
            let handled = handle(ours, order, &message, settle).await;
            arrived.push(shown(order, &message, handled));
        }
        Outcome {
            answers,
            callbacks: Vec::new(),
            arrived,
        }
    }
}

fn injecting<P: Wrapped + Clone>(ours: Option<&Ours>, plain: &P) -> Option<InjectingProducer<P>> {
    ours.map(|ours| InjectingProducer::new(plain.clone()).with_instrumentation(ours.by.clone()))
}

pub(crate) async fn again(producer: InjectingProducer<Plain>, extra: String) -> Result<(), String> {
    let sent = producer.publish(extra, "again".into()).await;
    sent.map_err(|error| error.to_string())
}

/// The order, if it is not the end.
pub(crate) fn next(message: &Message) -> Option<Order> {
    let order = Order::of(&text_headers(message));
    (order != END).then_some(order)
}

pub(crate) fn shown(order: Order, message: &Message, handled: Handled) -> Arrived {
    Arrived {
        headers: own_headers(order, text_headers(message)),
        payload: message.payload.to_vec(),
        handled,
    }
}

/// One of them has two values.
pub(crate) fn headers(order: Order) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in order.headers() {
        headers.append(name, value.trim());
    }
    headers.append("note", "two");
    headers
}

fn payload(client: &Plain, order: Order) -> Vec<u8> {
    match order.fate() {
        Fate::Refused => vec![b'x'; client.max_payload() + 1],
        _ => order.payload(),
    }
}
