//! One relay at a time: two at once would change the order of messages.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, Row};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::str::FromStr;

/// What only one relay can have. It is free again when that relay ends, in whatever way.
pub(crate) enum Turn {
    /// A lock of the session; behind a pooler it needs one that keeps sessions.
    Postgres(PoolConnection<Any>),
    /// A lock on a file beside the database.
    Sqlite(File),
}

impl Turn {
    pub(crate) fn of_postgres(session: PoolConnection<Any>) -> Self {
        Self::Postgres(session)
    }

    pub(crate) fn of_sqlite(url: &str) -> sqlx::Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?;
        let mut path = OsString::from(options.get_filename());
        path.push("-relay");
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self::Sqlite(file))
    }

    /// Takes it, if it is free. Whoever has it keeps it.
    pub(crate) async fn taken(&mut self) -> anyhow::Result<bool> {
        match self {
            Self::Postgres(session) => {
                // Taken once more each time, which shows that the session is still there.
                let lock = "SELECT pg_try_advisory_lock(hashtext('outbox relay')) AS taken";
                let row = sqlx::query(lock).fetch_one(&mut **session).await?;
                Ok(row.try_get("taken")?)
            }
            Self::Sqlite(file) => match file.try_lock() {
                Ok(()) => Ok(true),
                Err(TryLockError::WouldBlock) => Ok(false),
                Err(TryLockError::Error(error)) => Err(sqlx::Error::Io(error).into()),
            },
        }
    }
}
