//! A layer of `tracing`. It is hostile to the spans and the events of the library, not to those of
//! the application and of the clients, which have no part in this.

use crate::hostile::{Hostile, Place};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

impl Hostile {
    fn told_of(&self, place: Place, metadata: Option<&Metadata<'_>>) {
        let target = metadata.map(|metadata| metadata.target().replace('-', "_"));
        if target.is_some_and(|target| target.starts_with("otel_messaging")) {
            self.act(place);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Hostile {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.told_of(Place::Enabled, Some(metadata));
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.told_of(Place::Enabled, Some(metadata));
        true
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.told_of(Place::NewSpan, Some(attributes.metadata()));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.told_of(Place::Enter, context.metadata(id));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.told_of(Place::Exit, context.metadata(id));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.told_of(Place::Close, context.metadata(&id));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.told_of(Place::Event, Some(event.metadata()));
    }
}
