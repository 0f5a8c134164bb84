//! The messages that go both ways, and what comes of them.

use crate::hostile::Hostile;
use integration_tests::client::HeaderList;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use otel_messaging::{Instrumentation, Received};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::unconstrained;

/// The upper half of each order's trace id.
const OURS: u64 = 0x0af7_6519_16cd_43dd;

/// A message, in a trace of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Order(pub(crate) u32);

/// The number that ends a round.
pub(crate) const END: Order = Order(u32::MAX);

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Arrives,
    /// The client refuses it.
    Refused,
    /// The broker does not take it, or sends it back.
    Failed,
}

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    AtOnce,
    OneByOne,
}

/// Telemetry that is given to the library; without it the bare client sends and handles.
pub(crate) struct Ours {
    pub(crate) by: Instrumentation,
    pub(crate) hostile: Option<Hostile>,
}

/// What came of a round.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For each order, by its number, all that the application was told.
    pub(crate) answers: Vec<(u32, String)>,
    /// In which order the callbacks came.
    pub(crate) callbacks: Vec<u32>,
    pub(crate) arrived: Vec<Arrived>,
}

/// A message that arrived and was handled.
#[derive(Debug, PartialEq)]
pub(crate) struct Arrived {
    /// What the client shows of it, but for the context.
    pub(crate) headers: HeaderList,
    pub(crate) payload: Vec<u8>,
    pub(crate) handled: Handled,
}

/// How often a handler ran, and what it returned.
pub(crate) type Handled = (u32, Result<u32, u32>);

impl Outcome {
    /// Says what is not as with the bare client.
    pub(crate) fn assert_is(&self, bare: &Self, what: &str) {
        assert_all(&self.answers, &bare.answers, what);
        assert_all(&self.callbacks, &bare.callbacks, what);
        assert_all(&self.arrived, &bare.arrived, what);
    }
}

fn assert_all<T: PartialEq + Debug>(all: &[T], bare: &[T], what: &str) {
    for (n, (one, bare)) in all.iter().zip(bare).enumerate() {
        assert_eq!(one, bare, "{what}: at {n}");
    }
    assert_eq!(all.len(), bare.len(), "{what}");
}

impl Order {
    pub(crate) fn fate(self) -> Fate {
        match self.0 % 8 {
            _ if self == END => Fate::Arrives,
            5 => Fate::Refused,
            6 => Fate::Failed,
            _ => Fate::Arrives,
        }
    }

    /// Not text.
    pub(crate) fn payload(self) -> Vec<u8> {
        [b"order\0\xff\r\n ", self.0.to_string().as_bytes()].concat()
    }

    pub(crate) fn headers(self) -> [(&'static str, String); 3] {
        [
            ("Order-Id", self.0.to_string()),
            ("empty", String::new()),
            ("note", format!("ä = \"{}\"; c, %20", self.0)),
        ]
    }

    /// Its sender's span, and baggage.
    pub(crate) fn context(self) -> Context {
        let trace_id = (u128::from(OURS) << 64) | (u128::from(self.0) + 1);
        let sender = SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(u64::from(self.0) + 1),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        let baggage = KeyValue::new("order", self.0.to_string());
        Context::new()
            .with_remote_span_context(sender)
            .with_baggage([baggage])
    }

    /// The number in the headers of a message.
    pub(crate) fn of(headers: &HeaderList) -> Self {
        let mut found = headers.iter().filter(|(name, _)| name == "Order-Id");
        let (_, number) = found.next().expect("an order");
        Self(number.parse().expect("a number"))
    }

    /// Whatever telemetry does: no other message's context.
    fn assert_own(self, trace_id: TraceId, baggage: Option<&str>, what: &str) {
        let bytes = trace_id.to_bytes();
        assert_ne!(bytes, [0xee; 16], "of half a propagator");
        if bytes[..8] == OURS.to_be_bytes() {
            let own = self.context().span().span_context().trace_id();
            assert_eq!(trace_id, own, "the trace {what} of {self:?}");
        }
        if let Some(order) = baggage {
            assert_eq!(order, self.0.to_string(), "the baggage {what} of {self:?}");
        }
    }
}

/// The headers without those of the context, which has to be the one that the order was sent in,
/// or absent.
pub(crate) fn own_headers(order: Order, headers: HeaderList) -> HeaderList {
    own_headers_of(order, headers, true)
}

/// The same for an answer: where the context of the order could not be read, that of the answer is
/// in a new trace.
pub(crate) fn own_headers_of_answer(order: Order, headers: HeaderList) -> HeaderList {
    own_headers_of(order, headers, false)
}

fn own_headers_of(order: Order, headers: HeaderList, is_sent_in: bool) -> HeaderList {
    let is_context = |(name, _): &(String, String)| {
        let name = name.to_ascii_lowercase();
        matches!(&*name, "traceparent" | "tracestate" | "baggage")
    };
    let (context, own): (HeaderList, HeaderList) = headers.into_iter().partition(is_context);
    for (name, value) in context {
        if name == "traceparent" {
            let trace_id = TraceId::from_hex(&value[3..35]).expect("a trace id");
            let sender = order.context().span().span_context().trace_id();
            if is_sent_in {
                assert_eq!(trace_id, sender, "the trace of {order:?}");
            }
            order.assert_own(trace_id, None, "that is carried");
        } else {
            assert_eq!(
                (&*name, &*value),
                ("baggage", &*format!("order={}", order.0))
            );
        }
    }
    own
}

impl Ours {
    pub(crate) fn next_message(ours: Option<&Self>, order: Order) {
        if let Some(hostile) = ours.and_then(|ours| ours.hostile.as_ref()) {
            hostile.next_message(order.0);
        }
    }

