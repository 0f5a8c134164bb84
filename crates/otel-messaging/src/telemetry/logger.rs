//! By whom log events are recorded: a logger provider that was given.

use crate::loss::boundary::{Boundary, count};
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::message::received::Client;
use crate::telemetry::tracers::{CLIENTS, scope};
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::SpanContext;
use opentelemetry::{Context, InstrumentationScope};
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// What a log event says.
pub(crate) struct Event<'a> {
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) at: SystemTime,
    pub(crate) span: &'a SpanContext,
    pub(crate) attributes: Vec<(&'static str, AnyValue)>,
}

/// The loggers of a provider, one for each client.
pub(crate) struct Loggers {
    /// Until it is dropped.
    provider: Option<Box<dyn Provider>>,
    loggers: [OnceLock<(&'static str, Arc<dyn Emit>)>; CLIENTS],
    boundary: Boundary,
}

impl Loggers {
    pub(crate) fn new<P>(provider: P) -> Self
    where
        P: LoggerProvider + Send + Sync + 'static,
        P::Logger: Send + Sync + 'static,
    {
        Self {
            provider: Some(Box::new(provider)),
            loggers: [const { OnceLock::new() }; CLIENTS],
            boundary: Boundary::new(Behind::Logger),
        }
    }

    /// Emits what `event` makes by the logger of this scope, with the context current, behind the boundary to
    /// the provider's code.
    pub(crate) fn emit<'a>(
        &self,
        scope: Scope,
        context: &Context,
        event: impl FnOnce() -> Event<'a>,
    ) {
        self.boundary.ask(Step::DESCRIBE, || {
            // Processors may copy its baggage.
            let _attached = context.clone().attach();
            if let Some(provider) = &self.provider {
                let logger = self.logger(provider.as_ref(), scope);
                logger.emit_event(scope.name, event());
            }
        });
    }

    fn logger(&self, provider: &dyn Provider, scope: Scope) -> Arc<dyn Emit> {
        let made = || provider.logger_of((scope.make)());
        for place in &self.loggers {
            let (name, logger) = place.get_or_init(|| (scope.name, made()));
            if *name == scope.name {
                return logger.clone();
            }
        }
        made()
    }
}

/// With the last message or the last instrumentation that has it. A provider ends its work when its last
/// handle is dropped.
impl Drop for Loggers {
    fn drop(&mut self) {
        let provider = self.provider.take();
        let loggers = mem::replace(&mut self.loggers, [const { OnceLock::new() }; CLIENTS]);
        count(Behind::Logger, || drop((loggers, provider)));
    }
}

/// The instrumentation scope of a client, made when it is needed.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    name: &'static str,
    make: fn() -> InstrumentationScope,
}

impl Scope {
    pub(crate) fn of<C: Client>() -> Self {
        Self {
            name: C::NAME,
            make: scope::<C>,
        }
    }
}

/// A logger provider of any type. OpenTelemetry's own trait has an associated type.
trait Provider: Send + Sync {
    fn logger_of(&self, scope: InstrumentationScope) -> Arc<dyn Emit>;
}

impl<P> Provider for P
where
    P: LoggerProvider + Send + Sync,
    P::Logger: Send + Sync + 'static,
{
    fn logger_of(&self, scope: InstrumentationScope) -> Arc<dyn Emit> {
        Arc::new(self.logger_with_scope(scope))
    }
}

/// A logger of any type.
trait Emit: Send + Sync {
    fn emit_event(&self, target: &str, event: Event<'_>);
}

impl<L: Logger + Send + Sync> Emit for L {
    fn emit_event(&self, target: &str, event: Event<'_>) {
        if !self.event_enabled(event.severity, target, Some(event.name)) {
            return;
        }
        let mut record = self.create_log_record();
        record.set_event_name(event.name);
        record.set_severity_number(event.severity);
        record.set_severity_text(event.severity.name());
        record.set_timestamp(event.at);
        record.set_observed_timestamp(event.at);
        let span = event.span;
        if span.is_valid() {
            // Also if the span is not sampled.
            record.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
        }
        record.add_attributes(event.attributes);
        self.emit(record);
    }
}
