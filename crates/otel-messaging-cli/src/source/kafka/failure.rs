//! Why librdkafka has no connection. It goes on trying for ever, and tells the causes on the side.

use crate::error::Error;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A host may have several addresses, of which librdkafka tries one at a time.
pub(crate) const SETTLED: Duration = Duration::from_secs(2);

/// What is heard of the connections.
#[derive(Debug, Default)]
pub(crate) struct Causes(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// The newest that says why.
    cause: Option<(RDKafkaErrorCode, String)>,
    /// Since when no broker can be reached.
    all_down: Option<Instant>,
}

impl Causes {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called when a broker has answered.
    pub(crate) fn forget(&self) {
        *self.heard() = Heard::default();
    }

    /// The cause, if it does not go away: a refusal, or no broker for so long.
    pub(crate) fn lasting(&self, address: &str, patience: Duration) -> Option<Error> {
        let heard = self.heard();
        let (code, text) = heard.cause.as_ref()?;
        let is_lasting = matches!(
            code,
            RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SSL
                | RDKafkaErrorCode::SaslAuthenticationFailed
        );
        let is_settled = heard
            .all_down
            .is_some_and(|since| since.elapsed() >= patience);
        (is_lasting || is_settled).then(|| explained(address, *code, text))
    }

    /// Whatever is known when the time is over.
    pub(crate) fn at_last(&self, address: &str) -> Error {
        match &self.heard().cause {
            Some((code, text)) => explained(address, *code, text),
            None => Error::new(format_args!(
                "Kafka at {address} does not answer: check --brokers, and whether the listener wants TLS (--tls) or a login (--username)"
            )),
        }
    }
}

fn explained(address: &str, code: RDKafkaErrorCode, text: &str) -> Error {
    let advice = match code {
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => {
            "refuses the login: check --username, the password and --sasl-mechanism"
        }
        RDKafkaErrorCode::SSL => {
            "cannot be reached with TLS: check --tls-ca, --tls-cert, and whether the listener speaks TLS"
        }
        RDKafkaErrorCode::Resolve => "has an unknown host: check --brokers",
        _ => {
            "cannot be reached: check --brokers, and whether the listener wants TLS (--tls) or a login (--username)"
        }
    };
    Error::new(format_args!(
        "Kafka at {address} {advice} ({})",
        without_origin(text)
    ))
}

/// librdkafka's text without the names that it has for its own connections, and without times and states.
fn without_origin(text: &str) -> &str {
    let text = text.split(" (after ").next().unwrap_or(text);
    let origin = text
        .split_once("]: ")
        .or_else(|| text.split_once("/bootstrap: "));
    origin.map_or(text, |(_, rest)| rest)
}

/// Nothing is printed: what librdkafka says would be in the way of the report.
impl ClientContext for Causes {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _text: &str) {}

    fn stats(&self, _statistics: Statistics) {}

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, text: &str) {
        let Some(code) = error.rdkafka_error_code() else {
            return;
        };
        let mut heard = self.heard();
        match code {
            RDKafkaErrorCode::AllBrokersDown => {
                heard.all_down.get_or_insert_with(Instant::now);
            }
            // Of a group that the doctor is in by name only.
            RDKafkaErrorCode::GroupAuthorizationFailed | RDKafkaErrorCode::PartitionEOF => {}
            _ => heard.cause = Some((code, text.to_owned())),
        }
    }
}

impl ConsumerContext for Causes {}
