//! Brokers for tests that kill them, and databases.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::thread;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// What kind of broker.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    /// RabbitMQ.
    RabbitMq,
    /// RabbitMQ with two virtual hosts: the exchange `orders` of `downstream` is federated with that
    /// of `/`, one hop at most (`servers/federation.json`).
    FederatedRabbitMq,
    /// Kafka: one node.
    Kafka,
    /// NATS with JetStream.
    Nats,
    /// NATS with accounts: `BILLING` may call the service `orders` of `SHOP`, in which clients without
    /// a user are. In `TRACED` the server reports the way of sampled messages to the subject `reports`
    /// (`servers/accounts.conf`).
    NatsWithAccounts,
    /// PostgreSQL, with the rights of its superuser.
    Postgres,
}

/// A real broker that nobody else uses, to be killed and started again.
///
/// It is there until this value is dropped, or the test program ends in whatever way, and its data
/// as long: dropping waits for that.
#[derive(Debug)]
pub struct PrivateBroker {
    script: Child,
    answers: BufReader<ChildStdout>,
    url: String,
}

impl PrivateBroker {
    /// Starts a broker, on a port and in a data folder of its own, and waits until it answers: some
    /// 10 seconds for RabbitMQ and Kafka, 2 for PostgreSQL, less than one for NATS.
    ///
    /// # Panics
    ///
    /// When it does not start, with what `integration-tests/brokers` says.
    pub async fn start(server: Server) -> Self {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/brokers"));
        if let Some((variable, file)) = server.configuration() {
            let servers = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/");
            command.env(variable, servers.to_owned() + file);
        }
        let mut script = command
            .arg("private")
            .arg(server.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // It outlives what is sent to the tests' group, Ctrl-C say, to clean up after them.
            .process_group(0)
            .spawn()
            .expect("the script runs");
        let answers = BufReader::new(script.stdout.take().expect("piped"));
        let mut broker = Self {
            script,
            answers,
            url: String::new(),
        };
        broker.url = broker.answer().await;
        broker
    }

    /// The address for the client, as in `AMQP_URL`, `KAFKA_BROKERS`, `NATS_URL` and
    /// `DATABASE_URL`. It stays the same.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills the broker with SIGKILL, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// When it does not die, with what the script says.
    pub async fn kill(&mut self) {
        assert_eq!(self.command("kill").await, "killed");
    }

    /// Starts the killed broker again, with the data that it had, and waits until it answers: some
    /// 10 seconds for RabbitMQ and Kafka.
    ///
    /// # Panics
    ///
    /// When it does not start, with what the script says.
    pub async fn restart(&mut self) {
        assert_eq!(self.command("start").await, self.url);
    }

    async fn command(&mut self, command: &str) -> String {
        let input = self.script.stdin.as_mut().expect("open until the drop");
        // Should the script have ended, there is no answer either.
        let _ = input.write_all(format!("{command}\n").as_bytes()).await;
        self.answer().await
    }

    async fn answer(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).await;
        read.expect("text from the script");
        if !line.ends_with('\n') {
            let mut said = String::new();
            if let Some(mut errors) = self.script.stderr.take() {
                let read = errors.read_to_string(&mut said).await;
                read.expect("text from the script");
            }
            panic!("integration-tests/brokers private: no answer; it said:\n{said}");
        }
        line.truncate(line.len() - 1);
        line
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        // The end of its input tells the script to remove everything.
        drop(self.script.stdin.take());
        let Some(errors) = self.script.stderr.take() else {
            return; // read to its end, as the script has ended
        };
        let mut said = String::new();
        let errors = errors.into_owned_fd().map(File::from);
        let read = errors.and_then(|mut errors| errors.read_to_string(&mut said));
        // Its last output is written; its end is a matter of microseconds.
        let status = loop {
            match self.script.try_wait() {
                Ok(None) => thread::yield_now(),
                Ok(Some(status)) => break status,
                Err(error) => panic!("the script's end: {error}"),
            }
        };
        eprint!("{said}");
        if !thread::panicking() {
            assert!(read.is_ok() && status.success(), "{status}: {said}");
        }
    }
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::RabbitMq | Self::FederatedRabbitMq => "rabbitmq",
            Self::Kafka => "kafka",
            Self::Nats | Self::NatsWithAccounts => "nats",
            Self::Postgres => "postgres",
        }
    }

    /// The file by which it is configured, and the variable by which the script takes it.
    fn configuration(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::FederatedRabbitMq => Some(("BROKERS_RABBITMQ_DEFINITIONS", "federation.json")),
            Self::NatsWithAccounts => Some(("BROKERS_NATS_CONFIG", "accounts.conf")),
            Self::RabbitMq | Self::Kafka | Self::Nats | Self::Postgres => None,
        }
    }
}
