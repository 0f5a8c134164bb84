//! A consumer with the settings of the command line, and how it is asked.

use crate::arguments::kafka::KafkaArguments;
use crate::error::Error;
use crate::source::kafka::configuration::{configuration, not_created};
use crate::source::kafka::failure::{Causes, SETTLED};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long the brokers may take for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// How soon Ctrl-C, and what librdkafka says on the side, are looked at.
pub(crate) const TURN: Duration = Duration::from_millis(250);

/// How long a question may take if it was not answered in a few turns.
const LONG_TURN: Duration = Duration::from_secs(3);

/// A consumer, and what it says on the side.
pub(crate) struct Connection {
    pub(crate) consumer: BaseConsumer<Causes>,
    pub(crate) address: String,
}

/// A question that has no answer.
pub(crate) enum Unanswered {
    /// It may have one later. The error is for the case that nothing else is known then.
    Yet(Option<Error>),
    Ever(Error),
}

impl From<KafkaError> for Unanswered {
    fn from(_: KafkaError) -> Self {
        Unanswered::Yet(None)
    }
}

impl Connection {
    /// librdkafka connects when it is asked for something.
    pub(crate) fn open(arguments: &KafkaArguments) -> Result<Self, Error> {
        let consumer = configuration(arguments)?.create_with_context(Causes::default());
        Ok(Self {
            consumer: consumer.map_err(|error| not_created(error, arguments))?,
            address: arguments.address(),
        })
    }

    /// Asks until there is an answer, a failure that lasts, or no time left; `None` if it was interrupted.
    pub(crate) fn ask<T>(
        &self,
        stop: &CancellationToken,
        mut question: impl FnMut(Duration) -> Result<T, Unanswered>,
    ) -> Result<Option<T>, Error> {
        let begin = Instant::now();
        let mut turns = 0;
        loop {
            let turn = if turns < 10 { TURN } else { LONG_TURN };
            turns += 1;
            let known = match question(turn) {
                Ok(answer) => {
                    self.causes().forget();
                    return Ok(Some(answer));
                }
                Err(Unanswered::Ever(error)) => return Err(error),
                Err(Unanswered::Yet(known)) => known,
            };
            self.hear();
            if stop.is_cancelled() {
                return Ok(None);
            }
            if let Some(failure) = self.causes().lasting(&self.address, SETTLED) {
                return Err(failure);
            }
            if begin.elapsed() >= PATIENCE {
                return Err(known.unwrap_or_else(|| self.causes().at_last(&self.address)));
            }
        }
    }

    /// Lets librdkafka hand over what it has to say. Nothing is assigned yet, so no message comes.
    fn hear(&self) {
        let mut left = 16;
        while left > 0 && self.consumer.poll(Duration::from_millis(20)).is_some() {
            left -= 1;
        }
    }

    pub(crate) fn causes(&self) -> &Causes {
        self.consumer.client().context()
    }

    /// A refusal of a topic in words; `None` if it may pass.
    pub(crate) fn refusal(&self, topic: &str, code: RDKafkaErrorCode) -> Option<Error> {
        let address = &self.address;
        match code {
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition => Some(Error::new(format_args!(
                "Kafka at {address} has no topic {topic}, or hides it from this user: check --topic"
            ))),
            RDKafkaErrorCode::InvalidTopic => Some(Error::new(format_args!(
                "{topic} is not a name that a topic of Kafka can have: check --topic"
            ))),
            RDKafkaErrorCode::TopicAuthorizationFailed => Some(Error::new(format_args!(
                "Kafka at {address} does not let this user read the topic {topic}: grant it READ and DESCRIBE"
            ))),
            _ => None,
        }
    }
}
