//! The ways in which a program may have set up its spans, and the records of its logs.

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState, TracerProvider};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use otel_messaging::{Instrumentation, current_context};
use std::sync::{Arc, Mutex};
use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

/// How a program has set up its spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// There is no tracer provider, and no layer.
    Nothing,
    /// The instrumentation has a tracer provider. The subscriber has no layer for spans.
    Provider,
    /// The same, and the subscriber has a tracing-opentelemetry layer over the same provider.
    ProviderAndLayer,
    /// There is a layer, and it activates contexts or not. Without the feature `tracing` this crate does not
    /// see it.
    Layer { activates: bool },
}

/// A way to set up a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) setup: Setup,
    pub(crate) is_sampled: bool,
}

pub(crate) fn modes() -> impl Iterator<Item = Mode> {
    let setups = [
        Setup::Nothing,
        Setup::Provider,
        Setup::ProviderAndLayer,
        Setup::Layer { activates: true },
        Setup::Layer { activates: false },
    ];
    let of = |setup| [true, false].map(|is_sampled| Mode { setup, is_sampled });
    setups.into_iter().flat_map(of)
}

impl Mode {
    /// Whether a message gets a span of its own.
    pub(crate) fn has_spans(self) -> bool {
        match self.setup {
            Setup::Nothing => false,
            Setup::Provider | Setup::ProviderAndLayer => true,
            Setup::Layer { .. } => cfg!(feature = "tracing"),
        }
    }

    /// Whether a span of `tracing` is current to OpenTelemetry while it is entered.
    pub(crate) fn has_children(self) -> bool {
        matches!(
            self.setup,
            Setup::ProviderAndLayer | Setup::Layer { activates: true }
        )
    }

    /// Sets a program up on this thread.
    pub(crate) fn begin(self) -> Program {
        let spans = InMemorySpanExporter::default();
        let sampler = if self.is_sampled {
            Sampler::AlwaysOn
        } else {
            Sampler::AlwaysOff
        };
        let tracers = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .with_sampler(sampler)
            .build();
        let exporter = InMemoryLogExporter::default();
        let loggers = SdkLoggerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let layer = |activates| {
            tracing_opentelemetry::layer()
                .with_tracer(tracers.tracer("application"))
                .with_context_activation(activates)
        };
        let layer = match self.setup {
            Setup::Nothing | Setup::Provider => None,
            Setup::ProviderAndLayer => Some(layer(true)),
            Setup::Layer { activates } => Some(layer(activates)),
        };
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(OpenTelemetryTracingBridge::new(&loggers));
        let dispatch = Dispatch::new(subscriber);
        let by = match self.setup {
            Setup::Nothing | Setup::Layer { .. } => Instrumentation::default(),
            Setup::Provider | Setup::ProviderAndLayer => Instrumentation::builder()
                .with_tracer_provider(&tracers)
                .build(),
        };
        Program {
            _subscribed: tracing::dispatcher::set_default(&dispatch),
            log: Log {
                logger: loggers.logger("application"),
                dispatch,
                current: Arc::default(),
            },
            by,
            spans,
            exporter,
        }
    }
}

/// A program that runs on this thread.
pub(crate) struct Program {
    pub(crate) by: Instrumentation,
    pub(crate) log: Log,
    spans: InMemorySpanExporter,
    exporter: InMemoryLogExporter,
    _subscribed: DefaultGuard,
}

/// What a handler logs by.
#[derive(Clone)]
pub(crate) struct Log {
    logger: SdkLogger,
    dispatch: Dispatch,
    /// What was current at each call.
    current: Arc<Mutex<Vec<SpanContext>>>,
}

impl Log {
    /// Writes a record by `tracing`, and one by OpenTelemetry.
    pub(crate) fn write(&self) {
        tracing::info!(target: "application", "by tracing");
        let mut record = self.logger.create_log_record();
        record.set_body(AnyValue::from("by OpenTelemetry"));
        self.logger.emit(record);
        let context = current_context();
        let current = context.span().span_context().clone();
        self.current.lock().expect("not poisoned").push(current);
    }

    /// Works with the program's subscriber, on another thread.
    pub(crate) fn subscribed<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }
}

impl Program {
    /// The span that was current to this crate when each pair of records was written, and the span that both
    /// records name.
    pub(crate) fn written(&self) -> Vec<(SpanContext, SpanContext)> {
        let records = self.exporter.get_emitted_logs().expect("in memory");
        let records = records
            .iter()
            .filter(|it| it.record.target().is_none_or(|it| it == "application"));
        let named: Vec<_> = records
            .map(|it| {
                let named = it.record.trace_context();
                let named = named.unwrap_or_else(|| panic!("without a trace: {:?}", it.record));
                SpanContext::new(
                    named.trace_id,
                    named.span_id,
                    named.trace_flags.unwrap_or_default(),
                    false,
                    TraceState::NONE,
                )
            })
            .collect();
        let current = self.log.current.lock().expect("not poisoned").clone();
        assert_eq!(named.len(), 2 * current.len(), "two records at each place");
        let pairs = named.chunks_exact(2).map(|pair| {
            assert_eq!(pair[0], pair[1], "by both interfaces alike");
            pair[0].clone()
        });
        current.into_iter().zip(pairs).collect()
    }

    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("in memory")
    }
}
