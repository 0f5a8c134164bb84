//! The answers of a service of async-nats.

use crate::nats::{again, headers, next, shown};
use crate::orders::{
    Arrived, END, Fate, Order, Ours, Outcome, Pace, handle, own_headers_of_answer, send_all,
};
use crate::way::{Way, attacks};
use async_nats::service::Service;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::error::Error;
use bytes::Bytes;
use futures_util::StreamExt;
use integration_tests::client::{in_time, unique};
use integration_tests::nats::{connect, start_service, text_headers};
use otel_messaging::Instrumentation;
use otel_messaging::propagation::w3c;
use otel_messaging_async_nats::InjectingProducer;

attacks!(answers_of_a_service: Answers);

pub(crate) struct Answers {
    client: async_nats::Client,
    subject: String,
    extra: String,
    orders: Endpoint,
    _service: Service,
}

impl Way for Answers {
    async fn open() -> Self {
        let (client, subject) = (connect().await, unique("orders"));
        let (service, orders) = start_service(&client, &subject).await;
        Self {
            client,
            subject,
            extra: unique("extra"),
            orders,
            _service: service,
        }
    }

    async fn round(&mut self, ours: Option<&Ours>, orders: &[Order], pace: Pace) -> Outcome {
        let (client, subject) = (self.client.clone(), self.subject.clone());
        if let Some(ours) = ours {
            let producer = InjectingProducer::new(client.clone());
            let producer = producer.with_instrumentation(ours.by.clone());
            let extra = self.extra.clone();
            ours.when_it_comes_back_async(move || again(producer.clone(), extra.clone()));
        }
        let send = async |order: Order| {
            let mut headers = headers(order);
            let sender = Instrumentation::builder().with_propagator(w3c()).build();
            sender.inject(&order.context(), &mut headers);
            let asked = client.request_with_headers(subject.clone(), headers, order_payload(order));
            let reply = asked.await.expect("an answer");
            let headers = own_headers_of_answer(order, text_headers(&reply));
            format!("{headers:?} {:?}", reply.payload)
        };
        let ask = async {
            let answers = send_all(None, orders, pace, send).await;
            let ended = client.publish_with_headers(subject.clone(), headers(END), Bytes::new());
            ended.await.expect("the client takes the message");
            answers
        };
        let (answers, arrived) = tokio::join!(ask, serve(&client, &mut self.orders, ours));
        Outcome {
            answers,
            callbacks: Vec::new(),
            arrived,
        }
    }
}

async fn serve(
    client: &async_nats::Client,
    orders: &mut Endpoint,
    ours: Option<&Ours>,
) -> Vec<Arrived> {
    let mut arrived = Vec::new();
    loop {
        let request = in_time("a request", orders.next()).await;
        let request = request.expect("the service goes on");
        let Some(order) = next(&request.message) else {
            return arrived;
        };
        let (handled, message) = match ours {
            None => {
                let respond = async || {
                    let answered = request.respond_with_headers(response(order), headers(order));
                    answered.await.expect("answered");
                };
                let handled = handle(ours, order, &request.message, respond).await;
                (handled, request.message.clone())
            }
            Some(ours) => {
                let producer = InjectingProducer::new(client.clone());
                let producer = producer.with_instrumentation(ours.by.clone());
                let request = producer.injecting_request(request);
                let respond = async || {
                    let answered = request.respond_with_headers(response(order), headers(order));
                    answered.await.expect("answered");
                };
                let handled = handle(Some(ours), order, &request, respond).await;
                (handled, request.message().clone())
            }
        };
        arrived.push(shown(order, &message, handled));
    }
}

fn order_payload(order: Order) -> Bytes {
    order.payload().into()
}

fn response(order: Order) -> Result<Bytes, Error> {
    match order.fate() {
        Fate::Arrives => Ok(order_payload(order)),
        Fate::Refused | Fate::Failed => Err(Error {
            status: "no such article".to_owned(),
            code: 404,
        }),
    }
}
