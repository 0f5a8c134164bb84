//! The invoices, in SQLite.

use crate::order::{Invoice, Order};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::Path;

pub(crate) struct Invoices(SqlitePool);

impl Invoices {
    /// Opens the file, and creates it if it is not there.
    pub(crate) async fn open(file: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true);
        // SQLite has one writer at a time.
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await;
        let pool = pool.map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS invoices
             (number INTEGER PRIMARY KEY, \"order\" TEXT UNIQUE NOT NULL, amount INTEGER NOT NULL)",
        )
        .execute(&pool)
        .await?;
        Ok(Self(pool))
    }

    /// The order's invoice, which is written once, however often the order comes.
    pub(crate) async fn write(&self, order: &Order) -> sqlx::Result<Invoice> {
        let id = order.id.to_string();
        sqlx::query(
            "INSERT INTO invoices (\"order\", amount) VALUES (?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&id)
        .bind(order.amount)
        .execute(&self.0)
        .await?;
        let number = sqlx::query_scalar("SELECT number FROM invoices WHERE \"order\" = ?")
            .bind(&id)
            .fetch_one(&self.0)
            .await?;
        Ok(Invoice {
            order: order.id,
            customer: order.customer.clone(),
            number,
        })
    }
}
