//! Names of rdkafka's errors for `error.type`.

use crate::native;
use rdkafka::error::KafkaError;

/// librdkafka's name of the error, such as `NOT_ENOUGH_REPLICAS`, or `_OTHER` if rdkafka gives no code.
pub(crate) fn error_type(error: &KafkaError) -> &'static str {
    let code = error.rdkafka_error_code();
    code.map_or("_OTHER", native::error_name)
}
