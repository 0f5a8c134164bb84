//! The database: SQLite or PostgreSQL. Both take `$1`.

use crate::address::Address;
use crate::order::Order;
use crate::turn::Turn;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyConnection, AnyPool, Connection, Row as _, Transaction};
use std::time::Duration;
use tokio::time::timeout;

/// How long the database may take to be connected to.
const ANSWER: Duration = Duration::from_secs(5);

const NAME: &str = "the database";

pub(crate) struct Store {
    pool: AnyPool,
    address: Address,
}

/// What is to be sent, as it stands in the outbox.
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) payload: String,
    /// The request's context: a JSON object, such as `{"traceparent": "00-…"}`.
    pub(crate) context: Option<String>,
}

pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) message: Message,
}

impl Store {
    /// Connects, and creates the tables if they are not there.
    pub(crate) async fn open(address: Address) -> anyhow::Result<Self> {
        install_default_drivers();
        let created = timeout(ANSWER, create_tables(&address)).await;
        match created {
            Ok(created) => created.map_err(|error| failure(&address, error))?,
            Err(_) => {
                let what = format!("no answer within {} s", ANSWER.as_secs());
                return Err(address.failure(NAME, what));
            }
        }
        let pool = AnyPoolOptions::new().acquire_timeout(ANSWER);
        let pool = pool.connect_lazy(address.reveal());
        let pool = pool.map_err(|error| failure(&address, error))?;
        Ok(Self { pool, address })
    }

    /// Names the database in what it has answered.
    pub(crate) fn named<T>(&self, answered: anyhow::Result<T>) -> anyhow::Result<T> {
        answered.map_err(|error| match error.downcast::<sqlx::Error>() {
            Ok(error) => failure(&self.address, error),
            Err(error) => error,
        })
    }

    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction<'static, Any>> {
        self.pool.begin().await
    }

    /// To be the one relay that works.
    pub(crate) async fn turn(&self) -> anyhow::Result<Turn> {
        let turn = if is_postgres(&self.address) {
            self.pool.acquire().await.map(Turn::of_postgres)
        } else {
            Turn::of_sqlite(self.address.reveal())
        };
        turn.map_err(|error| failure(&self.address, error))
    }

    /// The oldest row that is to be published.
    pub(crate) async fn first_row(&self) -> sqlx::Result<Option<Row>> {
        let row = sqlx::query(
            "SELECT id, topic, key, payload, context FROM outbox
             WHERE error IS NULL ORDER BY id LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let message = Message {
            topic: row.try_get("topic")?,
            key: row.try_get("key")?,
            payload: row.try_get("payload")?,
            context: row.try_get("context")?,
        };
        let id = row.try_get("id")?;
        Ok(Some(Row { id, message }))
    }

    pub(crate) async fn remove(&self, id: i64) -> sqlx::Result<()> {
        let removal = sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id);
        removal.execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps the row and publishes it no more, until somebody sets its `error` to NULL.
    pub(crate) async fn put_aside(&self, id: i64, error: &str) -> sqlx::Result<()> {
        let update = sqlx::query("UPDATE outbox SET error = $1 WHERE id = $2");
        update
            .bind(error.to_owned())
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) async fn execute(&self, sql: &'static str) -> sqlx::Result<()> {
        sqlx::raw_sql(sql).execute(&self.pool).await?;
        Ok(())
    }
}

pub(crate) async fn insert_order(
    transaction: &mut AnyConnection,
    order: &Order,
) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO orders (number, item, count) VALUES ($1, $2, $3)");
    insert
        .bind(order.number)
        .bind(order.item.clone())
        .bind(order.count)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Writes the message into the outbox; the number of its row.
pub(crate) async fn insert_message(
    transaction: &mut AnyConnection,
    message: &Message,
) -> sqlx::Result<i64> {
    let insert = sqlx::query(
        "INSERT INTO outbox (topic, key, payload, context) VALUES ($1, $2, $3, $4) RETURNING id",
    );
    insert
        .bind(message.topic.clone())
        .bind(message.key.clone())
        .bind(message.payload.clone())
        .bind(message.context.clone())
        .fetch_one(transaction)
        .await?
        .try_get("id")
}

/// Whether there was enough.
pub(crate) async fn take_from_stock(
    transaction: &mut AnyConnection,
    order: &Order,
) -> sqlx::Result<bool> {
    let update = "UPDATE stock SET count = count - $1 WHERE item = $2 AND count >= $1";
    let updated = sqlx::query(update)
        .bind(order.count)
        .bind(order.item.clone())
        .execute(transaction)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Whether the message of this row was not handled before.
pub(crate) async fn mark_handled(transaction: &mut AnyConnection, id: i64) -> sqlx::Result<bool> {
    let insert = "INSERT INTO handled (id) VALUES ($1) ON CONFLICT DO NOTHING";
    let inserted = sqlx::query(insert).bind(id).execute(transaction).await?;
    Ok(inserted.rows_affected() == 1)
}

pub(crate) async fn insert_invoice(
    transaction: &mut AnyConnection,
    order: &Order,
) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO invoices (order_number) VALUES ($1)");
    insert.bind(order.number).execute(transaction).await?;
    Ok(())
}

/// On a connection of its own: a pool would try for long, and not say why in vain.
async fn create_tables(address: &Address) -> sqlx::Result<()> {
    let mut connection = AnyConnection::connect(address.reveal()).await?;
    let schema = if is_postgres(address) {
        include_str!("postgres.sql")
    } else {
        include_str!("sqlite.sql")
    };
    sqlx::raw_sql(schema).execute(&mut connection).await?;
    connection.close().await
}

fn is_postgres(address: &Address) -> bool {
    address.reveal().starts_with("postgres")
}

fn failure(address: &Address, error: sqlx::Error) -> anyhow::Error {
    address.failure(NAME, error)
}
