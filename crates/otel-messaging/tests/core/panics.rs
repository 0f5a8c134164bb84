//! Telemetry of the application's that panics, comes back or is slow: the message is sent and
//! handled.

use crate::message::{Message, NOWHERE, TRACEPARENT, message, spans};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, Span, SpanData,
    SpanProcessor,
};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{DeadLetter, Destination, Outcome, Relay};
use otel_messaging::loss::caught_panics;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

/// Where telemetry is hostile.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Where {
    Sampler,
    OnStart,
    OnEnd,
    Fields,
    Inject,
    Extract,
}

const PLACES: [Where; 6] = [
    Where::Sampler,
    Where::OnStart,
    Where::OnEnd,
    Where::Fields,
    Where::Inject,
    Where::Extract,
];

/// How.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Panics,
    /// Sends and handles a message by the instrumentation that calls it.
    ComesBack,
}

#[derive(Debug, Clone)]
struct Hostile {
    place: Where,
    how: How,
    asked: Arc<AtomicU32>,
    by: Arc<OnceLock<Instrumentation>>,
}

impl Hostile {
    fn new(place: Where, how: How) -> Self {
        Self {
            place,
            how,
            asked: Arc::default(),
            by: Arc::default(),
        }
    }

    fn act(&self, place: Where) {
        if place != self.place {
            return;
        }
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        match self.how {
            How::Panics => panic!("{place:?}"),
            How::ComesBack => {
                assert!(asked < 1000, "without end");
                let by = self.by.get().expect("set");
                send(by, &mut BTreeMap::new(), REFUSED);
                assert_eq!(handle(by, &message()), 7);
            }
        }
    }

    fn instrumentation(&self) -> Instrumentation {
        let provider = SdkTracerProvider::builder()
            .with_sampler(self.clone())
            .with_span_processor(self.clone())
            .build();
        let by = Instrumentation::builder().with_tracer_provider(&provider);
        let by = by.with_propagator(LatelyHostile(self.clone())).build();
        self.by.set(by.clone()).expect("once");
        by
    }
}

impl ShouldSample for Hostile {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        self.act(Where::Sampler);
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

impl SpanProcessor for Hostile {
    fn on_start(&self, _: &mut Span, _: &Context) {
        self.act(Where::OnStart);
    }

    fn on_end(&self, _: SpanData) {
        self.act(Where::OnEnd);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Its fields are asked for when it is given, which is no message's time.
#[derive(Debug)]
struct LatelyHostile(Hostile);

static FIELDS: LazyLock<[String; 2]> = LazyLock::new(|| ["x-trace", "x-more"].map(str::to_owned));

impl TextMapPropagator for LatelyHostile {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        injector.set("x-trace", "new".to_owned());
        injector.set("undeclared", "new".to_owned());
        self.0.act(Where::Inject);
        injector.set("x-more", "new".to_owned());
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        self.0.act(Where::Extract);
        context.with_value(Extracted)
    }

    fn fields(&self) -> FieldIter<'_> {
        if self.0.by.get().is_some() {
            self.0.act(Where::Fields);
        }
        FieldIter::new(FIELDS.as_slice())
    }
}

struct Extracted;

const REFUSED: Outcome<'_> = Outcome::Failed {
    error_type: Cow::Borrowed("refused"),
    message: &"no such topic",
};

const ACCEPTED: Outcome<'_> = Outcome::Accepted(&|answer| answer.set("order", 7));

fn send(by: &Instrumentation, headers: &mut BTreeMap<String, String>, outcome: Outcome<'_>) {
    let sending = by.outgoing("send", &NOWHERE);
    sending.inject(headers, None);
    sending.finish(outcome);
}

/// What the handler returns.
fn handle(by: &Instrumentation, message: &Message) -> u32 {
    let handling = by.with_message_context(message, async |_| 7);
    futures_util::FutureExt::now_or_never(handling).expect("at once")
}

/// What the handlers of two messages of a batch return, in all.
fn handle_batch(by: &Instrumentation) -> u32 {
    let messages = [message(), message()];
    let handling = by.with_batch_context(&messages, async |batch| {
        let mut all = 0;
        for message in batch {
            all += message.run(async |_| 7).await;
        }
        all
    });
    futures_util::FutureExt::now_or_never(handling).expect("at once")
}

#[test]
fn a_panic_takes_no_message_along() {
    for place in PLACES {
        let hostile = Hostile::new(place, How::Panics);
        let by = hostile.instrumentation();
        let before = caught_panics();
        for n in 1..=40 {
            let given = [("x-trace", "old"), ("undeclared", "own"), ("order", "7")];
            let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let mut headers = BTreeMap::from(given.clone());
            send(
                &by,
                &mut headers,
                if n % 2 == 0 { REFUSED } else { ACCEPTED },
            );
            if matches!(place, Where::Fields | Where::Inject) {
                // Not half of it.
                assert_eq!(headers, BTreeMap::from(given), "{place:?}");
            } else {
                let written = ["x-trace", "undeclared", "x-more"];
                assert!(written.iter().all(|name| headers[*name] == "new"));
                assert_eq!(headers["order"], "7");
            }
            assert_eq!(handle(&by, &message()), 7, "{place:?}, the message {n}");
            assert_eq!(handle_batch(&by), 14, "{place:?}, the batch {n}");
        }
        // Off after 16; a propagator is asked for its fields for reading and for writing.
        let ways = if place == Where::Fields { 2 } else { 1 };
        assert_eq!(hostile.asked.load(Ordering::SeqCst), 16 * ways, "{place:?}");
        assert!(caught_panics() - before >= 16);
    }
}

