//! Checkout: a consumer of the shop's orders, and the producer of what billing gets.

use crate::hop::{Arrival, Consumer, Producer};

pub(crate) async fn run(orders: &mut Consumer, billing: &Producer) -> anyhow::Result<Arrival> {
    orders
        .receive(async |order| {
            order.check_total()?;
            billing.send(&order).await
        })
        .await
}
