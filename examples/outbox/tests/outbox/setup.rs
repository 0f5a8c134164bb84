//! A database and a Kafka for one test.

use crate::line::Line;
use crate::program::{Program, only};
use integration_tests::client::{address, unique};
use integration_tests::private::{PrivateBroker, Server};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use sqlx::any::install_default_drivers;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use std::env;
use std::str::FromStr;
use tempfile::TempDir;

pub(crate) struct Setup {
    pub(crate) database: String,
    pub(crate) brokers: String,
    pub(crate) topic: String,
    /// The Kafka in librdkafka, if it is that.
    pub(crate) cluster: Option<MockCluster<'static, DefaultProducerContext>>,
    /// The PostgreSQL of this test, if it has one.
    pub(crate) server: Option<PrivateBroker>,
    _folder: Option<TempDir>,
}

impl Setup {
    /// SQLite and the Kafka in librdkafka: neither has to be there.
    pub(crate) fn embedded() -> Self {
        let cluster = MockCluster::new(1).expect("an embedded cluster");
        let setup = Self::on_sqlite(cluster.bootstrap_servers());
        cluster.create_topic(&setup.topic, 1, 1).expect("a topic");
        Self {
            cluster: Some(cluster),
            ..setup
        }
    }

    /// SQLite and a real Kafka.
    pub(crate) fn sqlite() -> Self {
        Self::on_sqlite(address("KAFKA_BROKERS"))
    }

    fn on_sqlite(brokers: String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("outbox.db");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        Self {
            _folder: Some(folder),
            ..Self::new(url, brokers)
        }
    }

    /// PostgreSQL and a real Kafka: the PostgreSQL in `DATABASE_URL`, else one of this test's own.
    pub(crate) async fn postgres() -> Self {
        let brokers = address("KAFKA_BROKERS");
        match env::var("DATABASE_URL") {
            Ok(url) if url.starts_with("postgres") => Self::new(new_database(&url).await, brokers),
            _ => Self::private_postgres(brokers).await,
        }
    }

    /// A PostgreSQL that may be killed.
    pub(crate) async fn private_postgres(brokers: String) -> Self {
        let server = PrivateBroker::start(Server::Postgres).await;
        Self {
            server: Some(server),
            ..Self::new(String::new(), brokers)
        }
        .with_new_database()
        .await
    }

    async fn with_new_database(mut self) -> Self {
        let server = self.server.as_ref().expect("a server");
        self.database = new_database(server.url()).await;
        self
    }

    fn new(database: String, brokers: String) -> Self {
        install_default_drivers();
        Self {
            database,
            brokers,
            topic: unique("outbox"),
            cluster: None,
            server: None,
            _folder: None,
        }
    }

    /// The program with these arguments, on this database and this Kafka.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        let (database, brokers, topic) = (&self.database, &self.brokers, &self.topic);
        let mut all = arguments.to_vec();
        // In a group with those of other tests it would wait for each of them that is killed.
        if arguments[0] == "consume" {
            all.extend(["--group", topic]);
        }
        all.extend([
            "--database",
            database,
            "--brokers",
            brokers,
            "--topic",
            topic,
        ]);
        Program::start(&all)
    }

    /// Places an order; where the request said that it was committed.
    pub(crate) async fn placed(&self, number: u32) -> Line {
        let number = number.to_string();
        let lines = self.start(&["place", "--number", &number]).success().await;
        only(&lines, "place", &format!("order {number} committed")).clone()
    }

    /// Publishes all that is in the outbox; what the relay said.
    pub(crate) async fn relayed(&self) -> Vec<Line> {
        self.start(&["relay", "--until-empty"]).success().await
    }

    /// Handles so many messages; what the consumer said.
    pub(crate) async fn consumed(&self, messages: usize) -> Vec<Line> {
        let messages = messages.to_string();
        let consumer = self.start(&["consume", "--messages", &messages]);
        consumer.success().await
    }

    /// The names of the spans of this topic.
    pub(crate) fn span(&self, operation: &str) -> String {
        format!("{operation} {}", self.topic)
    }

    /// The number that a query gives.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let mut connection = self.connect().await;
        let number = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
        number.expect("a number")
    }

    pub(crate) async fn execute(&self, sql: &'static str, text: Option<&str>) {
        let mut connection = self.connect().await;
        let statement = sqlx::query(sql).bind(text.map(str::to_owned));
        let done = statement.execute(&mut connection).await;
        done.expect("executed");
    }

    /// Leaves nothing on a server that was there before.
    pub(crate) async fn close(self) {
        if let (None, Ok(server)) = (&self.server, env::var("DATABASE_URL")) {
            let name = self.database.rsplit('/').next().unwrap_or_default();
            let name = name.split('?').next().unwrap_or_default();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            let mut connection = AnyConnection::connect(&server).await.expect("connected");
            let dropped = sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection);
            dropped.await.expect("dropped");
        }
    }

    async fn connect(&self) -> AnyConnection {
        let connected = AnyConnection::connect(&self.database).await;
        connected.expect("a connection")
    }
}

/// A database that no other test uses.
async fn new_database(server: &str) -> String {
    let options = PgConnectOptions::from_str(server).expect("an address");
    let name = unique("outbox").replace('-', "_");
    let mut connection = options.connect().await.expect("a connection");
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    let created = sqlx::raw_sql(create).execute(&mut connection).await;
    created.expect("a database");
    options.database(&name).to_url_lossy().to_string()
}