/// Another provider, another propagator and the W3C pair know nothing of it.
#[test]
fn what_is_off_is_one_provider_or_one_way_of_one_propagator() {
    let hostile = Hostile::new(Where::Extract, How::Panics);
    let by = hostile.instrumentation();
    for _ in 0..20 {
        assert!(by.extract(&message().headers).get::<Extracted>().is_none());
    }
    let mut headers = BTreeMap::new();
    by.inject(&Context::new(), &mut headers);
    assert_eq!(headers["x-trace"], "new", "it still writes");

    let other = spans();
    drop(other.instrumentation.process(&message()));
    assert_eq!(other.only().name, "process orders");
}

#[test]
fn what_comes_back_is_not_asked_again() {
    for place in PLACES {
        let hostile = Hostile::new(place, How::ComesBack);
        let by = hostile.instrumentation();
        for _ in 0..3 {
            send(&by, &mut BTreeMap::new(), REFUSED);
            assert_eq!(handle(&by, &message()), 7);
        }
        // Once for each span, for each message read, for each written: nothing for what it sent.
        let asked = hostile.asked.load(Ordering::SeqCst);
        assert!((3..=12).contains(&asked), "{place:?}: {asked}");
    }
}

#[test]
fn good_work_between_panics_keeps_it_on() {
    /// Panics at every other span.
    #[derive(Debug, Default, Clone)]
    struct Sometimes(Arc<AtomicU32>);
    impl SpanProcessor for Sometimes {
        fn on_start(&self, _: &mut Span, _: &Context) {}
        fn on_end(&self, _: SpanData) {
            assert!(self.0.fetch_add(1, Ordering::SeqCst).is_multiple_of(2));
        }
        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }
    let processor = Sometimes::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    let by = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .build();
    for _ in 0..50 {
        drop(by.process(&message()));
    }
    assert_eq!(processor.0.load(Ordering::SeqCst), 50);
}

/// Where there is little room an older context makes room first.
#[test]
fn a_context_that_made_room_is_there_again() {
    let hostile = Hostile::new(Where::Inject, How::Panics);
    let by = hostile.instrumentation();
    let given = BTreeMap::from([("x-trace".to_owned(), "old".to_owned())]);
    let mut headers = given.clone();
    let sending = by.outgoing("send", &NOWHERE);
    sending.inject(&mut headers, Some(100));
    assert_eq!(headers, given);
}

/// Its fields are asked for in between, to make room, and they are good.
#[test]
fn what_always_fails_to_write_is_off_where_there_is_little_room_too() {
    let hostile = Hostile::new(Where::Inject, How::Panics);
    let by = hostile.instrumentation();
    for _ in 0..40 {
        let mut headers = BTreeMap::new();
        let sending = by.outgoing("send", &NOWHERE);
        sending.inject(&mut headers, Some(100));
        assert!(headers.is_empty());
    }
    assert_eq!(hostile.asked.load(Ordering::SeqCst), 16);
}

/// What could not be read is not taken for a message without a context.
#[test]
fn a_forwarded_message_keeps_what_was_not_read() {
    let hostile = Hostile::new(Where::Extract, How::Panics);
    let by = hostile.instrumentation();
    let mut headers = BTreeMap::from([("x-trace".to_owned(), "old".to_owned())]);
    let given = headers.clone();
    let sending = by.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &NOWHERE,
        &mut headers,
        None,
    );
    sending.inject(&mut headers, None);
    assert_eq!(headers, given);
}

/// As much of an error's text as there is until it panics.
#[test]
fn an_error_that_panics_when_it_is_shown_takes_no_message_along() {
    struct Bad;
    impl fmt::Display for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no such ")?;
            panic!("while it is shown");
        }
    }
    let spans = spans();
    let by = &spans.instrumentation;
    let sending = by.outgoing("send", &NOWHERE);
    sending.finish(Outcome::failed("refused", &Bad));
    let status = opentelemetry::trace::Status::error("no such ");
    assert_eq!(spans.only().status, status);

    let mut headers = BTreeMap::new();
    let letter = DeadLetter::new(Destination::named("orders"), &Bad);
    let letter = Relay::DeadLetter(&letter);
    drop(by.relay(
        letter,
        Destination::unknown(),
        "send",
        &NOWHERE,
        &mut headers,
        Some(1000),
    ));
    assert_eq!(headers["dead-letter-error"], "no such ");
}

/// OpenTelemetry attaches 65,535 contexts on a thread and no more.
#[test]
fn forgotten_guards_do_not_stop_the_next_message() {
    let spans = spans();
    let by = &spans.instrumentation;
    for _ in 0..70_000 {
        std::mem::forget(Instrumentation::default().process(&message()).enter());
    }
    let entered = by.process(&message()).enter();
    let is_current = Context::map_current(|current| {
        current.span().span_context() == entered.context().span().span_context()
    });
    assert!(is_current);
    drop(entered);
    let sender = by.extract(&message().headers);
    assert_eq!(
        sender.span().span_context().trace_id().to_string(),
        TRACEPARENT[3..35]
    );
}
