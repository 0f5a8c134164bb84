//! Names of rdkafka's errors for `error.type`.

use crate::native;
use rdkafka::error::KafkaError;

/// librdkafka's name of the error, such as `NOT_ENOUGH_REPLICAS`, or `_OTHER` if rdkafka gives no code.
pub(crate) fn error_type(error: &KafkaError) -> &'static str {
    let code = error.rdkafka_error_code();
    code.map_or("_OTHER", native::error_name)
}

#[cfg(test)]
mod tests {
    use crate::headers::Kafka;
    use otel_messaging::adapter::Client;
    use rdkafka::error::KafkaError;
    use rdkafka::types::RDKafkaErrorCode;
    use std::io;

    #[test]
    fn errors_of_rdkafka_have_names() {
        for (error, name) in [
            (
                KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition),
                "UNKNOWN_TOPIC_OR_PART",
            ),
            (
                KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId),
                "FENCED_INSTANCE_ID",
            ),
            (KafkaError::Canceled, "_OTHER"),
        ] {
            assert_eq!(Kafka::error_type(&error).as_deref(), Some(name));
        }
        let foreign = io::Error::other("of the disk");
        assert_eq!(Kafka::error_type(&foreign), None);
    }
}
