//! The ways in which a trace breaks between two services: why, as a rule, and what to do.

use crate::report::Severity;

/// What is wrong with a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FailureMode {
    ProducerNotExported,
    OwnTrace,
    OnlyLinked,
    NoConsumerSpan,
    WorkEscaped,
    ParentUnsampled,
}

impl FailureMode {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] = [
        Self::ProducerNotExported,
        Self::OwnTrace,
        Self::OnlyLinked,
        Self::NoConsumerSpan,
        Self::WorkEscaped,
        Self::ParentUnsampled,
    ];

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::ProducerNotExported => "producer-span-not-exported",
            Self::OwnTrace => "consumer-own-trace",
            Self::OnlyLinked => "consumer-only-linked",
            Self::NoConsumerSpan => "no-consumer-span",
            Self::WorkEscaped => "work-escaped",
            Self::ParentUnsampled => "parent-unsampled",
        }
    }

    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::ProducerNotExported | Self::OwnTrace => Severity::Error,
            Self::OnlyLinked | Self::NoConsumerSpan | Self::WorkEscaped => Severity::Warning,
            Self::ParentUnsampled => Severity::Note,
        }
    }

    /// The usual causes, the most frequent first.
    pub(crate) fn causes(self) -> &'static [&'static str] {
        match self {
            Self::ProducerNotExported => &[
                "The producer's process ended before its exporter sent the last spans.",
                "The producer never ended the span. A span is exported when it ends.",
                "The producer's SDK has no exporter, or its exporter fails.",
                "The producer passed on the context of a span that another system exports elsewhere.",
                "A collector on the way dropped the span, for instance by tail sampling.",
            ],
            Self::OwnTrace => &[
                "The consumer has no instrumentation, or installed it after the client was created.",
                "The consumer has another propagator than the producer, so it does not read `traceparent`.",
                "The consumer sets the parent after its span has begun, such as `set_parent` of \
                 tracing-opentelemetry within the body of an `#[instrument]` function.",
                "The consumer reads the context but does not make it current, so spans of spawned tasks and threads \
                 begin traces of their own.",
                "The consumer's policy for incoming contexts restarts the trace without a link.",
            ],
            Self::OnlyLinked => &[
                "The consumer receives batches. One span for several messages has a link to each.",
                "The instrumentation links by design: kafkajs `eachBatch` and amqplib with \
                 `useLinksForConsume` in Node, receive telemetry in Java, confluent-kafka in Python.",
                "The consumer's relation or policy restarts the trace with a link.",
            ],
            Self::NoConsumerSpan => &[
                "The messages were not consumed yet.",
                "The consumer has no instrumentation.",
                "The consumer's SDK has no exporter, or its exporter has not sent the spans yet.",
                "The consumer's spans are in traces of their own and tell neither their kind nor the destination, so \
                 nothing shows that they are about these messages: such as those of an `#[instrument]` function that \
                 sets the parent within its body.",
            ],
            Self::WorkEscaped => &[
                "The consumer publishes from a task or a thread that it started without the context of its handler.",
                "The producing client has instrumentation, but the handler's context is not the current one there.",
                "The service also publishes without a message as the reason, for instance by a timer. Then nothing \
                 is wrong.",
            ],
            Self::ParentUnsampled => &[
                "The sampler at the start of the trace decided against it. Neither the producer nor a consumer that \
                 follows the decision exports spans.",
            ],
        }
    }

    pub(crate) fn fix(self) -> &'static str {
        match self {
            Self::ProducerNotExported => {
                "Shut down the producer's tracer provider before the process ends, end its spans, and look at the log \
                 of its exporter and of the collector."
            }
            Self::OwnTrace => {
                "Install the consumer's instrumentation before its client is created, with the W3C propagator, and set \
                 the extracted context as the parent when the span begins."
            }
            Self::OnlyLinked => {
                "If one trace is wanted, process each message in a span of its own, with the message's context as \
                 the parent. Otherwise follow the link. With receive telemetry in Java the baggage is lost too: turn it \
                 off if baggage is needed."
            }
            Self::NoConsumerSpan => {
                "Look again after the messages were consumed. If they were, install the consumer's instrumentation and \
                 check its exporter."
            }
            Self::WorkEscaped => {
                "Give the handler's context to the tasks and threads that it starts; in Rust, spawn \
                 `future_in_context(work)`."
            }
            Self::ParentUnsampled => {
                "If these traces are needed, raise the ratio of the sampler at the start of the trace."
            }
        }
    }
}
