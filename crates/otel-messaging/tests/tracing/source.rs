//! What a viewer shows of where a span comes from, and what users filter by.

use crate::message::{NOWHERE, message, spans};
use crate::subscribe;
use opentelemetry::trace::TracerProvider;
use otel_messaging::adapter::{Destination, Relay};
use otel_messaging::{Instrumentation, process};
use std::sync::{Arc, Mutex};
use tracing::info_span;
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};

fn send_forward_and_process() {
    let message = message();
    let _entered = process(&message).enter();
    info_span!("order").in_scope(|| {
        let by = Instrumentation::global();
        drop(by.outgoing("send", &NOWHERE));
        let mut headers = message.headers.clone();
        drop(by.relay(
            Relay::Forward,
            Destination::unknown(),
            "forward",
            &NOWHERE,
            &mut headers,
            None,
        ));
    });
}

/// By default the layer exports the place in the source at which a span is opened. For a message's
/// it would be one of this crate.
#[test]
fn spans_of_messages_have_no_place_in_the_source() {
    let spans = spans();
    let _subscribed = subscribe(&spans, true);
    send_forward_and_process();
    let mut ended = spans.ended();
    ended.sort_by(|a, b| a.name.cmp(&b.name));
    let places = ended.iter().map(|span| {
        let keys = span
            .attributes
            .iter()
            .map(|attribute| attribute.key.as_str());
        let code = keys.filter(|key| key.starts_with("code."));
        (&*span.name, code.count())
    });
    let expected = [
        ("forward", 0),
        // The application's own: its file, line and module.
        ("order", 3),
        ("process orders", 0),
        ("send", 0),
    ];
    assert_eq!(places.collect::<Vec<_>>(), expected);
}

/// (target, name in `tracing`, fields, whether it has a parent)
type Opened = (String, &'static str, Vec<&'static str>, bool);

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Opened>>>);

impl<S: tracing::Subscriber> Layer<S> for Record {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        let fields = metadata.fields().iter().map(|field| field.name()).collect();
        self.0.lock().unwrap().push((
            metadata.target().to_owned(),
            metadata.name(),
            fields,
            !attributes.is_root(),
        ));
    }
}

/// With the target that users write into `RUST_LOG`, of which `info` is enough.
#[test]
fn users_let_them_pass_by_the_crates_name() {
    for (level, is_open) in [(LevelFilter::INFO, true), (LevelFilter::WARN, false)] {
        let (spans, record) = (spans(), Record::default());
        let layer =
            tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"));
        let filter = Targets::new().with_target("otel_messaging", level);
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(record.clone())
            .with(filter);
        tracing::subscriber::with_default(subscriber, send_forward_and_process);
        let opened = record.0.lock().unwrap();
        if is_open {
            let of = |name| {
                let fields = vec!["otel.name", "otel.kind"];
                ("otel_messaging".to_owned(), name, fields, false)
            };
            assert_eq!(*opened, [of("process"), of("send"), of("forward")]);
            assert_eq!(spans.ended().len(), 3);
        } else {
            assert_eq!(*opened, []);
        }
    }
}
