//! The log events of failures, if the application wants them (conventions, "Messaging exceptions").

use crate::message::received::Client;
use crate::message::remote_text;
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::logger::{Event, Loggers, Scope};
use crate::telemetry::semconv;
use crate::telemetry::span_builder::Known;
use opentelemetry::Context;
use opentelemetry::logs::{LoggerProvider, Severity};
use opentelemetry::trace::TraceContextExt;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

/// By which provider failures are logged, if at all.
#[derive(Clone, Default)]
pub(crate) struct Exceptions(Option<Arc<Loggers>>);

impl Exceptions {
    /// By this provider.
    pub(crate) fn given<P>(provider: P) -> Self
    where
        P: LoggerProvider + Send + Sync + 'static,
        P::Logger: Send + Sync + 'static,
    {
        Self(Some(Arc::new(Loggers::new(provider))))
    }

    /// Whether failures are logged.
    #[inline]
    pub(crate) fn are_logged(&self) -> bool {
        self.0.is_some()
    }

    /// What logs the failure of one operation.
    #[inline]
    pub(crate) fn of<C: Client>(&self, known: &Known<'_>) -> Reporter {
        let loggers = self.0.as_ref();
        Reporter(loggers.map(|loggers| Box::new(Operated::new::<C>(loggers.clone(), known))))
    }
}

/// What logs the failure of one operation, if failures are logged.
#[derive(Default)]
pub(crate) struct Reporter(Option<Box<Operated>>);

// Every message has one.
const _: () = assert!(size_of::<Reporter>() == size_of::<usize>());

/// An operation, as its event shows it.
struct Operated {
    loggers: Arc<Loggers>,
    scope: Scope,
    action: Action,
    system: &'static str,
    destination: Option<String>,
    template: Option<Arc<str>>,
}

impl Operated {
    #[cold]
    fn new<C: Client>(loggers: Arc<Loggers>, known: &Known<'_>) -> Self {
        let destination = known.info.destination();
        Self {
            loggers,
            scope: Scope::of::<C>(),
            action: known.action,
            system: known.system(),
            destination: destination
                .is_known()
                .then(|| remote_text::shown_of_parts(destination)),
            template: known.template.cloned(),
        }
    }
}

impl Reporter {
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Logs a failure in the context of its operation. The texts are as spans show them.
    #[cold]
    pub(crate) fn report(
        &self,
        context: &Context,
        error_type: Cow<'static, str>,
        description: String,
    ) {
        let Some(of) = &self.0 else {
            return;
        };
        if Context::is_current_telemetry_suppressed() {
            return;
        }
        let span = context.span();
        of.loggers.emit(of.scope, context, || {
            let mut attributes = vec![
                (semconv::EXCEPTION_TYPE, error_type.into()),
                (semconv::MESSAGING_SYSTEM_NAME, of.system.into()),
                (semconv::MESSAGING_OPERATION_NAME, of.action.name.into()),
            ];
            if !description.is_empty() {
                attributes.push((semconv::EXCEPTION_MESSAGE, description.into()));
            }
            if let Some(destination) = &of.destination {
                let key = semconv::MESSAGING_DESTINATION_NAME;
                attributes.push((key, destination.clone().into()));
            }
            if let Some(template) = &of.template {
                let key = semconv::MESSAGING_DESTINATION_TEMPLATE;
                attributes.push((key, template.to_string().into()));
            }
            let (name, severity) = event_of(of.action.operation);
            Event {
                name,
                severity,
                at: SystemTime::now(),
                span: span.span_context(),
                attributes,
            }
        });
    }
}

/// The event of an operation that fails. The making of a message does not fail: what is said of it is about
/// its sending.
fn event_of(operation: Operation) -> (&'static str, Severity) {
    match operation {
        Operation::Send | Operation::Forward | Operation::Create | Operation::SendBatch => {
            (semconv::MESSAGING_SEND_EXCEPTION, Severity::Warn)
        }
        Operation::Receive => (semconv::MESSAGING_RECEIVE_EXCEPTION, Severity::Warn),
        Operation::Settle => (semconv::MESSAGING_SETTLE_EXCEPTION, Severity::Warn),
        Operation::Process => (semconv::MESSAGING_PROCESS_EXCEPTION, Severity::Error),
    }
}
