#![doc = include_str!("../../CONVENTIONS.md")]
// The strings are copied: the published constants of OpenTelemetry are those of an older version, behind an
// experimental feature.

/// The schema of these names, for tracers, meters and loggers.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.45.0";

/// `error.type`: a name for the failure, of low cardinality.
pub const ERROR_TYPE: &str = "error.type";
/// `exception.type`: of log events, the same as `error.type` of the span.
pub const EXCEPTION_TYPE: &str = "exception.type";
/// `exception.message`: of log events, the same as the text of the span's status.
pub const EXCEPTION_MESSAGE: &str = "exception.message";
/// `messaging.system.name`: `kafka`, `nats` or `rabbitmq`.
pub const MESSAGING_SYSTEM_NAME: &str = "messaging.system.name";
/// `messaging.operation.name`: the client's word, such as `publish` or `send`; or `create`.
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
/// `messaging.operation.type`: `create`, `send`, `receive`, `process` or `settle`.
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
/// `messaging.destination.name`: the topic, the subject, or exchange, routing key and queue.
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
/// `messaging.destination.template`: the pattern of the destination, such as `orders.{id}.created`.
pub const MESSAGING_DESTINATION_TEMPLATE: &str = "messaging.destination.template";
/// `messaging.destination.temporary`: only when true.
pub const MESSAGING_DESTINATION_TEMPORARY: &str = "messaging.destination.temporary";
/// `messaging.destination.anonymous`: only when true.
pub const MESSAGING_DESTINATION_ANONYMOUS: &str = "messaging.destination.anonymous";
/// `messaging.destination.partition.id`: a string.
pub const MESSAGING_DESTINATION_PARTITION_ID: &str = "messaging.destination.partition.id";
/// `messaging.destination.subscription.name`: the subscription.
pub const MESSAGING_DESTINATION_SUBSCRIPTION_NAME: &str = "messaging.destination.subscription.name";
/// `messaging.batch.message_count`: how many messages a poll gave, or a batch sent; an integer.
pub const MESSAGING_BATCH_MESSAGE_COUNT: &str = "messaging.batch.message_count";
/// `messaging.message.id`: the identifier that the sender gave the message.
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";
/// `messaging.message.conversation_id`: the correlation id.
pub const MESSAGING_MESSAGE_CONVERSATION_ID: &str = "messaging.message.conversation_id";
/// `messaging.message.body.size`: in bytes, an integer; opt-in.
pub const MESSAGING_MESSAGE_BODY_SIZE: &str = "messaging.message.body.size";
/// `messaging.message.envelope.size`: body, key, headers and properties, in bytes, an integer; opt-in.
pub const MESSAGING_MESSAGE_ENVELOPE_SIZE: &str = "messaging.message.envelope.size";
/// `messaging.consumer.group.name`: the consumer group.
pub const MESSAGING_CONSUMER_GROUP_NAME: &str = "messaging.consumer.group.name";
/// `messaging.client.id`: the identifier of the client.
pub const MESSAGING_CLIENT_ID: &str = "messaging.client.id";
/// `server.address`: the broker's, if there is one.
pub const SERVER_ADDRESS: &str = "server.address";
/// `server.port`: an integer.
pub const SERVER_PORT: &str = "server.port";

/// `kafka.message.key`: absent when null or not text.
pub const KAFKA_MESSAGE_KEY: &str = "kafka.message.key";
/// `kafka.message.tombstone`: only when true.
pub const KAFKA_MESSAGE_TOMBSTONE: &str = "kafka.message.tombstone";
/// `kafka.offset`: an integer.
pub const KAFKA_OFFSET: &str = "kafka.offset";

/// `rabbitmq.destination.routing_key`: absent when empty.
pub const RABBITMQ_DESTINATION_ROUTING_KEY: &str = "rabbitmq.destination.routing_key";
/// `rabbitmq.message.delivery_tag`: an integer.
pub const RABBITMQ_MESSAGE_DELIVERY_TAG: &str = "rabbitmq.message.delivery_tag";
/// `rabbitmq.message.redelivered`: only when true. This name and the next are this project's.
pub const RABBITMQ_MESSAGE_REDELIVERED: &str = "rabbitmq.message.redelivered";
/// `rabbitmq.message.delivery_count`: only when greater than 1, an integer.
pub const RABBITMQ_MESSAGE_DELIVERY_COUNT: &str = "rabbitmq.message.delivery_count";

