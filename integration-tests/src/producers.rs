//! Producers in other languages, with the mistakes that people make: `producers/`.

use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::process::Command;

/// A Java machine with an agent takes seconds to start, and longer when other tests run.
const TIME_TO_SEND: Duration = Duration::from_secs(120);

/// A service that uses OpenTelemetry, by its language.
#[derive(Clone, Copy, Debug)]
pub enum Producer {
    /// kafka-python and pika with their instrumentations; nats-py.
    Python,
    /// kafkajs and amqplib with their instrumentations; nats.js.
    Node,
    /// franz-go with kotel; amqp091-go and nats.go with carriers of their own.
    Go,
    /// Kafka's client and RabbitMQ's, with the agent.
    Java,
}

impl Producer {
    /// Sends so many messages, each in the span of a request of its own, and gives the traces of
    /// the requests, in the order of the messages: zeros where nothing makes spans.
    ///
    /// The first call for a language installs what it needs, which may take a minute.
    ///
    /// # Panics
    ///
    /// When it does not send them, with what `integration-tests/producers/send` says.
    pub async fn send(
        self,
        mistake: &str,
        address: &str,
        destination: &str,
        count: usize,
    ) -> Vec<String> {
        let installed = tokio::task::spawn_blocking(move || self.install());
        installed.await.unwrap_or_else(|error| panic!("{error}"));
        let count = count.to_string();
        let arguments = [self.language(), address, destination, mistake, &count];
        let running = Command::new(SCRIPT)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(TIME_TO_SEND, running).await;
        let output =
            output.unwrap_or_else(|_| panic!("{arguments:?}: not within {TIME_TO_SEND:?}"));
        let output = output.expect("the script runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} failed:\n{said}");
        let traces = String::from_utf8(output.stdout).expect("text");
        traces.split_whitespace().map(str::to_owned).collect()
    }

    fn language(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    /// Once in a run of the tests. Without a bound of time, as registries may be slow.
    fn install(self) {
        static INSTALLED: [OnceLock<()>; 4] = [const { OnceLock::new() }; 4];
        INSTALLED[self as usize].get_or_init(|| {
            let installing = std::process::Command::new(SCRIPT)
                .args(["install", self.language()])
                .stdin(Stdio::null())
                .output();
            let output = installing.expect("the script runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{self:?} is not there:\n{said}");
        });
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/producers/send");