    /// Gives the telemetry that comes back what it publishes with.
    pub(crate) fn when_it_comes_back(
        &self,
        publish: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        if let Some(hostile) = &self.hostile {
            hostile.again().set(&self.by, publish);
        }
    }

    /// The same for a client whose answer has to be awaited.
    pub(crate) fn when_it_comes_back_async<F>(
        &self,
        publish: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        if let Some(hostile) = &self.hostile {
            hostile.again().set_async(&self.by, publish);
        }
    }
}

/// Sends each order in its own context. The answers are in the order of the orders.
pub(crate) async fn send_all<F: Future<Output = String>>(
    ours: Option<&Ours>,
    orders: &[Order],
    pace: Pace,
    send: impl Fn(Order) -> F,
) -> Vec<(u32, String)> {
    let send = async |order: Order| {
        Ours::next_message(ours, order);
        (order.0, send(order).await)
    };
    let sends = orders
        .iter()
        .map(|order| send(*order).with_context(order.context()));
    match pace {
        // Unconstrained: tokio would have some of them wait for the next round, behind the others.
        Pace::AtOnce => unconstrained(futures_util::future::join_all(sends)).await,
        Pace::OneByOne => {
            let mut answers = Vec::new();
            for send in sends {
                answers.push(send.await);
            }
            answers
        }
    }
}

/// Handles a message. Every other handler fails.
pub(crate) async fn handle<C, M: Received<C>>(
    ours: Option<&Ours>,
    order: Order,
    message: &M,
    work: impl AsyncFn(),
) -> Handled {
    Ours::next_message(ours, order);
    let runs = AtomicU32::new(0);
    let handler = async |_: &M| {
        runs.fetch_add(1, Ordering::SeqCst);
        assert_current(order);
        tokio::task::yield_now().await;
        assert_current(order);
        spans_of_the_application(ours);
        work().await;
        if order.0.is_multiple_of(2) {
            Ok(order.0)
        } else {
            Err(order.0)
        }
    };
    let before = Context::current();
    let returned = match ours {
        None => handler(message).await,
        Some(ours) => ours.by.try_with_message_context(message, handler).await,
    };
    assert_eq!(
        Context::current().span().span_context(),
        before.span().span_context(),
        "what was current before {order:?}"
    );
    (runs.load(Ordering::SeqCst), returned)
}

fn assert_current(order: Order) {
    let current = otel_messaging::current_context();
    let baggage = current.baggage().get("order").map(ToString::to_string);
    let trace_id = current.span().span_context().trace_id();
    order.assert_own(
        trace_id,
        baggage.as_deref(),
        "that is current in the handler",
    );
}

/// They are not ours: whoever makes them panic answers for it.
fn spans_of_the_application(ours: Option<&Ours>) {
    let work = || tracing::info_span!("work").in_scope(|| tracing::info!("an event"));
    match ours.and_then(|ours| ours.hostile.as_ref()) {
        Some(hostile) => hostile.calmly(work),
        None => work(),
    }
}