/// `nats.stream`: the JetStream stream. The conventions have no page for NATS; the names that begin with
/// `nats` are this project's.
pub const NATS_STREAM: &str = "nats.stream";
/// `nats.consumer`: the JetStream consumer.
pub const NATS_CONSUMER: &str = "nats.consumer";
/// `nats.sequence`: the message's number in its stream, an integer.
pub const NATS_SEQUENCE: &str = "nats.sequence";
/// `nats.delivery_count`: 1 for the first delivery, an integer.
pub const NATS_DELIVERY_COUNT: &str = "nats.delivery_count";
/// `nats.duplicate`: only when true, the stream had the message already.
pub const NATS_DUPLICATE: &str = "nats.duplicate";
/// `nats.service_error_code`: what a service's answer says of its failure, an integer.
pub const NATS_SERVICE_ERROR_CODE: &str = "nats.service_error_code";

/// `otel_messaging.batch.failed_messages`: how many messages of a batch failed, an integer; only if any.
pub const OTEL_MESSAGING_BATCH_FAILED_MESSAGES: &str = "otel_messaging.batch.failed_messages";
/// `otel_messaging.dead_letter.error`: why a message was put aside.
pub const OTEL_MESSAGING_DEAD_LETTER_ERROR: &str = "otel_messaging.dead_letter.error";
/// `otel_messaging.dead_letter.source`: where it came from.
pub const OTEL_MESSAGING_DEAD_LETTER_SOURCE: &str = "otel_messaging.dead_letter.source";
/// `otel_messaging.header.`: what the names of captured headers begin with; a list of strings each.
pub const OTEL_MESSAGING_HEADER: &str = "otel_messaging.header.";
/// `otel_messaging.propagation.outcome`: what became of the context of a message.
pub const OTEL_MESSAGING_PROPAGATION_OUTCOME: &str = "otel_messaging.propagation.outcome";
/// `otel_messaging.queue_time`: from the sending of a message to its handling. It is an attribute in
/// seconds, and the name of a histogram in `s`.
pub const OTEL_MESSAGING_QUEUE_TIME: &str = "otel_messaging.queue_time";

/// `messaging.client.operation.duration`: a histogram in `s`; sends and receives.
pub const MESSAGING_CLIENT_OPERATION_DURATION: &str = "messaging.client.operation.duration";
/// `messaging.client.sent.messages`: a counter in `{message}`; attempts.
pub const MESSAGING_CLIENT_SENT_MESSAGES: &str = "messaging.client.sent.messages";
/// `messaging.client.consumed.messages`: a counter in `{message}`; deliveries.
pub const MESSAGING_CLIENT_CONSUMED_MESSAGES: &str = "messaging.client.consumed.messages";
/// `messaging.process.duration`: a histogram in `s`; the handling of a message.
pub const MESSAGING_PROCESS_DURATION: &str = "messaging.process.duration";
/// `otel_messaging.propagation.messages`: a counter in `{message}`, by
/// [outcome](OTEL_MESSAGING_PROPAGATION_OUTCOME).
pub const OTEL_MESSAGING_PROPAGATION_MESSAGES: &str = "otel_messaging.propagation.messages";

/// `messaging.send.exception`: the log event of a message that was not sent.
pub const MESSAGING_SEND_EXCEPTION: &str = "messaging.send.exception";
/// `messaging.receive.exception`: the log event of a poll that failed.
pub const MESSAGING_RECEIVE_EXCEPTION: &str = "messaging.receive.exception";
/// `messaging.process.exception`: the log event of a handler that failed.
pub const MESSAGING_PROCESS_EXCEPTION: &str = "messaging.process.exception";
/// `messaging.settle.exception`: the log event of a settlement that failed.
pub const MESSAGING_SETTLE_EXCEPTION: &str = "messaging.settle.exception";
