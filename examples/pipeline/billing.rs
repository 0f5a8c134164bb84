//! Billing: gives the order its invoice and sends it on to shipping.

use crate::hop::{Arrival, Consumer, Producer};

pub(crate) async fn run(orders: &mut Consumer, shipping: &Producer) -> anyhow::Result<Arrival> {
    orders
        .receive(async |mut order| {
            order.invoice = Some(format!("INV-{:04}", order.number));
            shipping.send(&order).await
        })
        .await
}
