//! By whose word a span is: its instrumentation scope is that of the adapter.

use crate::message::{NOWHERE, TestClient, message, spans};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::Envelope;
use otel_messaging::adapter::{Client, Describe, Destination, Relay, TextMap, semconv};
use otel_messaging::stored::Stored;
use std::marker::PhantomData;

#[track_caller]
fn assert_of<C: Client>(span: &SpanData) {
    let scope = &span.instrumentation_scope;
    assert_eq!(scope.name(), C::NAME);
    assert_eq!(scope.version(), Some(C::VERSION));
    assert_eq!(scope.schema_url(), Some(semconv::SCHEMA_URL));
    assert_eq!(scope.attributes().count(), 0);
}

#[test]
fn every_kind_of_span_has_the_clients() {
    let spans = spans();
    let by = &spans.instrumentation;
    let mut headers = message().headers;
    drop(by.process(&message()));
    drop(by.outgoing("send", &NOWHERE));
    drop(by.relay(
        Relay::Forward,
        Destination::unknown(),
        "send",
        &NOWHERE,
        &mut headers,
        None,
    ));
    drop(by.relay(
        Relay::Republish,
        Destination::unknown(),
        "send",
        &NOWHERE,
        &mut headers,
        None,
    ));
    let ended = spans.ended();
    assert_eq!(ended.len(), 4);
    ended.iter().for_each(assert_of::<TestClient>);
}

struct Of<C>(PhantomData<C>);

impl<C: Client> Describe<TextMap> for Of<C> {
    type Client = C;

    fn destination(&self) -> Destination<'_> {
        Destination::unknown()
    }
}

macro_rules! clients {
    ($($client:ident $name:literal $version:literal),* $(,)?) => {
        $(
            enum $client {}

            impl Client for $client {
                const SYSTEM: &'static str = $name;
                const NAME: &'static str = $name;
                const VERSION: &'static str = $version;
            }
        )*

        /// A program with more clients than most have, all by one instrumentation.
        #[test]
        fn each_client_has_its_own() {
            let spans = spans();
            for _ in 0..2 {
                let before = spans.ended().len();
                $(
                    drop(spans.instrumentation.outgoing("send", &Of::<$client>(PhantomData)));
                )*
                drop(spans.instrumentation.process(&Envelope::bare(7)));
                let ended = spans.ended();
                let mut ended = ended[before..].iter();
                $(
                    assert_of::<$client>(ended.next().expect("a span"));
                )*
                assert_of::<Stored>(ended.next().expect("the envelope's"));
                assert!(ended.next().is_none());
            }
        }
    };
}

clients!(One "one" "1", Two "two" "2", Three "three" "3", Four "four" "4", Five "five" "5");

/// The core's own: it is no adapter's message.
#[test]
fn an_envelopes_is_the_cores() {
    assert_eq!(Stored::NAME, "otel-messaging");
    assert_eq!(Stored::VERSION, env!("CARGO_PKG_VERSION"));
}
