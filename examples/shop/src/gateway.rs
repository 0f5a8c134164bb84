//! Takes orders by HTTP, and publishes them to RabbitMQ.

use crate::arguments::Brokers;
use crate::order::Order;
use crate::rabbitmq::{self, RabbitMq};
use crate::service::Service;
use crate::telemetry;
use anyhow::anyhow;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use backon::{ExponentialBuilder, Retryable};
use lapin::{BasicProperties, Channel};
use otel_messaging_lapin::InjectingProducer;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// The longest name of a customer, in bytes.
const LONGEST_NAME: usize = 200;

struct Gateway {
    brokers: Brokers,
    /// Connected anew when the connection is lost.
    rabbitmq: Mutex<RabbitMq>,
}

pub(crate) async fn run(service: Service, listen: SocketAddr) -> anyhow::Result<()> {
    let brokers = service.brokers.clone();
    let rabbitmq = RabbitMq::connect(&brokers.amqp, &brokers.names).await?;
    let gateway = Gateway {
        brokers,
        rabbitmq: Mutex::new(rabbitmq),
    };
    let router = Router::new()
        .route("/orders", post(place))
        .with_state(Arc::new(gateway));
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| anyhow!("{listen}: {error}"))?;
    service.ready_at(listener.local_addr()?);
    let serving = axum::serve(listener, telemetry::trace_requests(router));
    let stopped = service.stop.cancelled_owned();
    Ok(serving.with_graceful_shutdown(stopped).await?)
}

async fn place(
    State(gateway): State<Arc<Gateway>>,
    Json(order): Json<Order>,
) -> (StatusCode, Json<Value>) {
    if order.customer.len() > LONGEST_NAME {
        let answer =
            json!({ "error": format!("a customer's name has {LONGEST_NAME} bytes at most") });
        return (StatusCode::BAD_REQUEST, Json(answer));
    }
    let publishing = || gateway.publish(&order);
    match publishing.retry(ExponentialBuilder::default()).await {
        Ok(()) => {
            tracing::info!(order = %order.id, "order accepted");
            (StatusCode::ACCEPTED, Json(json!({ "order": order.id })))
        }
        Err(error) => {
            tracing::error!(order = %order.id, "order not accepted: {error}");
            // RabbitMQ may have it all the same: billing knows an order by its id.
            let answer = json!({ "error": "try again with this id", "order": order.id });
            (StatusCode::SERVICE_UNAVAILABLE, Json(answer))
        }
    }
}

impl Gateway {
    /// Publishes an order, and waits until RabbitMQ has it.
    async fn publish(&self, order: &Order) -> anyhow::Result<()> {
        let producer = self.producer().await?;
        let options = rabbitmq::mandatory();
        let properties = BasicProperties::default()
            .with_delivery_mode(2) // RabbitMQ keeps it on disk
            .with_message_id(order.id.to_string().into());
        let queue = self.brokers.names.orders.as_str().into();
        let order = serde_json::to_vec(order)?;
        let publishing = producer.basic_publish("".into(), queue, options, &order, properties);
        RabbitMq::arrived(publishing.await?).await
    }

    async fn producer(&self) -> anyhow::Result<InjectingProducer<Channel>> {
        let mut rabbitmq = self.rabbitmq.lock().await;
        if !rabbitmq.is_connected() {
            *rabbitmq = RabbitMq::connect(&self.brokers.amqp, &self.brokers.names).await?;
        }
        Ok(rabbitmq.producer.clone())
    }
}
