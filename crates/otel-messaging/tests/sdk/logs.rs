//! Log records of OpenTelemetry alone.

use crate::{logged, message, program, tenant};
use futures_util::FutureExt;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use otel_messaging::sdk::BaggageProcessor;

#[test]
fn a_log_record_of_a_handler_has_the_tenant_of_the_message() {
    let program = program(&tenant());
    let logger = program.loggers.logger("application");
    let received = message("tenant=ac%1Bme");
    let handled = program
        .instrumentation()
        .with_message_context(&received, async |_| {
            logger.emit(logger.create_log_record());
            let mut own = logger.create_log_record();
            own.add_attribute("tenant", AnyValue::from("own"));
            logger.emit(own);
        });
    assert!(handled.now_or_never().is_some());
    logger.emit(logger.create_log_record());
    let found: Vec<_> = program
        .logs()
        .iter()
        .map(|record| logged(record, "tenant"))
        .collect();
    assert_eq!(
        found,
        [
            vec!["ac\u{fffd}me".to_owned()],
            vec!["own".to_owned()],
            vec![]
        ]
    );
}

/// The SDK asks whether any processor wants a record: this one must not answer for the others.
#[test]
fn it_wants_no_records_for_itself() {
    let processor = BaggageProcessor::new(tenant());
    let alone = SdkLoggerProvider::builder()
        .with_log_processor(processor)
        .build();
    let logger = alone.logger("application");
    assert!(!logger.event_enabled(Severity::Error, "target", None));
    let program = program(&tenant());
    let logger = program.loggers.logger("application");
    assert!(logger.event_enabled(Severity::Error, "target", None));
}
